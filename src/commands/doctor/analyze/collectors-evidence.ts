/** Collectors as a survey holds them: pipelines, where they write, pods and counters. */
import type { AlloyBlock } from '../../../design/alloy-reading.ts';
import type { Json } from '../../../engine/types.ts';
import type { Release } from '../../../ports/releases.ts';
import type { Answer } from './loki-evidence.ts';
import type { EventEvidence, PodEvidence, Workload } from './objects-evidence.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface WriterEvidence {
  /** `loki.write "gateway"` */
  readonly component: string;
  readonly line: number;
  readonly url?: string;
  readonly hasLogin: boolean;
  /** Why the process can't read the file that its password is in. */
  readonly passwordFault?: string;
  /** Absent when it is computed or could not be read. */
  readonly login?: Login;
  /** A literal; `dynamic` when stages or expressions decide. */
  readonly tenant?: { readonly is: 'fixed'; readonly name: string } | { readonly is: 'dynamic' };
  /** Whether the address leads to the surveyed Loki. */
  readonly ours: boolean;
  /** How the gateway answers a harmless GET with this login and tenant. */
  readonly answer?: Answer;
}

/** Whose configuration is read; `other` collectors are only known to be there. */
export type Software = 'alloy' | 'promtail' | 'other';

export interface CollectorEvidence {
  readonly software: Software;
  readonly workload: Workload;
  readonly release?: Release;
  readonly configFrom: string;
  /** Absent when it could not be read. */
  readonly text?: string;
  /** Of Alloy. */
  readonly blocks: readonly AlloyBlock[];
  /** Of Promtail. */
  readonly scrapes?: Json;
  readonly writers: readonly WriterEvidence[];
  readonly pods: readonly PodEvidence[];
  /** Counters of the pods that were asked. */
  readonly counters: readonly CollectorCounters[];
  /** The same pods, asked again some seconds later. */
  readonly pushing: readonly PushingEvidence[];
  /** Warnings of its namespace. */
  readonly events: readonly EventEvidence[];
  /** Collectors that stand still while pods of their nodes go on printing. */
  readonly stuck: readonly StuckEvidence[];
}

export interface StuckEvidence {
  readonly pod: string;
  readonly node: string;
  /** A pod of the same node that has printed meanwhile, `namespace/name`. */
  readonly printing: string;
  readonly sentEntries: number;
}

export interface CollectorCounters {
  readonly pod: string;
  readonly node?: string;
  readonly activeFiles?: number;
  readonly readLines: number;
  readonly sentEntries: number;
  readonly droppedEntries: number;
  /** Of each host that is pushed to. */
  readonly pushes: Readonly<Record<string, PushCount>>;
}

export interface PushCount {
  readonly sent: number;
  readonly dropped: number;
  readonly retries: number;
  /** Requests by status; `-1` had no answer. */
  readonly answers: Readonly<Record<string, number>>;
}

/** What has come of a collector's pushes between two readings of its counters. */
export interface PushingEvidence {
  readonly pod: string;
  readonly before: CollectorCounters;
  readonly after: CollectorCounters;
  readonly seconds: number;
}
