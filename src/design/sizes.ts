/** Replicas and requests of each component, by size and by the number of nodes to spread over. */
import type { NodeFact } from './facts.ts';
import type { Settings } from './settings-type.ts';

export interface Share {
  readonly replicas: number;
  /** Requests; `limit` is for memory only: a CPU limit would throttle a component while the node is idle. */
  readonly cpu: string;
  readonly memory: string;
  readonly limit: string;
}

export const components = ['ingester', 'distributor', 'querier', 'queryFrontend', 'queryScheduler', 'indexGateway', 'compactor', 'ruler', 'gateway'] as const;
export type Component = (typeof components)[number];

export interface Sizing {
  readonly shares: Readonly<Record<Component, Share>>;
  /** MiB. */
  readonly chunksCache: { readonly memory: number; readonly cpu: string };
  readonly resultsCache: { readonly memory: number; readonly cpu: string };
  /** MB per second that the tenant may send, and MB in a burst. */
  readonly ingestion: { readonly rate: number; readonly burst: number };
  readonly maxStreams: number;
  /** Three quarters of the ingester's memory limit. */
  readonly walReplayCeiling: string;
  readonly replicationFactor: 1 | 3;
  /** Components whose replicas must be on different nodes. All others are spread where possible. */
  readonly apart: readonly Component[];
}

const share = (replicas: number, cpu: string, memory: string, limit: string): Share => ({ replicas, cpu, memory, limit });

type Base = Omit<Sizing, 'replicationFactor' | 'apart'>;
const sizes: Readonly<Record<Settings['size'], Base>> = {
  small: {
    shares: {
      ingester: share(3, '100m', '512Mi', '2Gi'),
      distributor: share(2, '100m', '128Mi', '512Mi'),
      querier: share(2, '100m', '256Mi', '1Gi'),
      queryFrontend: share(2, '50m', '128Mi', '512Mi'),
      queryScheduler: share(2, '50m', '64Mi', '256Mi'),
      indexGateway: share(2, '50m', '128Mi', '512Mi'),
      compactor: share(1, '100m', '256Mi', '1Gi'),
      ruler: share(1, '50m', '128Mi', '512Mi'),
      gateway: share(2, '20m', '32Mi', '128Mi'),
    },
    chunksCache: { memory: 512, cpu: '100m' },
    resultsCache: { memory: 128, cpu: '50m' },
    ingestion: { rate: 8, burst: 16 },
    maxStreams: 20_000,
    walReplayCeiling: '1536MB',
  },
  medium: {
    shares: {
      ingester: share(3, '500m', '2Gi', '6Gi'),
      distributor: share(3, '200m', '256Mi', '1Gi'),
      querier: share(3, '500m', '1Gi', '3Gi'),
      queryFrontend: share(2, '100m', '256Mi', '1Gi'),
      queryScheduler: share(2, '50m', '64Mi', '256Mi'),
      indexGateway: share(2, '100m', '512Mi', '2Gi'),
      compactor: share(1, '200m', '512Mi', '2Gi'),
      ruler: share(1, '100m', '256Mi', '1Gi'),
      gateway: share(2, '50m', '64Mi', '256Mi'),
    },
    chunksCache: { memory: 2048, cpu: '200m' },
    resultsCache: { memory: 512, cpu: '100m' },
    ingestion: { rate: 24, burst: 48 },
    maxStreams: 50_000,
    walReplayCeiling: '4608MB',
  },
  large: {
    shares: {
      ingester: share(6, '1', '4Gi', '10Gi'),
      distributor: share(4, '500m', '512Mi', '2Gi'),
      querier: share(6, '1', '2Gi', '6Gi'),
      queryFrontend: share(2, '200m', '512Mi', '2Gi'),
      queryScheduler: share(2, '100m', '128Mi', '512Mi'),
      indexGateway: share(3, '200m', '1Gi', '4Gi'),
      compactor: share(1, '500m', '2Gi', '6Gi'),
      ruler: share(1, '200m', '512Mi', '2Gi'),
      gateway: share(3, '200m', '128Mi', '512Mi'),
    },
    chunksCache: { memory: 8192, cpu: '500m' },
    resultsCache: { memory: 1024, cpu: '200m' },
    ingestion: { rate: 96, burst: 192 },
    maxStreams: 200_000,
    walReplayCeiling: '7680MB',
  },
};

/**
 * From three nodes on: three copies of every line, ingesters on different nodes if there are enough. With fewer, copies would share
 * a node and a quorum of two would stop every write while one ingester restarts; so there each line is held once, safe on its volume,
 * by ingesters that stand in for each other (two on two nodes, one on one).
 */
export function sizing(size: Settings['size'], nodes: number): Sizing {
  const base = sizes[size];
  if (nodes >= 3) return { ...base, replicationFactor: 3, apart: base.shares.ingester.replicas <= nodes ? ['ingester'] : [] };
  const shares = Object.fromEntries(
    components.map((component) => [component, { ...base.shares[component], replicas: Math.min(base.shares[component].replicas, Math.max(nodes, 1)) }]),
  ) as Record<Component, Share>;
  return { ...base, shares, replicationFactor: 1, apart: [] };
}

/**
 * How many nodes Loki's pods can be spread over. Nodes count by what they are, not by their current state: a node that is not ready or
 * cordoned for an hour must not change the design. With nodes created on demand there are always enough.
 */
export function spreadNodes(nodes: readonly NodeFact[], autoMode: boolean): number {
  const fitting = nodes.filter(isForLoki).length;
  return autoMode ? Math.max(fitting, 3) : fitting;
}

/** Linux, with EBS volumes, without a user's taint. */
export function isForLoki(node: NodeFact): boolean {
  const passing = (key: string) => key.startsWith('node.kubernetes.io/') || key === 'node.cloudprovider.kubernetes.io/uninitialized';
  const blockers = node.taints.some(({ key, effect }) => effect !== 'PreferNoSchedule' && !passing(key));
  return node.os === 'linux' && (node.kind === 'ec2' || node.kind === 'auto') && !blockers;
}
