/** API discovery: aggregated (v2) and the older lists. */
import type { Doc } from './document.ts';
import type { Registry, Resource } from './resources.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;
export const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export const wantsAggregated = (accept: string): boolean => accept.includes('as=APIGroupDiscoveryList') && /v=v2\b(?!beta)/.test(accept);

const distinct = (values: readonly string[]): string[] => [...new Set(values)];
const groupsOf = (registry: Registry): string[] =>
  distinct(
    registry
      .all()
      .map((resource) => resource.group)
      .filter(Boolean),
  );
const versionsOf = (registry: Registry, group: string): string[] =>
  distinct(
    registry
      .all()
      .filter((resource) => resource.group === group)
      .map((resource) => resource.version),
  );
const resourcesAt = (registry: Registry, group: string, version: string): readonly Resource[] =>
  registry.all().filter((resource) => resource.group === group && resource.version === version);

const verbsOf = (resource: Resource): readonly string[] => (resource.review ? ['create'] : VERBS);

interface SubresourceFacts {
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
}

/** Subresources whose documents are of another kind than their resource's. */
function subresourceFacts(resource: Resource, name: string): SubresourceFacts {
  const own = { group: '', version: '', kind: resource.kind };
  const options = (kind: string): SubresourceFacts => ({ kind: { group: '', version: 'v1', kind }, verbs: ['create', 'get'] });
  if (name === 'scale') return { kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get', 'patch', 'update'] };
  if (name === 'eviction') return { kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] };
  if (name === 'token') return { kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }, verbs: ['create'] };
  if (name === 'binding') return { kind: { group: '', version: 'v1', kind: 'Binding' }, verbs: ['create'] };
  if (name === 'log') return { kind: own, verbs: ['get'] };
  if (name === 'finalize') return { kind: own, verbs: ['update'] };
  if (name === 'proxy') return { ...options(`${resource.kind}ProxyOptions`), verbs: ['create', 'delete', 'get', 'patch', 'update'] };
  if (name === 'portforward') return options('PodPortForwardOptions');
  if (name === 'exec') return options('PodExecOptions');
  if (name === 'attach') return options('PodAttachOptions');
  return { kind: own, verbs: ['get', 'patch', 'update'] };
}

function aggregatedResource(resource: Resource): Doc {
  const { group, version, kind } = resource;
  return {
    resource: resource.plural,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: verbsOf(resource),
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    ...(resource.subresources.length > 0 && {
      subresources: resource.subresources.map((name) => {
        const facts = subresourceFacts(resource, name);
        return { subresource: name, responseKind: facts.kind, verbs: facts.verbs };
      }),
    }),
  };
}

/** For `/api` (core alone) and `/apis` (all others). */
export function aggregatedDiscovery(registry: Registry, part: 'core' | 'groups'): Doc {
  const groups = part === 'core' ? [''] : groupsOf(registry);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: { ...(group && { name: group }), creationTimestamp: null },
      versions: versionsOf(registry, group).map((version) => ({
        version,
        freshness: 'Current',
        resources: resourcesAt(registry, group, version).map(aggregatedResource),
      })),
    })),
  };
}

export const coreVersions = (): Doc => ({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] });

function groupDoc(registry: Registry, group: string): Doc {
  const versions = versionsOf(registry, group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

export const groupList = (registry: Registry): Doc => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: groupsOf(registry).map((group) => groupDoc(registry, group)),
});

/** `undefined` when the group does not exist. */
export function groupDiscovery(registry: Registry, group: string): Doc | undefined {
  return groupsOf(registry).includes(group) ? { kind: 'APIGroup', apiVersion: 'v1', ...groupDoc(registry, group) } : undefined;
}

/** `undefined` when the version does not exist. */
export function resourceList(registry: Registry, group: string, version: string): Doc | undefined {
  const own = resourcesAt(registry, group, version);
  if (own.length === 0) return undefined;
  const rows = own.flatMap((resource) => [
    {
      name: resource.plural,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: verbsOf(resource),
      ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
      ...(resource.categories.length > 0 && { categories: resource.categories }),
    },
    ...resource.subresources.map((name) => {
      const { kind, verbs } = subresourceFacts(resource, name);
      const foreign = kind.version !== '' && { group: kind.group, version: kind.version };
      return { name: `${resource.plural}/${name}`, singularName: '', namespaced: resource.namespaced, ...foreign, kind: kind.kind, verbs };
    }),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: group ? `${group}/${version}` : version, resources: rows };
}
