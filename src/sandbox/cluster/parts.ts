/** What every controller of the cluster is given, and the few actions they share. */
import { createHash, randomInt } from 'node:crypto';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { ObjectStore, SandboxClock } from '../types.ts';
import type { PodIndex } from './pod-index.ts';
import { selects } from './selector.ts';
import { isActive, type LabelSelector, type Node, type Pod, type PodTemplate } from './shapes.ts';

export interface ClusterParts {
  readonly store: ObjectStore;
  readonly clock: SandboxClock;
  readonly pods: PodIndex;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly tell: (happened: Happened) => void;
  /** A simulated delay: zero while the seed comes up. */
  readonly pace: (ms: number) => number;
}

/** A Kubernetes event about an object. */
export interface Happened {
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly from: string;
}

/** The letters Kubernetes uses in generated names: no vowels, nothing ambiguous. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

export function randomSuffix(length = 5): string {
  return Array.from({ length }, () => SAFE[randomInt(SAFE.length)]).join('');
}

/** Stable across runs: the hash in ReplicaSet and ControllerRevision names. */
export function templateHash(template: unknown): string {
  const digest = createHash('sha256').update(JSON.stringify(template)).digest();
  return Array.from(digest.subarray(0, 10), (byte) => SAFE[byte % SAFE.length]).join('');
}

export function controlledBy(owner: KubeObject): Pod['metadata']['ownerReferences'] {
  const { apiVersion, kind, metadata } = owner;
  return [{ apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true } as never];
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return (object.metadata.ownerReferences ?? []).some((ref) => ref.controller === true && ref.uid === owner.metadata.uid);
}

export function key(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

export function splitKey(text: string): { readonly namespace: string; readonly name: string } {
  const slash = text.indexOf('/');
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** Creates a pod of a workload and reports it in the workload's events. */
export function createPod(
  parts: ClusterParts,
  owner: KubeObject,
  pod: {
    readonly name: string;
    readonly template: PodTemplate;
    readonly labels?: Readonly<Record<string, string>>;
    readonly spec?: object;
    readonly from: string;
  },
): void {
  const created = parts.store.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: owner.metadata.namespace,
      labels: { ...pod.template.metadata?.labels, ...pod.labels },
      ...(pod.template.metadata?.annotations && { annotations: pod.template.metadata.annotations }),
      ownerReferences: controlledBy(owner),
    },
    spec: { ...pod.template.spec, ...pod.spec },
    status: { phase: 'Pending' },
  } as KubeObject);
  parts.pods.saw((parts.store.get('Pod', owner.metadata.namespace, pod.name) ?? created) as Pod);
  parts.tell({
    about: owner,
    type: 'Normal',
    reason: 'SuccessfulCreate',
    message: pod.from === 'statefulset-controller' ? `create Pod ${pod.name} in StatefulSet ${owner.metadata.name} successful` : `Created pod: ${pod.name}`,
    from: pod.from,
  });
}

/** Pods that an earlier owner left behind (`--cascade=orphan`) belong to the owner that selects them now. */
export function adoptPods(parts: ClusterParts, owner: KubeObject, selector: LabelSelector): void {
  for (const pod of parts.pods.orphans(owner.metadata.namespace ?? '')) {
    if (!isActive(pod) || !selects(selector, pod.metadata.labels)) continue;
    const others = pod.metadata.ownerReferences ?? [];
    parts.pods.saw(parts.store.update({ ...pod, metadata: { ...pod.metadata, ownerReferences: [...others, ...(controlledBy(owner) ?? [])] } }) as Pod);
  }
}

export function deletePod(parts: ClusterParts, owner: KubeObject, options: { readonly pod: Pod; readonly from: string }): void {
  const { name, namespace } = options.pod.metadata;
  if (parts.store.get('Pod', namespace, name) === undefined) return;
  parts.store.delete('Pod', namespace, name);
  parts.tell({
    about: owner,
    type: 'Normal',
    reason: 'SuccessfulDelete',
    message: options.from === 'statefulset-controller' ? `delete Pod ${name} in StatefulSet ${owner.metadata.name} successful` : `Deleted pod: ${name}`,
    from: options.from,
  });
}
