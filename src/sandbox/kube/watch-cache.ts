/** Raw storage: objects by resource and name, one revision counter, the history a watch resumes from. Enforces no rules. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { StoreEvent } from '../types.ts';
import type { Resource } from './resources.ts';

/** How many changes a watch may lag behind before it gets a 410 Gone. */
const HISTORY = 20_000;

export interface Change extends StoreEvent {
  readonly revision: number;
  readonly cache: string;
}

export interface WatchCache {
  revision(): number;
  get(resource: Resource, namespace: string | undefined, name: string): KubeObject | undefined;
  /** In the order of etcd: by namespace, then name. */
  items(resource: Resource, namespace?: string): readonly KubeObject[];
  put(resource: Resource, object: KubeObject): KubeObject;
  drop(resource: Resource, object: KubeObject): KubeObject;
  /** Changes after a revision; `undefined` when that is too long ago. */
  since(revision: number): readonly Change[] | undefined;
  subscribe(listener: (change: Change) => void): () => void;
}

const keyOf = (resource: Resource, namespace: string | undefined, name: string): string => (resource.namespaced ? `${namespace ?? ''}/${name}` : name);

function tell(listener: (change: Change) => void, change: Change, broken: unknown[]): void {
  try {
    listener(change);
  } catch (error) {
    broken.push(error);
  }
}

export function createWatchCache(): WatchCache {
  const caches = new Map<string, Map<string, KubeObject>>();
  /** Sorted keys by storage, until one is added or removed: sorting thousands of pods for every list is most of a list's cost. */
  const orders = new Map<string, readonly string[]>();
  const listeners = new Set<(change: Change) => void>();
  let history: Change[] = [];
  let forgotten = 1;
  let revision = 1;
  const pending: Change[] = [];
  let publishing = false;

  const shelfOf = (resource: Resource): Map<string, KubeObject> => {
    const found = caches.get(resource.cache) ?? new Map<string, KubeObject>();
    caches.set(resource.cache, found);
    return found;
  };
  const publish = (change: Change): void => {
    history.push(change);
    if (history.length > HISTORY * 1.5) {
      forgotten = history[history.length - HISTORY - 1]?.revision ?? forgotten;
      history = history.slice(-HISTORY);
    }
    pending.push(change);
    if (publishing) return;
    // A listener may write too: all listeners still get changes in the order they were made.
    publishing = true;
    const broken: unknown[] = [];
    for (let next = pending.shift(); next; next = pending.shift()) for (const listener of Array.from(listeners)) tell(listener, next, broken);
    publishing = false;
    // A failing listener must not keep changes from the others, nor go unnoticed.
    if (broken.length > 0) throw broken[0];
  };
  const numbered = (object: KubeObject): KubeObject => ({ ...object, metadata: { ...object.metadata, resourceVersion: String(++revision) } });

  return {
    revision: () => revision,
    get: (resource, namespace, name) => shelfOf(resource).get(keyOf(resource, namespace, name)),
    items(resource, namespace) {
      const objects = shelfOf(resource);
      const order = orders.get(resource.cache) ?? [...objects.keys()].sort();
      orders.set(resource.cache, order);
      const all = order.map((key) => objects.get(key) as KubeObject);
      return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
    },
    put(resource, object) {
      const key = keyOf(resource, object.metadata.namespace, object.metadata.name);
      const before = shelfOf(resource).get(key);
      if (!before) orders.delete(resource.cache);
      const stored = numbered(object);
      shelfOf(resource).set(key, stored);
      publish({ type: before ? 'MODIFIED' : 'ADDED', object: stored, ...(before && { before }), revision, cache: resource.cache });
      return stored;
    },
    drop(resource, object) {
      shelfOf(resource).delete(keyOf(resource, object.metadata.namespace, object.metadata.name));
      orders.delete(resource.cache);
      const last = numbered(object);
      publish({ type: 'DELETED', object: last, before: object, revision, cache: resource.cache });
      return last;
    },
    since: (from) => (from < forgotten ? undefined : history.filter((change) => change.revision > from)),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
