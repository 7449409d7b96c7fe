/** Evidence about collectors: pipelines, where they write, pods and counters. */
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
  /** Why the process can't read its password file. */
  readonly passwordFault?: string;
  /** Absent if it is computed or could not be read. */
  readonly login?: Login;
  /** A literal; `dynamic` if stages or expressions determine it. */
  readonly tenant?: { readonly is: 'fixed'; readonly name: string } | { readonly is: 'dynamic' };
  /** Whether the address leads to the diagnosed Loki. */
  readonly ours: boolean;
  /** The gateway's response to a harmless GET with this login and tenant. */
  readonly answer?: Answer;
}

/** Collectors whose configuration is read; for `other`, only their existence is known. */
export type Software = 'alloy' | 'promtail' | 'other';

export interface CollectorEvidence {
  readonly software: Software;
  readonly workload: Workload;
  readonly release?: Release;
  readonly configFrom: string;
  /** Absent if it could not be read. */
  readonly text?: string;
  /** For Alloy. */
  readonly blocks: readonly AlloyBlock[];
  /** For Promtail. */
  readonly scrapes?: Json;
  readonly writers: readonly WriterEvidence[];
  readonly pods: readonly PodEvidence[];
  /** Counters of the sampled pods. */
  readonly counters: readonly CollectorCounters[];
  /** The same pods, sampled again some seconds later. */
  readonly pushing: readonly PushingEvidence[];
  /** Warnings of its namespace. */
  readonly events: readonly EventEvidence[];
  /** Collectors that make no progress while pods on their nodes keep printing. */
  readonly stuck: readonly StuckEvidence[];
}

export interface StuckEvidence {
  readonly pod: string;
  readonly node: string;
  /** A pod on the same node that has printed meanwhile, `namespace/name`. */
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
  /** For each host that is pushed to. */
  readonly pushes: Readonly<Record<string, PushCount>>;
}

export interface PushCount {
  readonly sent: number;
  readonly dropped: number;
  readonly retries: number;
  /** Requests by status; `-1` got no response. */
  readonly answers: Readonly<Record<string, number>>;
}

/** The outcome of a collector's pushes between two samples of its counters. */
export interface PushingEvidence {
  readonly pod: string;
  readonly before: CollectorCounters;
  readonly after: CollectorCounters;
  readonly seconds: number;
}
