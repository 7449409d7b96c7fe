/** When waiting for a pod has become pointless: thresholds, and the problem to report. Pure. */
import type { Problem } from '../../engine/types.ts';
import { problem } from '../../problems/problem.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Trouble } from './pod-trouble.ts';

/** A registry may have a hiccup; the kubelet retries after 10, 20 and 40 seconds. */
export const IMAGE_GRACE_MS = 60_000;
/** The registry responded that the image does not exist: retrying only helps if it is being pushed right now. */
export const IMAGE_ABSENT_GRACE_MS = 15_000;
const ABSENT = /: not found|manifest unknown|InvalidImageName|ErrImageNeverPull/;
/** A Secret or ConfigMap may be created a moment after the pod. */
export const CONFIG_GRACE_MS = 60_000;
/** Karpenter needs a minute for a new node, a cluster autoscaler with its node group up to four. */
export const UNSCHEDULABLE_GRACE_MS = 5 * 60_000;
/** The first restarts may be Loki's own: its components wait for each other by failing. */
export const CRASH_RESTARTS = 4;

export interface Watched {
  /** How long the trouble has been observed. */
  readonly forMs: number;
  /** Restarts while watching; a pod of the previous revision may crash until it is replaced. */
  readonly restarted: number;
}

/** `undefined`: it may still recover. */
export function hopeless(
  pod: KubeObject,
  of: { readonly trouble: Trouble; readonly watched: Watched; readonly evidence: readonly string[] },
): Problem | undefined {
  const { trouble, watched, evidence } = of;
  const { namespace, name } = pod.metadata;
  const told = { message: `Pod ${namespace}/${name}: ${trouble.why}`, evidence };
  switch (trouble.is) {
    case 'image':
      return watched.forMs >= (ABSENT.test(trouble.why) ? IMAGE_ABSENT_GRACE_MS : IMAGE_GRACE_MS) ? problem('POD_IMAGE_UNPULLABLE', told) : undefined;
    case 'config':
      return watched.forMs >= CONFIG_GRACE_MS ? problem('POD_CONFIG_INVALID', told) : undefined;
    case 'unschedulable':
      return watched.forMs >= UNSCHEDULABLE_GRACE_MS ? problem('POD_UNSCHEDULABLE', told) : undefined;
    case 'crash':
      return (trouble.restarts ?? 0) >= CRASH_RESTARTS && watched.restarted > 0
        ? problem('POD_CRASHES', { ...told, fix: `kubectl -n ${namespace} logs ${name} -c ${trouble.container} --previous` })
        : undefined;
    default:
      return undefined;
  }
}
