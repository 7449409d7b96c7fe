/** Evidence about a Loki: workloads, configuration, AWS side, counters, gateway. */
import type { Json } from '../../../engine/types.ts';
import type { BucketLook } from '../../../ports/buckets.ts';
import type { Release } from '../../../ports/releases.ts';
import type { EventEvidence, PodEvidence, Workload } from './objects-evidence.ts';

export interface LokiEvidence {
  readonly namespace: string;
  readonly release?: Release;
  readonly workloads: readonly Workload[];
  readonly pods: readonly PodEvidence[];
  readonly claims: readonly ClaimEvidence[];
  /** Warnings of its namespace. */
  readonly events: readonly EventEvidence[];
  /** `ConfigMap loki/loki` */
  readonly configFrom: string;
  /** Loki's configuration file, parsed; absent if it could not be read. */
  readonly config?: Json;
  /** The address of an S3-compatible store outside of AWS; then AWS is not queried for buckets and roles. */
  readonly otherStore?: string;
  readonly account: AccountEvidence;
  readonly buckets: readonly BucketEvidence[];
  readonly counters?: LokiCounters;
  /** Pods whose counters were requested. */
  readonly asked?: readonly string[];
  /** Those of them that did not respond in time, or one that says that they can't be reached. */
  readonly mute?: readonly { readonly pod: string; readonly why: string }[];
  readonly ring?: { readonly active: number; readonly states: readonly string[] };
  readonly gateway?: GatewayEvidence;
  /** Objects of the gateway that are in its release but not in the cluster: `Service loki/loki-gateway`. */
  readonly gatewayLost?: readonly string[];
}

export interface ClaimEvidence {
  readonly name: string;
  readonly phase: string;
  readonly created?: Date;
  readonly storageClass?: string;
  /** Whether that class exists; `undefined` if there is no default class either. */
  readonly classKnown: boolean;
  readonly events: readonly string[];
}

export interface AccountEvidence {
  readonly name: string;
  readonly exists: boolean;
  readonly roleArn?: string;
  /** Its Pod Identity association. */
  readonly association?: string;
  /** Whether the Pod Identity agent runs in the cluster; read only if there is an association. */
  readonly agent?: boolean;
  /** Absent if the role was not read (another account, or not allowed). */
  readonly role?: { readonly is: 'absent' } | { readonly is: 'found'; readonly trust: Json };
}

export interface BucketEvidence {
  readonly use: 'chunks' | 'ruler';
  readonly name: string;
  /** The region in Loki's configuration. */
  readonly region?: string;
  readonly look?: BucketLook;
  /** What the role is not allowed to do, `unknown` if that could not be determined. */
  readonly denied?: readonly string[] | 'unknown';
  readonly deniedKey?: readonly string[] | 'unknown';
  /** When its newest object was written; read only if logs show trouble, and known for small buckets only. */
  readonly newest?: Date;
  /** Some of its keys; read only for a bucket that is used for rules alone. */
  readonly keys?: readonly string[];
}

export interface LokiCounters {
  readonly received: number;
  readonly discarded: readonly { readonly reason: string; readonly tenant: string; readonly lines: number }[];
  readonly flushFailures: number;
  /** When the compactor last deleted expired data; the epoch if it has not since its start. */
  readonly retentionRan?: Date;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface GatewayEvidence {
  readonly workload: Workload;
  readonly configFrom: string;
  readonly asksLogin: boolean;
  /** The tenant nginx sets for every client, or `$remote_user`. */
  readonly setsTenant?: string;
  readonly resolver?: string;
  /** Upstreams to which nginx forwards pushes and queries. */
  readonly upstreams?: readonly string[];
  /** The Secret with the hashes; `exists` is undefined if it was not read. */
  /** `wrong`: why nginx can't use its contents. */
  readonly loginSecret?: { readonly name: string; readonly exists?: boolean; readonly wrong?: string };
  readonly serviceType?: string;
  /** For a LoadBalancer: whether it has been assigned an address. */
  readonly addressed?: boolean;
  /** Without a login. */
  readonly anonymous?: Answer;
}
