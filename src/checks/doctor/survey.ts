/** What `doctor` has seen of a log path that anybody may have installed: plain facts, read once, judged by the checks. */
import type { AlloyBlock } from '../../design/alloy-reading.ts';
import type { NodeFact } from '../../design/facts.ts';
import type { Check, Json } from '../../engine/types.ts';
import type { BucketLook } from '../../ports/buckets.ts';
import type { Release } from '../../ports/releases.ts';
import type { OidcProvider } from '../../ports/roles.ts';

/** In the order of the data's way. */
export const hops = [
  'aws-identity',
  's3',
  'scheduling',
  'loki-config',
  'loki-runtime',
  'gateway',
  'tenant-write',
  'alloy-discovery',
  'alloy-read',
  'alloy-push',
  'limits',
  'tenant-read',
  'grafana-datasource',
  'query',
] as const;
export type Hop = (typeof hops)[number];

export interface DoctorCheck extends Check<Survey> {
  readonly hop: Hop;
  /** What it finds may come of something further up; others stand by themselves. */
  readonly symptom?: true;
  /** Loses the lines of some nodes or streams only: no explanation where there are none at all. */
  readonly partial?: true;
}

export interface Survey {
  readonly cluster: {
    readonly name: string;
    readonly region: string;
    readonly partition: string;
    /** Without `https://`. */
    readonly issuer?: string;
    readonly providerArn?: string;
    readonly provider?: OidcProvider;
    readonly clusterDns: boolean;
  };
  /** Whether this program made the Loki that is looked at: its release carries our mark. Nobody else's is ever mended. */
  readonly ours: boolean;
  readonly nodes: readonly NodeFact[];
  readonly loki?: LokiSeen;
  readonly collectors: readonly CollectorSeen[];
  readonly datasources: readonly DatasourceSeen[];
  /** Names of Services by namespace, of all that an address in a configuration points to. */
  readonly services: ReadonlyMap<string, ServiceSeen | undefined>;
  readonly reading?: ReadingSeen;
  /** What could not be looked at, and why. */
  readonly unseen: readonly { readonly what: string; readonly why: string }[];
}

