/** What the EKS door answers, route by route: clusters, add-ons, associations, access entries, tags. */
import type { Json } from '../../engine/types.ts';
import { AwsFault } from '../types.ts';
import type { EksCluster, EksState, PodIdentityAssociation } from './eks-state.ts';
import { associationArn, associationOf, clusterJson } from './eks-state.ts';
import type { IamState } from './iam-state.ts';
import { roleByArn } from './iam-state.ts';

export interface EksCall {
  readonly state: EksState;
  readonly iam: IamState;
  /** Decoded placeholders of the path, in order. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** The caller may hand this role to EKS; throws AccessDenied. */
  readonly requirePassRole: (roleArn: string) => void;
}

export interface EksRoute {
  readonly name: string;
  readonly method: string;
  /** `:` stands for one segment. */
  readonly path: string;
  readonly run: (call: EksCall) => Json;
}

export const eksRoutes: readonly EksRoute[] = [
  { name: 'ListClusters', method: 'GET', path: '/clusters', run: (call) => listed(call, 'clusters', [...call.state.clusters.keys()].sort()) },
  { name: 'DescribeCluster', method: 'GET', path: '/clusters/:', run: (call) => ({ cluster: clusterJson(call.state, cluster(call)) }) },
  { name: 'ListAddons', method: 'GET', path: '/clusters/:/addons', run: (call) => listed(call, 'addons', [...cluster(call).addons.keys()].sort()) },
  { name: 'CreateAddon', method: 'POST', path: '/clusters/:/addons', run: createAddon },
  { name: 'DescribeAddon', method: 'GET', path: '/clusters/:/addons/:', run: (call) => ({ addon: addonJson(call) }) },
  { name: 'DeleteAddon', method: 'DELETE', path: '/clusters/:/addons/:', run: deleteAddon },
  { name: 'CreatePodIdentityAssociation', method: 'POST', path: '/clusters/:/pod-identity-associations', run: createAssociation },
  { name: 'ListPodIdentityAssociations', method: 'GET', path: '/clusters/:/pod-identity-associations', run: listAssociations },
  { name: 'DescribePodIdentityAssociation', method: 'GET', path: '/clusters/:/pod-identity-associations/:', run: (call) => ({ association: whole(call, association(call)) }) },
  { name: 'UpdatePodIdentityAssociation', method: 'POST', path: '/clusters/:/pod-identity-associations/:', run: updateAssociation },
  { name: 'DeletePodIdentityAssociation', method: 'DELETE', path: '/clusters/:/pod-identity-associations/:', run: deleteAssociation },
  { name: 'ListAccessEntries', method: 'GET', path: '/clusters/:/access-entries', run: (call) => listed(call, 'accessEntries', [...cluster(call).accessEntries.keys()].sort()) },
  { name: 'CreateAccessEntry', method: 'POST', path: '/clusters/:/access-entries', run: createAccessEntry },
  { name: 'DescribeAccessEntry', method: 'GET', path: '/clusters/:/access-entries/:', run: (call) => ({ accessEntry: accessEntryJson(call, call.path[1] ?? '') }) },
  { name: 'DeleteAccessEntry', method: 'DELETE', path: '/clusters/:/access-entries/:', run: deleteAccessEntry },
  { name: 'ListAssociatedAccessPolicies', method: 'GET', path: '/clusters/:/access-entries/:/access-policies', run: accessPolicies },
  { name: 'ListNodegroups', method: 'GET', path: '/clusters/:/node-groups', run: (call) => listed(call, 'nodegroups', cluster(call).seed.nodegroups ?? []) },
  { name: 'ListFargateProfiles', method: 'GET', path: '/clusters/:/fargate-profiles', run: (call) => listed(call, 'fargateProfileNames', cluster(call).seed.fargateProfiles ?? []) },
  { name: 'ListTagsForResource', method: 'GET', path: '/tags/:', run: (call) => ({ tags: tagged(call).tags }) },
  { name: 'TagResource', method: 'POST', path: '/tags/:', run: tagResource },
  { name: 'UntagResource', method: 'DELETE', path: '/tags/:', run: untagResource },
];

