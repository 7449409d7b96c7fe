/** One simulated account and one cluster, put together; start.ts starts the servers. */
import type { Json } from '../engine/types.ts';
import { type AccountOptions, type AwsAccount, createAccount } from './aws/account.ts';
import { createClock } from './clock.ts';
import { type Cluster, type ClusterOptions, createCluster } from './cluster/cluster.ts';
import { seedOf, type SeedName } from './cluster/seed.ts';
import { createFaults, type Faults } from './call-faults.ts';
import { createStore, type KubeStore } from './kube/store.ts';
import { type ClusterFaults, createClusterFaults } from './faults/faults.ts';
import { accountUnder } from './replay/aws.ts';
import { createReplay, type Replay } from './replay/replay.ts';
import { createLogPath } from './logs/log-path.ts';
import type { RealLogPath } from './real/real-log-path.ts';
import type { Call, World } from './types.ts';

export interface WorldOptions {
  readonly region: string;
  readonly clusterName: string;
  readonly seed?: SeedName;
  /** Number of m5.xlarge nodes instead of the seed's own. */
  readonly nodes?: number;
  /** How many of these are tainted GPU nodes. */
  readonly gpuNodes?: number;
  /** Includes a Grafana. */
  readonly grafana?: boolean;
  /** Simulated seconds per real second; defaults to 1. */
  readonly speed?: number;
  /** Of the Kubernetes API: its address and its authority's PEM. */
  readonly endpoint: string;
  readonly ca: string;
  /** Overrides the account's options. */
  readonly account?: Partial<Pick<AccountOptions, 'accountId' | 'callerArn' | 'timings'>>;
  /** Overrides what DescribeCluster would return. */
  readonly cluster?: Partial<AccountOptions['cluster']>;
  /** What runs the cluster's workloads; defaults to controllers, scheduler and kubelets. */
  readonly controllers?: (options: ClusterOptions) => Promise<Cluster>;
  /** Runs the components of the log path as real programs. */
  readonly real?: RealLogPath;
}

/** What the servers need beyond what a test sees. */
export interface OpenWorld extends World {
  readonly account: AwsAccount;
  readonly store: KubeStore;
  readonly cluster: Cluster;
  readonly clusterName: string;
  readonly faults: Faults;
  readonly replay: Replay;
  readonly breaks: ClusterFaults;
  readonly real?: RealLogPath;
  readonly onCall: (call: Call) => void;
  forgetCalls(): void;
  close(): void;
}

export const sandboxAccountId = '111122223333';
export const kubernetesVersion = '1.33';

/** Resolves when every seeded pod is up. */
export async function createWorld(options: WorldOptions): Promise<OpenWorld> {
  const clock = createClock({ ...(options.speed !== undefined && { speed: options.speed }) });
  const account = createAccount({ clock, region: options.region, accountId: sandboxAccountId, cluster: clusterSeed(options), ...options.account });
  const replay = createReplay({ store: createStore({ clock, rootCa: options.ca }), clock });
  const { store } = replay.objects;
  const seed = seedOf({
    region: options.region,
    version: kubernetesVersion,
    ...(options.seed && { name: options.seed }),
    ...(options.nodes !== undefined && { nodes: options.nodes }),
    ...(options.gpuNodes !== undefined && { gpuNodes: options.gpuNodes }),
    ...(options.grafana && { grafana: true }),
  });
  const cluster = await (options.controllers ?? createCluster)({
    store,
    clock,
    account,
    createLogPath: (parts) => {
      const simulated = createLogPath({ ...parts, account: accountUnder(parts.account, replay.aws), layer: replay.layer });
      return options.real?.over(simulated, { ...parts, account }) ?? simulated;
    },
    seed,
  });
  const ruled = createFaults();
  const faults: Faults = { ...ruled, match: (call) => replay.aws.match(call) ?? ruled.match(call) };
  const calls: Call[] = [];
  const breaks = createClusterFaults({ account, store, clock, cluster, replay });
  return {
    clock,
    account,
    store,
    cluster,
    clusterName: options.clusterName,
    runtime: replay.runtime(cluster.runtime),
    faults,
    replay,
    breaks,
    ...(options.real && { real: options.real }),
    calls,
    onCall: (call) => {
      calls.push(call);
      breaks.called(call);
    },
    forgetCalls: () => void calls.splice(0),
    addFault: (fault) => faults.add(fault),
    snapshot: (): Json => ({ account: account.snapshot(), cluster: store.snapshot() }),
    close: () => {
      cluster.close();
      clock.close();
    },
  };
}

function clusterSeed(options: WorldOptions): AccountOptions['cluster'] {
  const auto = options.seed === 'auto';
  const bare = auto || options.seed === 'empty';
  const addons = [
    { name: 'vpc-cni', version: 'v1.20.0-eksbuild.1' },
    { name: 'kube-proxy', version: 'v1.33.0-eksbuild.2' },
    { name: 'coredns', version: 'v1.11.4-eksbuild.14' },
    { name: 'eks-pod-identity-agent', version: 'v1.3.8-eksbuild.2' },
    ...(options.seed === 'no-storage-class' ? [] : [{ name: 'aws-ebs-csi-driver', version: 'v1.46.0-eksbuild.1' }]),
  ];
  const mixed = options.nodes === undefined && (options.seed ?? 'default') === 'default';
  return {
    name: options.clusterName,
    version: kubernetesVersion,
    endpoint: options.endpoint,
    certificateAuthority: Buffer.from(options.ca).toString('base64'),
    vpc: 'vpc-0a1b2c3d4e5f60718',
    serviceCidr: '10.100.0.0/16',
    autoMode: auto,
    addons: bare ? [] : addons,
    nodegroups: bare ? [] : mixed ? ['general', 'gpu', 'bottlerocket'] : options.gpuNodes ? ['general', 'gpu'] : ['general'],
    fargateProfiles: mixed ? ['fp-default'] : [],
    ...options.cluster,
  };
}
