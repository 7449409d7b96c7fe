/** The ReplicaSet controller: keeps the requested number of pods of a template. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { adoptPods, type ClusterParts, createPod, deletePod, randomSuffix, splitKey } from './parts.ts';
import { selects } from './selector.ts';
import { isActive, isReady, type LabelSelector, type Pod, type PodTemplate } from './shapes.ts';

export interface ReplicaSet extends KubeObject {
  readonly spec: { readonly replicas?: number; readonly selector: LabelSelector; readonly template: PodTemplate };
  readonly status?: { readonly replicas?: number; readonly readyReplicas?: number; readonly availableReplicas?: number; readonly observedGeneration?: number };
}

const FROM = 'replicaset-controller';

export function reconcileReplicaSet(parts: ClusterParts, of: string): void {
  const { namespace, name } = splitKey(of);
  const set = parts.store.get('ReplicaSet', namespace, name) as ReplicaSet | undefined;
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
  adoptPods(parts, set, set.spec.selector);
  const wanted = set.spec.replicas ?? 1;
  const active = podsOf(parts, set);
  for (let missing = wanted - active.length; missing > 0; missing -= 1)
    createPod(parts, set, { name: `${name}-${randomSuffix()}`, template: set.spec.template, from: FROM });
  for (const pod of leastWorth(active).slice(0, Math.max(0, active.length - wanted))) deletePod(parts, set, { pod, from: FROM });
  writeStatus(parts, set);
}

function podsOf(parts: ClusterParts, set: ReplicaSet): readonly Pod[] {
  return parts.pods.ofOwner(set.metadata.uid ?? '').filter((pod) => isActive(pod) && selects(set.spec.selector, pod.metadata.labels));
}

/** Unscheduled before scheduled, not ready before ready, younger before older. */
function leastWorth(pods: readonly Pod[]): readonly Pod[] {
  const worth = (pod: Pod): number => (pod.spec.nodeName === undefined ? 0 : 1) + (isReady(pod) ? 2 : 0);
  return [...pods].sort((a, b) => worth(a) - worth(b) || (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''));
}

function writeStatus(parts: ClusterParts, set: ReplicaSet): void {
  const active = podsOf(parts, set);
  const ready = active.filter(isReady).length;
  parts.store.setStatus('ReplicaSet', set.metadata.namespace, set.metadata.name, {
    replicas: active.length,
    fullyLabeledReplicas: active.length,
    readyReplicas: ready,
    availableReplicas: ready,
    observedGeneration: set.metadata.generation ?? 1,
  });
}
