/** Detects what creates nodes on demand: then missing capacity is no reason to stop. */
import type { CheckContext } from './context.ts';

const NODE_POOLS = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: 'nodepools.karpenter.sh' };
/** The cluster autoscaler writes its state there. */
const AUTOSCALER = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'kube-system', name: 'cluster-autoscaler-status' };

/** The name of the autoscaler; `undefined` when none is known. */
export async function nodeMaker({ kubernetes, facts }: Pick<CheckContext, 'kubernetes' | 'facts'>): Promise<string | undefined> {
  if (facts.cluster.autoMode) return 'Auto Mode';
  // A caller without permission to check gets the answer for a cluster without an autoscaler.
  const [pools, autoscaler] = await Promise.all([NODE_POOLS, AUTOSCALER].map((ref) => kubernetes.get(ref).catch(() => undefined)));
  if (pools) return 'Karpenter';
  return autoscaler && 'the cluster autoscaler';
}