export interface ServiceSeen {
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly number[];
  readonly selector: Readonly<Record<string, string>>;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
  readonly securityContext?: { readonly runAsUser?: number; readonly privileged?: boolean };
  readonly resources?: { readonly requests?: Readonly<Record<string, string>>; readonly limits?: Readonly<Record<string, string>> };
}
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string }; readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}
export interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string; readonly items?: readonly { readonly key: string; readonly path: string }[] };
  readonly hostPath?: { readonly path: string };
  readonly emptyDir?: object;
  readonly persistentVolumeClaim?: { readonly claimName: string };
}
export interface PodTemplate {
  readonly serviceAccountName?: string;
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly tolerations?: readonly { readonly key?: string; readonly operator?: string; readonly value?: string; readonly effect?: string }[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly securityContext?: { readonly runAsUser?: number };
}

export interface Workload {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly component: string;
  readonly wanted: number;
  readonly ready: number;
  readonly template: PodTemplate;
  /** `volumeClaimTemplates`. */
  readonly claims: readonly string[];
  readonly selector: Readonly<Record<string, string>>;
}

export interface PodSeen {
  readonly namespace: string;
  readonly name: string;
  readonly component: string;
  readonly node?: string;
  readonly ready: boolean;
  readonly ending: boolean;
  readonly spec: PodTemplate;
  /** Why the scheduler finds no place, in its own words. */
  readonly unscheduled?: string;
  readonly containers: readonly ContainerState[];
  /** The last lines, of the run before too where a container has crashed; absent when they were not looked at. */
  readonly lines?: readonly string[];
}
export interface ContainerState {
  readonly name: string;
  readonly restarts: number;
  /** `CrashLoopBackOff`, `ImagePullBackOff`, … */
  readonly waiting?: { readonly reason: string; readonly message: string };
  /** How the last run ended. */
  readonly ended?: { readonly reason: string; readonly exitCode: number };
}

export interface LokiSeen {
  readonly namespace: string;
  readonly release?: Release;
  readonly workloads: readonly Workload[];
  readonly pods: readonly PodSeen[];
  readonly claims: readonly ClaimSeen[];
  /** `ConfigMap loki/loki` */
  readonly configFrom: string;
  /** Loki's configuration file, parsed; absent when it could not be read. */
  readonly config?: Json;
  readonly account: AccountSeen;
  readonly buckets: readonly BucketSeen[];
  readonly counters?: LokiCounters;
  readonly ring?: { readonly active: number; readonly states: readonly string[] };
  readonly gateway?: GatewaySeen;
}

export interface ClaimSeen {
  readonly name: string;
  readonly phase: string;
  readonly storageClass?: string;
  /** Whether that class is there; `undefined` when there is no default class either. */
  readonly classKnown: boolean;
  readonly events: readonly string[];
}

export interface AccountSeen {
  readonly name: string;
  readonly exists: boolean;
  readonly roleArn?: string;
  /** Its Pod Identity association. */
  readonly association?: string;
  /** Absent when the role was not looked at (another account, or not allowed). */
  readonly role?: { readonly is: 'absent' } | { readonly is: 'found'; readonly trust: Json };
}

export interface BucketSeen {
  readonly use: 'chunks' | 'ruler';
  readonly name: string;
  /** Where Loki's configuration says it is. */
  readonly region?: string;
  readonly look?: BucketLook;
  /** What the role may not do, `unknown` when it could not be asked. */
  readonly denied?: readonly string[] | 'unknown';
  readonly deniedKey?: readonly string[] | 'unknown';
  /** When its newest object was written; looked at only where logs tell of trouble, and known of small buckets only. */
  readonly newest?: Date;
}

export interface LokiCounters {
  readonly received: number;
  readonly discarded: readonly { readonly reason: string; readonly tenant: string; readonly lines: number }[];
  readonly flushFailures: number;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface GatewaySeen {
  readonly workload: Workload;
  readonly configFrom: string;
  readonly asksLogin: boolean;
  /** The tenant nginx sets for everybody, or `$remote_user`. */
  readonly setsTenant?: string;
  readonly resolver?: string;
  /** The Secret with the hashes; `exists` is undefined when it was not looked at. */
  readonly loginSecret?: { readonly name: string; readonly exists?: boolean };
  readonly serviceType?: string;
  /** Without a login. */
  readonly anonymous?: Answer;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface WriterSeen {
  /** `loki.write "gateway"` */
  readonly component: string;
  readonly line: number;
  readonly url?: string;
  readonly hasLogin: boolean;
  /** Absent when it is computed or could not be read. */
  readonly login?: Login;
  /** A literal; `dynamic` when stages or expressions decide. */
  readonly tenant?: { readonly is: 'fixed'; readonly name: string } | { readonly is: 'dynamic' };
  /** Whether the address leads to the surveyed Loki. */
  readonly ours: boolean;
  /** How the gateway answers a harmless GET with this login and tenant. */
  readonly answer?: Answer;
}

export interface CollectorSeen {
  readonly workload: Workload;
  readonly release?: Release;
  readonly configFrom: string;
  /** Absent when it could not be read. */
  readonly text?: string;
  readonly blocks: readonly AlloyBlock[];
  readonly writers: readonly WriterSeen[];
  readonly pods: readonly PodSeen[];
  /** Counters of the pods that were asked. */
  readonly counters: readonly CollectorCounters[];
}

export interface CollectorCounters {
  readonly pod: string;
  readonly node?: string;
  readonly activeFiles?: number;
  readonly readLines: number;
  readonly sentEntries: number;
  readonly droppedEntries: number;
}

export interface DatasourceSeen {
  /** `ConfigMap monitoring/loki-datasource, datasources.yaml` */
  readonly from: string;
  readonly name: string;
  readonly url: string;
  readonly hasLogin: boolean;
  readonly login?: Login;
  readonly tenant?: string;
  /** Whether the address leads to the surveyed Loki. */
  readonly ours: boolean;
  /** How the gateway answers it, when its login is known or it has none. */
  readonly answer?: Answer;
}

export interface ReadingSeen {
  readonly as: string;
  readonly status: number;
  readonly body: string;
  readonly labels: readonly string[];
  readonly query?: string;
  readonly newest?: { readonly line: string; readonly time: Date; readonly labels: Readonly<Record<string, string>> };
  readonly asked: Date;
}
