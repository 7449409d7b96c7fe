/** The cluster's objects: storage, the API's rules over it, and the side effects of namespaces and CRDs. */
import type { Json } from '../../engine/types.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { ObjectStore, SandboxClock } from '../types.ts';
import { createAddresses } from './addresses.ts';
import { BUILT_IN_ROLES } from './built-in-roles.ts';
import { createDeletes } from './deletes.ts';
import type { Deletes } from './deletes.ts';
import { docOf, same, stamp } from './document.ts';
import type { Doc } from './document.ts';
import { createOwnership } from './ownership.ts';
import { createRegistry } from './resources.ts';
import type { Registry } from './resources.ts';
import { labelTest } from './selectors.ts';
import { createWatchCache } from './watch-cache.ts';
import type { WatchCache } from './watch-cache.ts';
import { snapshotOf } from './snapshot.ts';
import { notFound } from './status.ts';
import { createWrites } from './writes.ts';
import type { Writes } from './writes.ts';

/** What the server needs beyond the interface for the rest of the sandbox. All of it throws `Refusal`. */
export interface KubeStore extends ObjectStore {
  readonly registry: Registry;
  readonly cache: WatchCache;
  readonly insert: Writes['insert'];
  readonly write: Writes['write'];
  readonly erase: Deletes['erase'];
  snapshot(): Json;
}

export interface StoreOptions {
  readonly clock: SandboxClock;
  /** PEM in every namespace's `kube-root-ca.crt`. */
  readonly rootCa?: string;
}

const condition = (type: string, reason: string, message: string, now: string): Doc => ({ type, status: 'True', lastTransitionTime: now, reason, message });

function established(definition: Doc, now: string): Doc {
  const { names = {}, versions = [] } = definition.spec ?? {};
  return {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found', now),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted', now),
    ],
    acceptedNames: names,
    storedVersions: versions.filter((version: Doc) => version.storage).map((version: Doc) => version.name),
  };
}

export function createStore({ clock, rootCa = '' }: StoreOptions): KubeStore {
  const cache = createWatchCache();
  const registry = createRegistry();
  const ownership = createOwnership(cache, registry);
  const deletes = createDeletes({ cache, registry, ownership, clock });
  const around = createAddresses(cache, registry);
  const writes = createWrites({ cache, clock, around, namespaces: registry.ofKind('Namespace'), released: deletes.released });

  const furnish = (namespace: string): void => {
    const parts = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kube-root-ca.crt', namespace }, data: { 'ca.crt': rootCa } },
    ];
    for (const part of parts) {
      const resource = registry.ofKind(part.kind);
      if (!cache.get(resource, namespace, part.metadata.name)) writes.insert(resource, part, { trusted: true });
    }
  };

  const define = (type: string, object: KubeObject): void => {
    const definitions = registry.ofKind('CustomResourceDefinition');
    if (type === 'DELETED') {
      const { plural, kind } = docOf(object).spec.names;
      const own = registry.findKind(kind, `${docOf(object).spec.group}/`);
      if (own?.custom && own.plural === plural) for (const instance of cache.items(own)) cache.drop(own, instance);
    }
    registry.extend(cache.items(definitions).map(docOf));
    if (type === 'DELETED') return;
    const status = established(docOf(object), stamp(clock.now()));
    if (!same(docOf(object).status?.acceptedNames, status.acceptedNames)) writes.write(definitions, object, { ...docOf(object), status }, { part: 'status' });
  };

  cache.subscribe(({ type, object }) => {
    if (object.kind === 'Namespace' && object.apiVersion === 'v1' && type === 'ADDED') furnish(object.metadata.name);
    if (object.kind === 'CustomResourceDefinition') define(type, object);
  });

  for (const role of BUILT_IN_ROLES) writes.insert(registry.ofKind(role.kind), docOf(role), { trusted: true });

  const found = (kind: string, namespace: string | undefined, name: string) => {
    const resource = registry.ofKind(kind);
    const object = cache.get(resource, namespace, name);
    if (!object) throw notFound(resource, name);
    return { resource, object };
  };

  return {
    registry,
    cache,
    insert: writes.insert,
    write: writes.write,
    erase: deletes.erase,
    get: (kind, namespace, name) => cache.get(registry.ofKind(kind), namespace, name),
    list(kind, options = {}) {
      const matches = labelTest(options.selector);
      return cache.items(registry.ofKind(kind), options.namespace).filter((object) => matches(object.metadata.labels));
    },
    create: (object) => writes.insert(registry.ofKind(object.kind, object.apiVersion), docOf(object), { trusted: true }),
    update(object) {
      const resource = registry.ofKind(object.kind, object.apiVersion);
      const before = cache.get(resource, object.metadata.namespace, object.metadata.name);
      if (!before) throw notFound(resource, object.metadata.name);
      return writes.write(resource, before, docOf(object), { part: 'all' });
    },
    setStatus(kind, namespace, name, status) {
      const { resource, object } = found(kind, namespace, name);
      writes.write(resource, object, { ...docOf(object), status }, { part: 'status' });
    },
    delete(kind, namespace, name) {
      const { resource, object } = found(kind, namespace, name);
      deletes.erase(resource, object);
    },
    subscribe: (listener) => cache.subscribe(({ type, object, before }) => listener({ type, object, ...(before && { before }) })),
    snapshot: () => snapshotOf(cache, registry),
  };
}
