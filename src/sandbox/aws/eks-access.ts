/** The EKS server's routes for access entries. */
import type { Json } from '../../engine/types.ts';
import { AwsFault } from '../types.ts';
import type { EksCall, EksRoute } from './eks-call.ts';
import { cluster, listed, notFound } from './eks-call.ts';
import type { AccessEntry } from './eks-state.ts';

export const accessRoutes: readonly EksRoute[] = [
  {
    name: 'ListAccessEntries',
    method: 'GET',
    path: '/clusters/:/access-entries',
    run: (call) => listed(call, 'accessEntries', [...cluster(call).accessEntries.keys()].sort()),
  },
  { name: 'CreateAccessEntry', method: 'POST', path: '/clusters/:/access-entries', run: createAccessEntry },
  {
    name: 'DescribeAccessEntry',
    method: 'GET',
    path: '/clusters/:/access-entries/:',
    run: (call) => ({ accessEntry: accessEntryJson(call, call.path[1] ?? '') }),
  },
  { name: 'DeleteAccessEntry', method: 'DELETE', path: '/clusters/:/access-entries/:', run: deleteAccessEntry },
  { name: 'ListAssociatedAccessPolicies', method: 'GET', path: '/clusters/:/access-entries/:/access-policies', run: accessPolicies },
  { name: 'AssociateAccessPolicy', method: 'POST', path: '/clusters/:/access-entries/:/access-policies', run: associatePolicy },
  { name: 'DisassociateAccessPolicy', method: 'DELETE', path: '/clusters/:/access-entries/:/access-policies/:', run: disassociatePolicy },
];

function requireEntryMode(call: EksCall): void {
  if (cluster(call).seed.authenticationMode !== 'CONFIG_MAP') return;
  throw new AwsFault(
    400,
    'InvalidRequestException',
    "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
  );
}

function createAccessEntry(call: EksCall): Json {
  requireEntryMode(call);
  const principal = String(call.body['principalArn'] ?? '');
  const { accessEntries } = cluster(call);
  if (accessEntries.has(principal)) throw new AwsFault(409, 'ResourceInUseException', 'The specified access entry resource is already in use on this cluster.');
  accessEntries.set(principal, { created: call.state.clock.now(), policies: new Set() });
  return { accessEntry: accessEntryJson(call, principal) };
}

function accessEntryJson(call: EksCall, principalArn: string): Json {
  requireEntryMode(call);
  const { accessEntries, arn, seed } = cluster(call);
  const entry = accessEntries.get(principalArn);
  if (entry === undefined)
    throw notFound(`The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.`);
  const time = entry.created.getTime() / 1000;
  return {
    clusterName: seed.name,
    principalArn,
    kubernetesGroups: [],
    accessEntryArn: `${arn.replace(':cluster/', ':access-entry/')}/${principalArn.slice(principalArn.lastIndexOf('/') + 1)}`,
    createdAt: time,
    modifiedAt: time,
    tags: {},
    username: principalArn,
    type: 'STANDARD',
  };
}

function deleteAccessEntry(call: EksCall): Json {
  accessEntryJson(call, call.path[1] ?? '');
  cluster(call).accessEntries.delete(call.path[1] ?? '');
  return {};
}

function entryOf(call: EksCall): AccessEntry {
  accessEntryJson(call, call.path[1] ?? '');
  return cluster(call).accessEntries.get(call.path[1] ?? '') as AccessEntry;
}

function policyJson(policyArn: string, entry: AccessEntry): Json {
  const time = entry.created.getTime() / 1000;
  return { policyArn, accessScope: { type: 'cluster', namespaces: [] }, associatedAt: time, modifiedAt: time };
}

function accessPolicies(call: EksCall): Json {
  const entry = entryOf(call);
  const associatedAccessPolicies = [...entry.policies].map((arn) => policyJson(arn, entry));
  return { clusterName: cluster(call).seed.name, principalArn: call.path[1] ?? '', associatedAccessPolicies, nextToken: null };
}

function associatePolicy(call: EksCall): Json {
  const entry = entryOf(call);
  const policyArn = String(call.body['policyArn'] ?? '');
  if (!/^arn:[^:]+:eks::aws:cluster-access-policy\/\w+$/.test(policyArn)) {
    throw new AwsFault(400, 'InvalidParameterException', `The policyArn parameter format is not valid: ${policyArn}`);
  }
  entry.policies.add(policyArn);
  return { clusterName: cluster(call).seed.name, principalArn: call.path[1] ?? '', associatedAccessPolicy: policyJson(policyArn, entry) };
}

function disassociatePolicy(call: EksCall): Json {
  if (!entryOf(call).policies.delete(call.path[2] ?? '')) throw notFound('The specified access policy is not associated with this principal.');
  return {};
}
