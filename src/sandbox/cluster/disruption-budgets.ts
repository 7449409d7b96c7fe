/** PodDisruptionBudgets: how many of their pods may be evicted right now. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { type ClusterParts, splitKey } from './parts.ts';
import { selects } from './selector.ts';
import { type Condition, type IntOrPercent, isActive, isReady, type LabelSelector, portion, withConditions } from './shapes.ts';

interface Budget extends KubeObject {
  readonly spec: { readonly minAvailable?: IntOrPercent; readonly maxUnavailable?: IntOrPercent; readonly selector?: LabelSelector };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export function reconcileBudget(parts: ClusterParts, of: string): void {
  const { namespace, name } = splitKey(of);
  const budget = parts.store.get('PodDisruptionBudget', namespace, name) as Budget | undefined;
  if (budget === undefined) return;
  const pods = parts.pods.inNamespace(namespace).filter((pod) => isActive(pod) && selects(budget.spec.selector, pod.metadata.labels));
  const healthy = pods.filter(isReady).length;
  const desired =
    budget.spec.maxUnavailable === undefined
      ? portion(budget.spec.minAvailable, pods.length, { round: 'up', fallback: 1 })
      : Math.max(0, pods.length - portion(budget.spec.maxUnavailable, pods.length, { round: 'up', fallback: 1 }));
  const allowed = Math.max(0, healthy - desired);
  const condition: Condition =
    allowed > 0
      ? { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', message: '', observedGeneration: budget.metadata.generation }
      : { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '', observedGeneration: budget.metadata.generation };
  parts.store.setStatus('PodDisruptionBudget', namespace, name, {
    observedGeneration: budget.metadata.generation ?? 1,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: pods.length,
    disruptionsAllowed: allowed,
    conditions: withConditions(budget.status?.conditions, parts.clock.now(), [condition]),
  });
}
