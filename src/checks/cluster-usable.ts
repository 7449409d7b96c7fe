/** The cluster is up and new enough for the pinned charts. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

/** The minimum of grafana-community/loki 18.x: `kubeVersion: >=1.25.0-0`. */
const FLOOR = 25;

export const clusterUsable: Check<Pick<CheckContext, 'facts'>> = {
  id: 'eks.cluster-usable',
  title: 'Cluster is active and its version is supported',
  at: ['preflight'],
  async run({ facts: { cluster, kubeVersion } }) {
    if (cluster.status !== 'ACTIVE' && cluster.status !== 'UPDATING') {
      return {
        is: 'fail',
        problem: problem('CLUSTER_NOT_ACTIVE', { message: `Cluster ${cluster.name} is ${cluster.status}`, evidence: cluster.healthIssues }),
      };
    }
    const [, minor = '0'] = /^v?1\.(\d+)/.exec(kubeVersion) ?? [];
    if (Number(minor) < FLOOR) {
      return {
        is: 'fail',
        problem: problem('CLUSTER_TOO_OLD', { message: `Cluster ${cluster.name} runs Kubernetes ${kubeVersion}, the Loki chart needs 1.${FLOOR}` }),
      };
    }
    return { is: 'pass', detail: `${cluster.status}, ${kubeVersion}` };
  },
};
