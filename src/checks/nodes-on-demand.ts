/** What makes nodes when pods need them: then a place that is not there yet is no reason to stop. */
import type { CheckContext } from './context.ts';

const NODE_POOLS = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: 'nodepools.karpenter.sh' };
/** The cluster autoscaler writes its state there. */
const AUTOSCALER = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'kube-system', name: 'cluster-autoscaler-status' };

/** Its name; `undefined` when nothing is known to make nodes. */
export async function nodeMaker({ kubernetes, facts }: Pick<CheckContext, 'kubernetes' | 'facts'>): Promise<string | undefined> {
  if (facts.cluster.autoMode) return 'Auto Mode';
  // Whoever may not look is told what would be told without one.
  const [pools, autoscaler] = await Promise.all([NODE_POOLS, AUTOSCALER].map((ref) => kubernetes.get(ref).catch(() => undefined)));
  if (pools) return 'Karpenter';
  return autoscaler && 'the cluster autoscaler';
}
