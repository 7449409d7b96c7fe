/** One poll of a release's workloads: which are not rolled out, and which of their pods are in trouble. */
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import { trouble, type Pod, type Trouble } from './pod-trouble.ts';
import { missing, owns, wantedPods, type WorkloadKind } from './rollout.ts';

export interface Lacking {
  readonly workload: KubeObject;
  readonly missing: string;
  readonly pods: readonly BadPod[];
}
interface BadPod {
  readonly pod: KubeObject;
  readonly trouble: Trouble;
}
export interface Look {
  readonly all: number;
  readonly lacking: readonly Lacking[];
  /** DaemonSets that lack only pods on nodes that are not ready themselves. */
  readonly excused: readonly { readonly workload: KubeObject; readonly nodes: readonly string[] }[];
}

const KINDS: readonly WorkloadKind[] = ['Deployment', 'StatefulSet', 'DaemonSet'];
/** Enough to say why; a DaemonSet on a big cluster may have thousands. */
const MOST_PODS = 500;
/** Beyond this many, broken nodes are not read one by one. */
const MOST_NODES = 10;

export async function lookAt(kubernetes: Kubernetes, { name, namespace }: { readonly name: string; readonly namespace: string }): Promise<Look> {
  const of = { namespace, labels: `app.kubernetes.io/instance=${name}` };
  const workloads = (await Promise.all(KINDS.map((kind) => kubernetes.list({ apiVersion: 'apps/v1', kind, ...of })))).flat();
  const open = workloads.flatMap((workload) => {
    const lacks = missing(workload);
    return lacks === undefined ? [] : [{ workload, missing: lacks }];
  });
  const pods = open.length > 0 ? await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', limit: MOST_PODS, ...of }) : [];
  const bad = pods.flatMap((pod): readonly BadPod[] => {
    const found = trouble(pod);
    return found ? [{ pod, trouble: found }] : [];
  });
  const lacking = open.map((one) => ({ ...one, pods: bad.filter(({ pod }) => owns(one.workload, pod)) }));
  const nodes = await Promise.all(lacking.map((one) => brokenNodes(kubernetes, one)));
  return {
    all: workloads.length,
    lacking: lacking.filter((_, index) => nodes[index] === undefined),
    excused: lacking.flatMap(({ workload }, index) => (nodes[index] ? [{ workload, nodes: nodes[index] }] : [])),
  };
}

/** The nodes that keep a DaemonSet from being complete, if nothing else does: no wait of ours will repair a node. */
async function brokenNodes(kubernetes: Kubernetes, { workload, pods }: Lacking): Promise<readonly string[] | undefined> {
  if (workload.kind !== 'DaemonSet' || pods.length === 0) return undefined;
  const names = [...new Set(pods.map(({ pod }) => (pod as Pod).spec?.nodeName))];
  const { wanted, available } = wantedPods(workload);
  // While most pods are still starting, the reads are not worth it.
  if (names.length > MOST_NODES || names.length * 2 > wanted || wanted - available > names.length) return undefined;
  const broken = await Promise.all(names.map((name) => (name === undefined ? false : isBroken(kubernetes, name))));
  return broken.every(Boolean) ? names.filter((name) => name !== undefined) : undefined;
}

async function isBroken(kubernetes: Kubernetes, name: string): Promise<boolean> {
  try {
    const node = (await kubernetes.get({ apiVersion: 'v1', kind: 'Node', name })) as
      | (KubeObject & { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } })
      | undefined;
    return node === undefined || node.status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True';
  } catch {
    // A caller who may not read nodes gets no exemption for them.
    return false;
  }
}
