/** Node objects and the pods on them, reduced to shapes for scheduling. */
import type { NodeFact } from '../design/facts.ts';
import { bytes, cores } from '../design/quantities.ts';
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';

/** Above this many nodes, pods are not counted: 100 free nodes always have room, and the list would be tens of megabytes. */
export const COUNTED_NODES = 100;

type Resources = Readonly<Record<string, string>>;
interface NodeBody {
  readonly spec?: { readonly taints?: NodeFact['taints']; readonly unschedulable?: boolean };
  readonly status?: {
    readonly allocatable?: Resources;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly nodeInfo?: { readonly operatingSystem?: string; readonly architecture?: string };
  };
}
interface PodBody {
  readonly spec?: { readonly nodeName?: string; readonly containers?: readonly { readonly resources?: { readonly requests?: Resources } }[] };
  readonly status?: { readonly phase?: string };
}

/** `sample`: on a big cluster the first hundred or so are enough. */
export async function nodeFacts(kubernetes: Pick<Kubernetes, 'list'>, { sample = false }: { readonly sample?: boolean } = {}): Promise<readonly NodeFact[]> {
  const nodes = await kubernetes.list({ apiVersion: 'v1', kind: 'Node', keep: slimNode, ...(sample && { limit: COUNTED_NODES + 1 }) });
  const running = { apiVersion: 'v1', kind: 'Pod', fields: 'status.phase!=Succeeded,status.phase!=Failed', keep: slimPod };
  const pods = nodes.length <= COUNTED_NODES && !sample ? await kubernetes.list(running) : [];
  const requested = requests(pods);
  return nodes.map((node) => nodeFact(node, requested.get(node.metadata.name) ?? { cpu: 0, memory: 0, pods: 0 }));
}

/** Images and managedFields are most of a node's ten kilobytes. */
function slimNode(node: KubeObject): KubeObject {
  const { metadata, apiVersion, kind, spec, status } = node;
  const { taints, unschedulable } = (spec ?? {}) as NonNullable<NodeBody['spec']>;
  const { allocatable, conditions: all = [], nodeInfo } = (status ?? {}) as NonNullable<NodeBody['status']>;
  const conditions = all.filter(({ type }) => type === 'Ready').map(({ type, status: is }) => ({ type, status: is }));
  return {
    apiVersion,
    kind,
    metadata: { name: metadata.name, labels: metadata.labels ?? {} },
    spec: { taints, unschedulable },
    status: { allocatable, conditions, nodeInfo },
  };
}

function slimPod({ metadata, apiVersion, kind, spec, status }: KubeObject): KubeObject {
  const { nodeName, containers = [] } = (spec ?? {}) as NonNullable<PodBody['spec']>;
  const { phase } = (status ?? {}) as NonNullable<PodBody['status']>;
  return {
    apiVersion,
    kind,
    metadata: { name: metadata.name },
    spec: { nodeName, containers: containers.map(({ resources }) => ({ resources })) },
    status: { phase },
  };
}

function nodeFact(node: KubeObject, requested: NodeFact['requested']): NodeFact {
  const { spec, status } = node as unknown as NodeBody;
  const labels = node.metadata.labels ?? {};
  const allocatable = status?.allocatable ?? {};
  return {
    name: node.metadata.name,
    ...(labels['node.kubernetes.io/instance-type'] && { instanceType: labels['node.kubernetes.io/instance-type'] }),
    ...(labels['topology.kubernetes.io/zone'] && { zone: labels['topology.kubernetes.io/zone'] }),
    os: (labels['kubernetes.io/os'] ?? status?.nodeInfo?.operatingSystem) === 'windows' ? 'windows' : 'linux',
    arch: labels['kubernetes.io/arch'] ?? status?.nodeInfo?.architecture ?? 'amd64',
    kind: kindOf(labels),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
    unschedulable: spec?.unschedulable ?? false,
    gpu: Object.keys(allocatable).some((name) => name.endsWith('/gpu') || name.startsWith('aws.amazon.com/neuron')),
    taints: spec?.taints ?? [],
    labels,
    allocatable: { cpu: cores(allocatable['cpu']), memory: bytes(allocatable['memory']), pods: Number(allocatable['pods'] ?? 110) },
    requested,
  };
}

function kindOf(labels: Readonly<Record<string, string>>): NodeFact['kind'] {
  const type = labels['eks.amazonaws.com/compute-type'];
  return type === 'fargate' || type === 'auto' || type === 'hybrid' ? type : 'ec2';
}

function requests(pods: readonly KubeObject[]): ReadonlyMap<string, NodeFact['requested']> {
  const sums = new Map<string, { cpu: number; memory: number; pods: number }>();
  for (const pod of pods) {
    const { spec, status } = pod as unknown as PodBody;
    if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') continue;
    const sum = sums.get(spec.nodeName) ?? { cpu: 0, memory: 0, pods: 0 };
    sums.set(spec.nodeName, sum);
    sum.pods++;
    for (const { resources } of spec.containers ?? []) {
      sum.cpu += cores(resources?.requests?.['cpu']);
      sum.memory += bytes(resources?.requests?.['memory']);
    }
  }
  return sums;
}
