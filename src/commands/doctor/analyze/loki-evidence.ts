/** A Loki as a survey holds it: workloads, configuration, AWS side, counters, gateway. */
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
  /** Loki's configuration file, parsed; absent when it could not be read. */
  readonly config?: Json;
  /** The address of a store that speaks S3 and is not of AWS; then AWS is not asked about buckets and roles. */
  readonly otherStore?: string;
  readonly account: AccountEvidence;
  readonly buckets: readonly BucketEvidence[];
  readonly counters?: LokiCounters;
  /** Pods that were asked for their counters. */
  readonly asked?: readonly string[];
  /** Those of them that gave no answer in time, or one that says that they can't be reached. */
  readonly mute?: readonly { readonly pod: string; readonly why: string }[];
  readonly ring?: { readonly active: number; readonly states: readonly string[] };
  readonly gateway?: GatewayEvidence;
  /** Objects of the gateway that its release has and the cluster has not: `Service loki/loki-gateway`. */
  readonly gatewayLost?: readonly string[];
}

export interface ClaimEvidence {
  readonly name: string;
  readonly phase: string;
  readonly created?: Date;
  readonly storageClass?: string;
  /** Whether that class is there; `undefined` when there is no default class either. */
  readonly classKnown: boolean;
  readonly events: readonly string[];
}

export interface AccountEvidence {
  readonly name: string;
  readonly exists: boolean;
  readonly roleArn?: string;
  /** Its Pod Identity association. */
  readonly association?: string;
  /** Whether the agent of Pod Identity runs in the cluster; looked at only where there is an association. */
  readonly agent?: boolean;
  /** Absent when the role was not looked at (another account, or not allowed). */
  readonly role?: { readonly is: 'absent' } | { readonly is: 'found'; readonly trust: Json };
}

export interface BucketEvidence {
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
  /** Some of its keys; looked at only of a bucket for rules that has no other use. */
  readonly keys?: readonly string[];
}

export interface LokiCounters {
  readonly received: number;
  readonly discarded: readonly { readonly reason: string; readonly tenant: string; readonly lines: number }[];
  readonly flushFailures: number;
  /** When the compactor last deleted what is past its time; the epoch when it never did since it started. */
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
  /** The tenant nginx sets for everybody, or `$remote_user`. */
  readonly setsTenant?: string;
  readonly resolver?: string;
  /** Addresses that nginx passes pushes and queries on to. */
  readonly upstreams?: readonly string[];
  /** The Secret with the hashes; `exists` is undefined when it was not looked at. */
  /** `wrong`: why nginx can't use what is in it. */
  readonly loginSecret?: { readonly name: string; readonly exists?: boolean; readonly wrong?: string };
  readonly serviceType?: string;
  /** Of a LoadBalancer: whether it has been given an address. */
  readonly addressed?: boolean;
  /** Without a login. */
  readonly anonymous?: Answer;
}
