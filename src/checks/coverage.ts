/** Which nodes have a collector and which lack one: logs of a node without a collector are missing. */
import type { Coverage } from '../engine/types.ts';
import type { Row } from '../ports/kubernetes.ts';
import type { Context } from '../context.ts';

/** Read as tables: on a cluster with thousands of nodes the full objects would be a hundred megabytes. */
export async function coverage({ kubernetes, blueprint }: Pick<Context, 'kubernetes' | 'blueprint'>): Promise<Coverage> {
  const { name, namespace } = blueprint.alloy;
  const nodes = (labels: string) => kubernetes.table({ apiVersion: 'v1', kind: 'Node', labels });
  const [linux, fargate, windows, pods] = await Promise.all([
    nodes(`${OS}=linux,${COMPUTE}!=fargate`),
    nodes(`${COMPUTE}=fargate`),
    nodes(`${OS}=windows`),
    kubernetes.table({ apiVersion: 'v1', kind: 'Pod', namespace, labels: `app.kubernetes.io/instance=${name}` }),
  ]);
  const covered = new Set(pods.filter(isReady).map((pod) => pod['Node']));
  const eligible = linux.filter((node) => /^Ready(?:,|$)/.test(node['Status'] ?? ''));
  const without = eligible.map((node) => node['Name'] ?? '').filter((node) => !covered.has(node));
  return { linux: eligible.length, withCollector: eligible.length - without.length, without, fargate: fargate.length, windows: windows.length };
}

const OS = 'kubernetes.io/os';
const COMPUTE = 'eks.amazonaws.com/compute-type';

/** `2/2` containers are ready. */
function isReady(pod: Row): boolean {
  const [ready, all] = (pod['Ready'] ?? '').split('/').map(Number);
  return pod['Status'] === 'Running' && ready !== undefined && ready > 0 && ready === all;
}