export function notFound(message: string): AwsFault {
  return new AwsFault(404, 'ResourceNotFoundException', message);
}

function cluster(call: EksCall): EksCluster {
  const name = call.path[0] ?? '';
  const found = call.state.clusters.get(name);
  if (found === undefined) throw notFound(`No cluster found for name: ${name}.`);
  return found;
}

function listed(call: EksCall, field: string, items: readonly Json[]): Json {
  const max = Number(call.query.get('maxResults') ?? '100');
  if (!(max >= 1 && max <= 100)) throw new AwsFault(400, 'InvalidParameterException', 'maxResults must be between 1 and 100');
  const start = Number(Buffer.from(call.query.get('nextToken') ?? '', 'base64').toString() || '0');
  const nextToken = start + max < items.length ? Buffer.from(String(start + max)).toString('base64') : null;
  return { [field]: items.slice(start, start + max), nextToken };
}

function addon(call: EksCall) {
  const name = call.path[1] ?? '';
  const found = cluster(call).addons.get(name);
  if (found === undefined) throw notFound(`No addon: ${name} found in cluster: ${cluster(call).seed.name}`);
  return found;
}

function addonJson(call: EksCall): Json {
  const { name, status = 'ACTIVE', version, issues = [] } = addon(call);
  const { arn, created, seed } = cluster(call);
  const time = created.getTime() / 1000;
  return {
    addonName: name, clusterName: seed.name, status, addonVersion: version, health: { issues: issues as unknown as Json },
    addonArn: `${arn.replace(':cluster/', ':addon/')}/${name}/0`, createdAt: time, modifiedAt: time, tags: {},
  };
}

function createAddon(call: EksCall): Json {
  const name = String(call.body['addonName'] ?? '');
  const { addons, seed } = cluster(call);
  if (addons.has(name)) throw new AwsFault(409, 'ResourceInUseException', 'Addon already exists.');
  addons.set(name, { name, status: 'ACTIVE', version: String(call.body['addonVersion'] ?? 'v1.0.0-eksbuild.1') });
  return { addon: addonJson({ ...call, path: [seed.name, name] }) };
}

function deleteAddon(call: EksCall): Json {
  const gone = addonJson(call);
  cluster(call).addons.delete(addon(call).name);
  return { addon: gone };
}

function association(call: EksCall): PodIdentityAssociation {
  const id = (call.path[1] ?? '').replace(/^a-/, '');
  const found = cluster(call).associations.get(id);
  if (found === undefined) throw notFound(`No association found in cluster: ${cluster(call).seed.name} with associationId: a-${id}`);
  return found;
}

function short(call: EksCall, one: PodIdentityAssociation): Readonly<Record<string, Json>> {
  return { clusterName: cluster(call).seed.name, namespace: one.namespace, serviceAccount: one.serviceAccount, associationArn: associationArn(cluster(call), one), associationId: `a-${one.id}` };
}

function whole(call: EksCall, one: PodIdentityAssociation): Json {
  return { ...short(call, one), roleArn: one.roleArn, tags: one.tags, createdAt: one.created.getTime() / 1000, modifiedAt: one.modified.getTime() / 1000, disableSessionTags: false };
}

function requireRole(call: EksCall): string {
  const arn = String(call.body['roleArn'] ?? '');
  call.requirePassRole(arn);
  if (roleByArn(call.iam, arn) === undefined) throw new AwsFault(400, 'InvalidParameterException', `Role provided in the request does not exist: ${arn}`);
  return arn;
}

function createAssociation(call: EksCall): Json {
  const { associations } = cluster(call);
  const namespace = String(call.body['namespace'] ?? '');
  const serviceAccount = String(call.body['serviceAccount'] ?? '');
  if (namespace === '' || serviceAccount === '') throw new AwsFault(400, 'InvalidParameterException', 'namespace and serviceAccount must not be empty');
  const roleArn = requireRole(call);
  if (associationOf(cluster(call), { namespace, serviceAccount })) {
    throw new AwsFault(409, 'ResourceInUseException', `Association already exists: ${associationArn(cluster(call), associationOf(cluster(call), { namespace, serviceAccount }) as PodIdentityAssociation)}`);
  }
  const created = call.state.clock.now();
  const tags = (call.body['tags'] ?? {}) as Record<string, string>;
  const made: PodIdentityAssociation = { id: call.state.nextId(), namespace, serviceAccount, roleArn, tags, created, modified: created };
  associations.set(made.id, made);
  return { association: whole(call, made) };
}

