/** The routes of the EKS server: clusters, add-ons, node groups, tags, and those of the files beside it. */
import type { Json } from '../../engine/types.ts';
import { AwsFault } from '../types.ts';
import { accessRoutes } from './eks-access.ts';
import { associationRoutes } from './eks-associations.ts';
import type { EksCall, EksRoute } from './eks-call.ts';
import { cluster, listed, notFound } from './eks-call.ts';
import { associationArn, clusterJson } from './eks-state.ts';

export const eksRoutes: readonly EksRoute[] = [
  ...associationRoutes,
  ...accessRoutes,
  { name: 'ListClusters', method: 'GET', path: '/clusters', run: (call) => listed(call, 'clusters', [...call.state.clusters.keys()].sort()) },
  { name: 'DescribeCluster', method: 'GET', path: '/clusters/:', run: (call) => ({ cluster: clusterJson(call.state, cluster(call)) }) },
  { name: 'ListAddons', method: 'GET', path: '/clusters/:/addons', run: (call) => listed(call, 'addons', [...cluster(call).addons.keys()].sort()) },
  { name: 'CreateAddon', method: 'POST', path: '/clusters/:/addons', run: createAddon },
  { name: 'DescribeAddon', method: 'GET', path: '/clusters/:/addons/:', run: (call) => ({ addon: addonJson(call) }) },
  { name: 'DeleteAddon', method: 'DELETE', path: '/clusters/:/addons/:', run: deleteAddon },
  { name: 'ListNodegroups', method: 'GET', path: '/clusters/:/node-groups', run: (call) => listed(call, 'nodegroups', cluster(call).seed.nodegroups ?? []) },
  {
    name: 'ListFargateProfiles',
    method: 'GET',
    path: '/clusters/:/fargate-profiles',
    run: (call) => listed(call, 'fargateProfileNames', cluster(call).seed.fargateProfiles ?? []),
  },
  { name: 'ListTagsForResource', method: 'GET', path: '/tags/:', run: (call) => ({ tags: tagged(call).tags }) },
  { name: 'TagResource', method: 'POST', path: '/tags/:', run: tagResource },
  { name: 'UntagResource', method: 'DELETE', path: '/tags/:', run: untagResource },
];

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
    addonName: name,
    clusterName: seed.name,
    status,
    addonVersion: version,
    health: { issues: issues as unknown as Json },
    addonArn: `${arn.replace(':cluster/', ':addon/')}/${name}/0`,
    createdAt: time,
    modifiedAt: time,
    tags: {},
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

/** The resource that a tagging call's ARN names: a cluster or an association. */
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
