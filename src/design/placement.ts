/** Whether pods fit on nodes: requests, taints, node selectors and "one replica per node", placed largest first. */
import type { NodeFact } from './facts.ts';
import { bytes, cores } from './quantities.ts';

export interface PodShape {
  /** `StatefulSet loki-ingester` */
  readonly owner: string;
  readonly count: number;
  readonly cpu: number;
  readonly memory: number;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
  /** At most one of its replicas per node. */
  readonly oneANode: boolean;
}

interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}
interface Workload {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: {
        readonly containers?: readonly { readonly resources?: { readonly requests?: Readonly<Record<string, string | number>> } }[];
        readonly nodeSelector?: Readonly<Record<string, string>>;
        readonly tolerations?: readonly Toleration[];
        readonly affinity?: {
          readonly podAntiAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly { readonly topologyKey?: string }[] };
        };
      };
    };
  };
}

/** From rendered manifests: one shape for each Deployment and StatefulSet. A DaemonSet's pods use what is left on their own node. */
export function podShapes(objects: readonly unknown[]): readonly PodShape[] {
  return objects.flatMap((object): readonly PodShape[] => {
    const { kind, metadata, spec } = (object ?? {}) as Workload;
    if (kind !== 'Deployment' && kind !== 'StatefulSet') return [];
    const pod = spec?.template?.spec;
    const requests = (pod?.containers ?? []).map(({ resources }) => resources?.requests ?? {});
    const sum = (pick: (of: Readonly<Record<string, string | number>>) => number) => requests.reduce((total, of) => total + pick(of), 0);
    return [
      {
        owner: `${kind} ${metadata?.name}`,
        count: spec?.replicas ?? 1,
        cpu: sum((of) => cores(of['cpu'])),
        memory: sum((of) => bytes(of['memory'])),
        nodeSelector: pod?.nodeSelector ?? {},
        tolerations: pod?.tolerations ?? [],
        oneANode: (pod?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).some(
          ({ topologyKey }) => topologyKey === 'kubernetes.io/hostname',
        ),
      },
    ];
  });
}

export interface Unplaced {
  readonly pod: string;
  readonly why: string;
}

export function unplaced(shapes: readonly PodShape[], nodes: readonly NodeFact[]): readonly Unplaced[] {
  const room = nodes
    .filter(({ os, kind, ready, unschedulable }) => os === 'linux' && kind !== 'fargate' && ready && !unschedulable)
    .map((node) => ({
      node,
      cpu: node.allocatable.cpu - node.requested.cpu,
      memory: node.allocatable.memory - node.requested.memory,
      pods: node.allocatable.pods - node.requested.pods,
      owners: new Set<string>(),
    }));
  const left: Unplaced[] = [];
  for (const shape of shapes.toSorted((a, b) => b.memory - a.memory)) {
    for (let replica = 0; replica < shape.count; replica++) {
      const open = room.filter(({ node }) => admits(node, shape));
      const spread = open.filter(({ owners }) => !shape.oneANode || !owners.has(shape.owner));
      const fits = spread.filter(({ cpu, memory, pods }) => cpu >= shape.cpu && memory >= shape.memory && pods >= 1);
      const place = fits.toSorted((a, b) => b.memory - a.memory)[0];
      if (place) {
        place.cpu -= shape.cpu;
        place.memory -= shape.memory;
        place.pods -= 1;
        place.owners.add(shape.owner);
        continue;
      }
      left.push({
        pod: `${shape.owner} replica ${replica + 1} of ${shape.count}`,
        why: why(shape, { all: room.length, open: open.length, spread: spread.length }),
      });
    }
  }
  return left;
}

function why(shape: PodShape, { all, open, spread }: { readonly all: number; readonly open: number; readonly spread: number }): string {
  if (all === 0) return 'there is no Linux node';
  if (open === 0) return `taints or labels of all ${all} nodes exclude it`;
  if (spread === 0) return `only one replica may run per node, and only ${open} nodes accept it`;
  return `requests ${Math.round(shape.cpu * 1000)}m CPU and ${Math.round(shape.memory / 2 ** 20)} MiB, which none of ${spread} nodes has free`;
}

function admits(node: NodeFact, { nodeSelector, tolerations }: PodShape): boolean {
  if (Object.entries(nodeSelector).some(([key, value]) => node.labels[key] !== value)) return false;
  return node.taints.every((taint) => taint.effect === 'PreferNoSchedule' || tolerations.some((toleration) => tolerates(toleration, taint)));
}

function tolerates({ key, operator = 'Equal', value, effect }: Toleration, taint: NodeFact['taints'][number]): boolean {
  if (effect && effect !== taint.effect) return false;
  if (operator === 'Exists') return !key || key === taint.key;
  return key === taint.key && (value ?? '') === (taint.value ?? '');
}