function listAssociations(call: EksCall): Json {
  const namespace = call.query.get('namespace');
  const serviceAccount = call.query.get('serviceAccount');
  const found = [...cluster(call).associations.values()]
    .filter((one) => namespace === null || one.namespace === namespace)
    .filter((one) => serviceAccount === null || one.serviceAccount === serviceAccount);
  return listed(call, 'associations', found.map((one) => short(call, one)));
}

function updateAssociation(call: EksCall): Json {
  const found = association(call);
  if (call.body['roleArn'] !== undefined) found.roleArn = requireRole(call);
  found.modified = call.state.clock.now();
  return { association: whole(call, found) };
}

function deleteAssociation(call: EksCall): Json {
  const found = association(call);
  cluster(call).associations.delete(found.id);
  return { association: whole(call, found) };
}

function requireEntryMode(call: EksCall): void {
  if (cluster(call).seed.authenticationMode !== 'CONFIG_MAP') return;
  throw new AwsFault(400, 'InvalidRequestException', 'The cluster\'s authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.');
}

function createAccessEntry(call: EksCall): Json {
  requireEntryMode(call);
  const principal = String(call.body['principalArn'] ?? '');
  const { accessEntries } = cluster(call);
  if (accessEntries.has(principal)) throw new AwsFault(409, 'ResourceInUseException', 'The specified access entry resource is already in use on this cluster.');
  accessEntries.set(principal, { created: call.state.clock.now() });
  return { accessEntry: accessEntryJson(call, principal) };
}

function accessEntryJson(call: EksCall, principalArn: string): Json {
  requireEntryMode(call);
  const { accessEntries, arn, seed } = cluster(call);
  const entry = accessEntries.get(principalArn);
  if (entry === undefined) throw notFound(`The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.`);
  const time = entry.created.getTime() / 1000;
  return {
    clusterName: seed.name, principalArn, kubernetesGroups: [], accessEntryArn: `${arn.replace(':cluster/', ':access-entry/')}/${principalArn.slice(principalArn.lastIndexOf('/') + 1)}`,
    createdAt: time, modifiedAt: time, tags: {}, username: principalArn, type: 'STANDARD',
  };
}

function deleteAccessEntry(call: EksCall): Json {
  accessEntryJson(call, call.path[1] ?? '');
  cluster(call).accessEntries.delete(call.path[1] ?? '');
  return {};
}

function accessPolicies(call: EksCall): Json {
  accessEntryJson(call, call.path[1] ?? '');
  const policyArn = `arn:${call.state.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy`;
  const time = cluster(call).created.getTime() / 1000;
  const policies = [{ policyArn, accessScope: { type: 'cluster', namespaces: [] }, associatedAt: time, modifiedAt: time }];
  return { clusterName: cluster(call).seed.name, principalArn: call.path[1] ?? '', associatedAccessPolicies: policies, nextToken: null };
}

/** What an ARN of the tagging calls names: a cluster or an association. */
function tagged(call: EksCall): { tags: Readonly<Record<string, string>> } {
  const arn = call.path[0] ?? '';
  for (const one of call.state.clusters.values()) {
    if (one.arn === arn) return one;
    const found = [...one.associations.values()].find((candidate) => associationArn(one, candidate) === arn);
    if (found) return found;
  }
  throw new AwsFault(404, 'NotFoundException', `Resource not found: ${arn}`);
}

function tagResource(call: EksCall): Json {
  const resource = tagged(call);
  resource.tags = { ...resource.tags, ...((call.body['tags'] ?? {}) as Record<string, string>) };
  return {};
}

function untagResource(call: EksCall): Json {
  const resource = tagged(call);
  const drop = call.query.getAll('tagKeys');
  resource.tags = Object.fromEntries(Object.entries(resource.tags).filter(([key]) => !drop.includes(key)));
  return {};
}
