/** The real cluster as the simulated kubelets and log path know it: an object store fed by watches, whose writes go to the API server. */
import type { Json } from '../../src/engine/types.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { labelTest } from '../../src/sandbox/kube/selectors.ts';
import type { ObjectStore, StoreEvent } from '../../src/sandbox/types.ts';
import type { KubeApi } from './api.ts';

export interface Mirror extends ObjectStore {
  /** Resolves when every write that was begun has been answered. */
  settled(): Promise<void>;
}

export interface MirrorOptions {
  /** Pods that no kubelet has to look after, by a label selector of those that one has. */
  readonly pods?: string;
  readonly complain: (what: string) => void;
}

/** Everything that kubelets and the log path read. */
const KINDS: readonly (readonly [apiVersion: string, kind: string])[] = [
  ['v1', 'Namespace'],
  ['v1', 'Node'],
  ['v1', 'Pod'],
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Service'],
  ['v1', 'ServiceAccount'],
  ['v1', 'PersistentVolumeClaim'],
  ['v1', 'PersistentVolume'],
  ['storage.k8s.io/v1', 'StorageClass'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
];

const idOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;

/** Resolves when everything that is there is known. */
export async function createMirror(api: KubeApi, options: MirrorOptions): Promise<Mirror> {
  const caches = new Map<string, Map<string, KubeObject>>(KINDS.map(([, kind]) => [kind, new Map()]));
  const spaces = new Map<string, Map<string, Set<string>>>();
  const listeners = new Set<(event: StoreEvent) => void>();
  /** Statuses that are on their way to the server, by uid: what the server still says of them is older. */
  const wanted = new Map<string, { status: object; sending: boolean }>();
  const going = new Set<Promise<unknown>>();

  const cache = (kind: string): Map<string, KubeObject> => {
    const found = caches.get(kind) ?? new Map<string, KubeObject>();
    caches.set(kind, found);
    return found;
  };
  const space = (kind: string, namespace: string): Set<string> => {
    const ofKind = spaces.get(kind) ?? new Map<string, Set<string>>();
    spaces.set(kind, ofKind);
    const members = ofKind.get(namespace) ?? new Set<string>();
    ofKind.set(namespace, members);
    return members;
  };
  const publish = (event: StoreEvent): void => {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        options.complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
    }
  };
  const put = (object: KubeObject): void => {
    const id = idOf(object.metadata.namespace, object.metadata.name);
    const before = cache(object.kind).get(id);
    cache(object.kind).set(id, object);
    space(object.kind, object.metadata.namespace ?? '').add(id);
    publish({ type: before === undefined ? 'ADDED' : 'MODIFIED', object, ...(before && { before }) });
  };
  const drop = (object: KubeObject): void => {
    const id = idOf(object.metadata.namespace, object.metadata.name);
    const before = cache(object.kind).get(id);
    if (before === undefined) return;
    cache(object.kind).delete(id);
    space(object.kind, object.metadata.namespace ?? '').delete(id);
    wanted.delete(object.metadata.uid ?? '');
    publish({ type: 'DELETED', object, before });
  };
  const heard = (type: StoreEvent['type'], object: KubeObject): void => {
    if (type === 'DELETED') return drop(object);
    const pending = wanted.get(object.metadata.uid ?? '');
    put(pending === undefined ? object : { ...object, status: pending.status });
  };
  const track = (what: string, deed: Promise<unknown>): void => {
    const watched = deed.catch((error: unknown) => options.complain(`${what}: ${String(error)}`)).finally(() => going.delete(watched));
    going.add(watched);
  };
  /** One write a pod at a time; what came meanwhile goes with the next. */
  const send = async (object: KubeObject): Promise<void> => {
    const uid = object.metadata.uid ?? '';
    const entry = wanted.get(uid);
    if (entry === undefined || entry.sending) return;
    entry.sending = true;
    try {
      for (let sent: object | undefined; wanted.get(uid) === entry && sent !== entry.status;) {
        sent = entry.status;
        const path = `${api.pathOf(object)}/status`;
        const reply = await api.ask('PATCH', path, { metadata: { uid }, status: sent }, 'merge');
        // Gone, or replaced by a namesake meanwhile.
        if (reply.status === 404 || reply.status === 409) break;
        if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text.slice(0, 300)}`);
      }
    } finally {
      if (wanted.get(uid) === entry) wanted.delete(uid);
    }
  };

  const get: ObjectStore['get'] = (kind, namespace, name) => cache(kind).get(idOf(shelvesAlone.has(kind) ? undefined : namespace, name));
  const store: Mirror = {
    get,
    list(kind, { namespace, selector } = {}) {
      const objects = cache(kind);
      const all = namespace === undefined ? [...objects.values()] : [...space(kind, namespace)].map((id) => objects.get(id) as KubeObject);
      const matches = labelTest(selector);
      return selector === undefined ? all : all.filter(({ metadata }) => matches(metadata.labels));
    },
    create(object) {
      const { name: _name, ...path } = object.metadata;
      // Events are told to the server and kept here too, since the same one is counted up.
      if (object.kind === 'Event') cache('Event').set(idOf(object.metadata.namespace, object.metadata.name), object);
      track(`create ${object.kind}`, api.ask('POST', api.pathOf({ ...object, metadata: { namespace: path.namespace } }), object));
      return object;
    },
    update(object) {
      const { resourceVersion: _revision, ...metadata } = object.metadata as KubeObject['metadata'] & { readonly managedFields?: Json };
      if (object.kind === 'Event') {
        cache('Event').set(idOf(object.metadata.namespace, object.metadata.name), object);
        const { count, lastTimestamp } = object as KubeObject & { readonly count: number; readonly lastTimestamp: string };
        track('update Event', api.ask('PATCH', api.pathOf(object), { count, lastTimestamp }, 'merge'));
      } else track(`update ${object.kind}`, api.ask('PATCH', api.pathOf(object), { ...object, metadata: { ...metadata, managedFields: undefined } }, 'merge'));
      return object;
    },
    setStatus(kind, namespace, name, status) {
      const object = get(kind, namespace, name);
      if (object === undefined) return;
      const uid = object.metadata.uid ?? '';
      const entry = wanted.get(uid) ?? { status: status as object, sending: false };
      entry.status = status as object;
      wanted.set(uid, entry);
      put({ ...object, status });
      track(`status of ${kind} ${name}`, send(object));
    },
    delete(kind, namespace, name) {
      const object = get(kind, namespace, name);
      if (object === undefined) return;
      const { uid } = object.metadata;
      track(
        `delete ${kind} ${name}`,
        api.ask('DELETE', api.pathOf(object), { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } }),
      );
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async settled() {
      while (going.size > 0) await Promise.all(going);
    },
  };
  await Promise.all(
    KINDS.map(([apiVersion, kind]) => api.watch({ apiVersion, kind, ...(kind === 'Pod' && options.pods !== undefined && { labels: options.pods }) }, heard)),
  );
  return store;
}

/** Kinds without a namespace, which some ask for with one. */
const shelvesAlone = new Set(['Namespace', 'Node', 'PersistentVolume', 'StorageClass', 'ClusterRole', 'ClusterRoleBinding']);
