/** Every pod by owner, node and namespace, kept current from the store, so that a cluster of thousands of nodes stays quick. */
import type { ObjectStore } from '../types.ts';
import type { Pod } from './shapes.ts';

export interface PodIndex {
  byUid(uid: string): Pod | undefined;
  ofOwner(uid: string): readonly Pod[];
  onNode(node: string): readonly Pod[];
  inNamespace(namespace: string): readonly Pod[];
  all(): readonly Pod[];
  /** Pods with a required anti-affinity. */
  repelling(): readonly Pod[];
  /** Pods without a controller, which can be adopted. */
  orphans(namespace: string): readonly Pod[];
  /** Pods that are not bound to a node yet. */
  unbound(): readonly Pod[];
  /** The node a pod is bound to, or that the scheduler has chosen while its volumes are provisioned. */
  nodeOf(pod: Pod): string | undefined;
  /** The scheduler's choice: other pods see the pod there from now on. */
  assume(pod: Pod, node: string): void;
  /** What `store.create` or `store.update` returned: indexed at once, before the event arrives. */
  saw(pod: Pod): void;
  close(): void;
}

export function ownerUid(pod: { readonly metadata: Pod['metadata'] }): string | undefined {
  return pod.metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid;
}

function repels(pod: Pod): boolean {
  return (pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).length > 0;
}

export function createPodIndex(store: ObjectStore): PodIndex {
  const pods = new Map<string, Pod>();
  const groups = {
    owner: new Map<string, Set<string>>(),
    node: new Map<string, Set<string>>(),
    namespace: new Map<string, Set<string>>(),
    trait: new Map<string, Set<string>>(),
  };
  const assumed = new Map<string, string>();
  const nodeOf = (pod: Pod): string | undefined => pod.spec.nodeName ?? assumed.get(pod.metadata.uid ?? '');
  const keys = (pod: Pod): readonly (readonly [keyof typeof groups, string | undefined])[] => [
    ['owner', ownerUid(pod)],
    ['node', nodeOf(pod)],
    ['namespace', pod.metadata.namespace],
    ['trait', repels(pod) ? 'repelling' : undefined],
    ['trait', pod.spec.nodeName === undefined ? 'unbound' : undefined],
    ['trait', ownerUid(pod) === undefined ? `orphans of ${pod.metadata.namespace}` : undefined],
  ];
  const drop = (uid: string): void => {
    const old = pods.get(uid);
    if (old === undefined) return;
    for (const [group, key] of keys(old)) {
      const members = key === undefined ? undefined : groups[group].get(key);
      members?.delete(uid);
      if (members?.size === 0) groups[group].delete(key as string);
    }
    pods.delete(uid);
  };
  const saw = (pod: Pod): void => {
    const uid = pod.metadata.uid ?? '';
    drop(uid);
    pods.set(uid, pod);
    for (const [group, key] of keys(pod)) {
      if (key === undefined) continue;
      const members = groups[group].get(key) ?? new Set();
      members.add(uid);
      groups[group].set(key, members);
    }
  };
  const members = (group: keyof typeof groups, key: string): readonly Pod[] => [...(groups[group].get(key) ?? [])].map((uid) => pods.get(uid) as Pod);
  for (const pod of store.list('Pod')) saw(pod as Pod);
  const close = store.subscribe(({ type, object }) => {
    if (object.kind !== 'Pod') return;
    if (type !== 'DELETED') return saw(object as Pod);
    drop(object.metadata.uid ?? '');
    assumed.delete(object.metadata.uid ?? '');
  });
  return {
    byUid: (uid) => pods.get(uid),
    ofOwner: (uid) => members('owner', uid),
    onNode: (node) => members('node', node),
    inNamespace: (namespace) => members('namespace', namespace),
    all: () => [...pods.values()],
    repelling: () => members('trait', 'repelling'),
    orphans: (namespace) => members('trait', `orphans of ${namespace}`),
    unbound: () => members('trait', 'unbound'),
    nodeOf,
    assume: (pod, node) => {
      const uid = pod.metadata.uid ?? '';
      const known = pods.get(uid) ?? pod;
      drop(uid);
      assumed.set(uid, node);
      saw(known);
    },
    saw,
    close,
  };
}
