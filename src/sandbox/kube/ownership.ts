/** Owner references: the index that garbage collection uses. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Registry, Resource } from './resources.ts';
import type { WatchCache } from './watch-cache.ts';

export interface Owned {
  readonly resource: Resource;
  readonly object: KubeObject;
}

export interface Ownership {
  dependents(uid: string): readonly Owned[];
  /** Whether an object with this identity still exists. */
  exists(uid: string): boolean;
  find(uid: string): Owned | undefined;
}

export function createOwnership(cache: WatchCache, registry: Registry): Ownership {
  const byUid = new Map<string, Owned>();
  const owned = new Map<string, Set<string>>();

  const unlink = (object: KubeObject): void => {
    for (const owner of object.metadata.ownerReferences ?? []) owned.get(owner.uid)?.delete(object.metadata.uid ?? '');
  };
  const link = (object: KubeObject): void => {
    for (const owner of object.metadata.ownerReferences ?? []) {
      const set = owned.get(owner.uid) ?? new Set<string>();
      owned.set(owner.uid, set.add(object.metadata.uid ?? ''));
    }
  };
  // Registered as the first listener, so that all others find the index up to date.
  cache.subscribe(({ type, object, before }) => {
    const uid = object.metadata.uid ?? '';
    if (before) unlink(before);
    if (type === 'DELETED') {
      byUid.delete(uid);
      return;
    }
    byUid.set(uid, { resource: registry.ofKind(object.kind, object.apiVersion), object });
    link(object);
  });

  return {
    dependents: (uid) => [...(owned.get(uid) ?? [])].map((id) => byUid.get(id)).filter((entry) => entry !== undefined),
    exists: (uid) => byUid.has(uid),
    find: (uid) => byUid.get(uid),
  };
}
