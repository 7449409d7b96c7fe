/** Deletion: finalizers, owner references in the three propagation policies, and namespaces that take their contents with them. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { SandboxClock } from '../types.ts';
import { docOf, objectOf, same, stamp } from './document.ts';
import type { Doc } from './document.ts';
import type { Ownership } from './ownership.ts';
import type { Registry, Resource } from './resources.ts';
import type { WatchCache } from './watch-cache.ts';

export type Propagation = 'Background' | 'Foreground' | 'Orphan';

/** Between a namespace's deletion and that of its contents: the controller waits for other API servers to see it first. */
const NAMESPACE_DELAY_MS = 1_500;
const FOREGROUND = 'foregroundDeletion';

export interface Deletes {
  /** Returns the object's current state if it is marked for deletion, or its last state. */
  erase(resource: Resource, object: KubeObject, propagation?: Propagation): { readonly object: KubeObject; readonly gone: boolean };
  /** Call it for a terminating object that has lost its last finalizer. */
  released(resource: Resource, object: KubeObject): void;
}

export interface DeleteParts {
  readonly cache: WatchCache;
  readonly registry: Registry;
  readonly ownership: Ownership;
  readonly clock: SandboxClock;
}

export function createDeletes({ cache, registry, ownership, clock }: DeleteParts): Deletes {
  const change = (resource: Resource, object: KubeObject, metadata: Doc, rest: Doc = {}): KubeObject =>
    cache.put(resource, objectOf({ ...docOf(object), ...rest, metadata: { ...object.metadata, ...metadata } }));

  const mark = (resource: Resource, object: KubeObject, extra: Doc = {}, rest: Doc = {}): KubeObject =>
    change(resource, object, { deletionTimestamp: stamp(clock.now()), deletionGracePeriodSeconds: 0, ...extra }, rest);

  const isEmpty = (namespace: string): boolean => registry.all().every((resource) => !resource.namespaced || cache.items(resource, namespace).length === 0);

  const closeNamespace = (name: string): void => {
    const resource = registry.ofKind('Namespace');
    const object = cache.get(resource, undefined, name);
    if (!object?.metadata.deletionTimestamp || !isEmpty(name)) return;
    if (object.metadata.finalizers?.length) {
      if ((docOf(object).spec?.finalizers ?? []).length > 0) change(resource, object, {}, { spec: {} });
      return;
    }
    drop(resource, object);
  };

  const emptyNamespace = (name: string): void => {
    for (const resource of registry.all()) {
      if (!resource.namespaced) continue;
      for (const object of cache.items(resource, name)) {
        const current = cache.get(resource, name, object.metadata.name);
        if (current) erase(resource, current, 'Background');
      }
    }
    closeNamespace(name);
  };

  /** An owner is gone: its dependents are deleted too, unless another owner remains. */
  const collect = (uid: string): void => {
    for (const { resource, object } of ownership.dependents(uid)) {
      const others = (object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid && ownership.exists(owner.uid));
      if (others.length > 0) change(resource, object, { ownerReferences: others });
      else erase(resource, object, 'Background');
    }
  };

  /** An owner that waits for its dependents can be deleted once the last one is gone or no longer owned. */
  const releaseOwners = (before: KubeObject): void => {
    for (const { uid } of before.metadata.ownerReferences ?? []) {
      const owner = ownership.find(uid);
      const waits = owner?.object.metadata.finalizers?.includes(FOREGROUND);
      if (!owner || !waits || ownership.dependents(uid).length > 0) continue;
      const finalizers = (owner.object.metadata.finalizers ?? []).filter((name) => name !== FOREGROUND);
      const freed = change(owner.resource, owner.object, { finalizers });
      if (finalizers.length === 0) drop(owner.resource, freed);
    }
  };

  const drop = (resource: Resource, object: KubeObject): KubeObject => {
    const last = cache.drop(resource, object);
    collect(object.metadata.uid ?? '');
    if (object.metadata.namespace) closeNamespace(object.metadata.namespace);
    return last;
  };

  const orphan = (uid: string): void => {
    for (const { resource, object } of ownership.dependents(uid)) {
      change(resource, object, { ownerReferences: (object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid) });
    }
  };

  const eraseInForeground = (resource: Resource, object: KubeObject): { object: KubeObject; gone: boolean } => {
    const uid = object.metadata.uid ?? '';
    const finalizers = [...new Set([...(object.metadata.finalizers ?? []), FOREGROUND])];
    mark(resource, object, { finalizers });
    for (const dependent of ownership.dependents(uid)) erase(dependent.resource, dependent.object, 'Foreground');
    const now = cache.get(resource, object.metadata.namespace, object.metadata.name);
    return { object: now ?? object, gone: now === undefined };
  };

  const erase: Deletes['erase'] = (resource, object, propagation = 'Background') => {
    const { uid = '', deletionTimestamp, finalizers, name } = object.metadata;
    if (resource.kind === 'Namespace' && resource.group === '') {
      if (deletionTimestamp) return { object, gone: false };
      clock.after(NAMESPACE_DELAY_MS, () => emptyNamespace(name));
      return { object: mark(resource, object, {}, { status: { ...docOf(object).status, phase: 'Terminating' } }), gone: false };
    }
    if (propagation === 'Orphan') orphan(uid);
    if (propagation === 'Foreground' && ownership.dependents(uid).length > 0) return eraseInForeground(resource, object);
    if (!finalizers?.length) return { object: drop(resource, object), gone: true };
    return { object: deletionTimestamp ? object : mark(resource, object), gone: false };
  };

  cache.subscribe(({ before, object, type }) => {
    if (before && (type === 'DELETED' || !same(before.metadata.ownerReferences, object.metadata.ownerReferences))) releaseOwners(before);
  });

  return {
    erase,
    released(resource, object) {
      if (resource.kind === 'Namespace' && resource.group === '') closeNamespace(object.metadata.name);
      else drop(resource, object);
    },
  };
}
