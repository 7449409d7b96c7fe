/** The vocabulary of the engine. Imports nothing; knows nothing about AWS, Kubernetes or Loki. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Something that is wrong, worded so that the reader can act. `code` is a row of the problem catalogue. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  /** The evidence, one fact a line: an object and its field, a log line, a response. */
  readonly evidence?: readonly string[];
  /** Machine-readable details, so that programs need not parse messages: the bucket to confirm. */
  readonly data?: Readonly<Record<string, string>>;
}

export interface Change {
  readonly action: 'create' | 'update' | 'delete' | 'keep';
  /** The name a human would use: `s3://loki-chunks-1234`, `Secret loki/loki-gateway-login`. */
  readonly target: string;
  readonly detail?: string;
  /** Semantic difference of documents, one line each, already redacted: `- old`, `+ new`. */
  readonly diff?: readonly string[];
}

/** What a read-only inspection found, compared with the blueprint. */
export type Inspection =
  | { readonly is: 'matches'; readonly note?: string }
  | { readonly is: 'differs'; readonly changes: readonly Change[] }
  | { readonly is: 'blocked'; readonly problem: Problem };

/** Plain data, journaled BEFORE the change, sufficient to undo that change. */
export type UndoRecord = { readonly did: string } & { readonly [key: string]: Json };

/** What the engine passes to a step while it applies a change. */
export interface ApplyContext<R extends UndoRecord = UndoRecord> {
  /** The inspection that led to this change; it may be seconds old. */
  readonly found: Inspection;
  /** Record first, then mutate. On disk when it resolves. */
  readonly record: (receipt: R) => Promise<void>;
  /** Progress for the user: what is happening now, or what a wait is waiting for. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What undo and remove are given: they record nothing. */
export type StepIO = Omit<ApplyContext, 'record' | 'found'>;

/** The result of a removal: everything deleted, nothing found, or data kept (and why, and how to remove it). */
export type Removal =
  | { readonly is: 'removed' }
  | { readonly is: 'absent' }
  | {
      readonly is: 'kept';
      readonly target: string;
      readonly why: string;
      readonly how?: string;
      /** Part of it was changed on purpose. */
      readonly changed?: true;
      /** It is a bucket with log data. */
      readonly logs?: true;
    };

/** Commands, and flags that enable more; what only adopting foreign installations needs is separate. */
export type Occasion =
  | 'plan'
  | 'status'
  | 'verify'
  | 'doctor'
  | 'doctor --fix'
  | 'install'
  | 'uninstall'
  | 'uninstall --delete-data'
  | 'uninstall --expire-data'
  | 'orphan'
  | 'adopt'
  | '--identity pod-identity'
  | '--create-oidc-provider'
  | 'without --permissions-boundary';

/** A permission the caller needs: a policy statement, or a role rule. */
export type Permission = {
  /** Completes the phrase "to …". */
  readonly to: string;
  readonly for: readonly Occasion[];
} & (
  | { readonly actions: readonly string[]; readonly on: readonly string[]; readonly condition?: Json }
  | {
      readonly verbs: readonly string[];
      /** As `kubectl` writes them: `secrets`, `pods/log`, `deployments.apps`. */
      readonly resources: readonly string[];
      /** A namespace by its purpose, or `cluster`: all namespaces, and cluster-scoped objects. */
      readonly where: 'cluster' | 'loki' | 'collector' | 'kube-system' | 'grafana';
    }
);

/** One thing that must be true of the account or cluster. */
export interface Step<Ctx, R extends UndoRecord = UndoRecord> {
  /** Stable, `area.thing`: events, journal, docs. */
  readonly id: string;
  readonly title: string;
  /** Where the inspected resource lives: a call to AWS is slow, one to the cluster is cheap. */
  readonly scope: 'aws' | 'cluster';
  /** It stores names that can't be derived: an adoption runs it before any step that writes ownership marks. */
  readonly remembers?: true;
  /** Steps that must be done before this one acts; all earlier ones when absent, none when empty. */
  readonly needs?: readonly string[];
  /** Uninstall keeps it unless the user asks for it by name. */
  readonly holds?: 'data';
  /** Permissions for everything the step does, on any code path. */
  readonly permissions: readonly Permission[];
  /** Reads only. */
  inspect(ctx: Ctx): Promise<Inspection>;
  /** Afterwards inspect() reports `matches`. */
  apply(ctx: Ctx, io: ApplyContext<R>): Promise<void>;
  /** Undoes one change; harmless if the change never happened. Returns what it keeps on purpose. */
  undo(ctx: Ctx, receipt: R, io: StepIO): Promise<Removal | void>;
  /** Uninstall; harmless if absent; never touches what loki-eks does not own. */
  remove(ctx: Ctx, io: StepIO): Promise<Removal>;
}

export type Plan<Ctx> = readonly { readonly step: Step<Ctx>; readonly finding: Inspection }[];

export type Verdict =
  | { readonly is: 'pass'; readonly detail?: string }
  | { readonly is: 'warn'; readonly problem: Problem }
  | { readonly is: 'fail'; readonly problem: Problem }
  | { readonly is: 'skip'; readonly why: string };

/** One read-only question about the account or cluster. */
export interface Check<Ctx> {
  /** `area.fact`: 'alloy.delivers'. */
  readonly id: string;
  /** Reads as a fact: 'Alloy delivers to the gateway'. */
  readonly title: string;
  readonly at: readonly ('preflight' | 'status' | 'doctor')[];
  /** Skipped, not failed, when one of these did not pass. */
  readonly needs?: readonly string[];
  /** The hop of the log path it checks, for checks that run in that order. */
  readonly hop?: string;
  /** Permissions it needs beyond those of the steps. */
  readonly permissions?: readonly Permission[];
  run(ctx: Ctx, signal: AbortSignal): Promise<Verdict>;
}

export interface CheckResult {
  readonly check: string;
  readonly title: string;
  readonly verdict: Verdict;
}

export interface JournalEntry {
  readonly step: string;
  readonly receipt: UndoRecord;
}

export interface Journal {
  /** On disk when it resolves. */
  append(entry: JournalEntry): Promise<void>;
  newestFirst(): Promise<readonly JournalEntry[]>;
  close(outcome: Outcome): Promise<void>;
}

/** `done`: up to date. `undone`: failed and rolled back. `left`: failed, and something was left behind. */
export type Outcome = 'done' | 'undone' | 'left';

/** Something that a failed undo left behind, and the command that removes it. */
export interface Leftover {
  readonly step: string;
  readonly receipt: UndoRecord;
  readonly problem: Problem;
}

export interface PlannedStep {
  readonly step: string;
  readonly title: string;
  readonly finding: Inspection;
}

/** Present only when documents were requested with `--show`. */
export interface PlanResult {
  /** Text by file name. */
  readonly shown: Readonly<Record<string, string>>;
}

export interface NodeRow {
  readonly node: string;
  /** `passed-over`: nothing could be verified there; `why` has the reason. */
  readonly state: 'found' | 'failed' | 'passed-over';
  readonly zone?: string;
  /** `m5.xlarge` */
  readonly instanceType?: string;
  /** `nvidia.com/gpu=true:NoSchedule` */
  readonly taints?: readonly string[];
  /** From print to query result. */
  readonly seconds?: number;
  readonly why?: string;
  readonly problem?: Problem;
}

export interface ProofRow<Name extends string = string> {
  readonly proof: Name;
  /** Reads as a fact. */
  readonly title: string;
  readonly state: 'proved' | 'failed' | 'skipped';
  readonly detail?: string;
  /** Why it was skipped. */
  readonly why?: string;
  readonly problem?: Problem;
}

/** Seconds from print to query result. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** A line that was really printed, and the query that finds it again. */
export interface PrintedLine {
  readonly line: string;
  readonly query: string;
  readonly node: string;
  readonly tenant: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface VerifyResult extends Partial<Omit<PrintedLine, 'tenant'>> {
  /** Everything that was tried has passed. */
  readonly found: boolean;
  readonly counts: {
    readonly linux: number;
    readonly tried: number;
    readonly found: number;
    readonly failed: number;
    readonly passedOver: number;
    readonly sampled: boolean;
  };
  readonly latency?: Latency;
  readonly tenant: string;
  /** Duration of the whole run. */
  readonly seconds: number;
  readonly proofs: readonly ProofRow[];
  readonly untried: readonly Pick<ProofRow, 'proof' | 'title'>[];
  readonly nodes: readonly NodeRow[];
  readonly problems: readonly Problem[];
}

export interface Component {
  readonly name: string;
  readonly kind: string;
  readonly ready: number;
  readonly wanted: number;
  readonly version?: string;
  readonly state: 'ok' | 'degraded' | 'down' | 'absent';
  readonly why?: string;
  readonly problem?: Problem;
}

export interface ReleaseRow {
  readonly name: string;
  readonly namespace: string;
  readonly chart: string;
  readonly version: string;
  /** The chart version that this loki-eks installs. */
  readonly pinned: string;
  readonly status: string;
  readonly revision: number;
}

export interface Coverage {
  /** Nodes a collector can run on: Linux, not Fargate. */
  readonly linux: number;
  readonly withCollector: number;
  /** Names of those without a running collector. */
  readonly without: readonly string[];
  readonly fargate: number;
  readonly windows: number;
}

export interface StatusResult {
  readonly cluster: string;
  readonly region: string;
  readonly namespace: string;
  readonly sandbox: boolean;
  readonly components: readonly Component[];
  readonly releases: readonly ReleaseRow[];
  readonly nodes: Coverage;
  readonly drift: readonly { readonly step: string; readonly title: string; readonly changes: readonly string[] }[];
  readonly buckets: readonly { readonly use: string; readonly name: string; readonly objects?: number; readonly bytes?: number }[];
  readonly healthy: boolean;
  readonly notes: readonly string[];
}

export interface DoctorFinding {
  readonly check: string;
  readonly hop: string;
  /** `root`: start here. `also`: broken independently. `consequence`: a likely symptom of the root. */
  readonly role: 'root' | 'also' | 'consequence';
  readonly severity: 'fail' | 'warn';
  readonly problem: Problem;
  /** Whether `--fix` may fix it. */
  readonly autofix: string;
  /** Failure classes that this finding indicates. */
  readonly classes: readonly string[];
}

export interface DoctorResult {
  readonly mode: 'cluster' | 'values';
  readonly healthy: boolean;
  readonly root?: DoctorFinding;
  readonly findings: readonly DoctorFinding[];
  readonly hops: readonly { readonly hop: string; readonly state: string; readonly detail?: string }[];
  readonly notCollected: readonly { readonly what: string; readonly why: string }[];
  readonly subject: Readonly<Record<string, Json>>;
}

/** Every event of a run, in order. A renderer is a function of this table and of nothing else. */
export interface EventMap {
  'run.started': { readonly command: string; readonly version: string; readonly sandbox: boolean };
  'fact.found': { readonly fact: string; readonly value: string };
  'warning.raised': { readonly problem: Problem };
  'call.late': { readonly call: string; readonly seconds: number };
  'checks.started': { readonly at: string; readonly checks: readonly { readonly id: string; readonly title: string }[] };
  'check.said': { readonly check: string; readonly text: string };
  'check.finished': CheckResult;
  'plan.finished': { readonly changes: number; readonly steps: readonly PlannedStep[]; readonly result?: PlanResult };
  'steps.started': {
    readonly action: 'install' | 'fix' | 'adopt' | 'orphan' | 'uninstall' | 'recover';
    readonly steps: readonly { readonly id: string; readonly title: string }[];
  };
  'step.started': { readonly step: string };
  'step.said': { readonly step: string; readonly text: string };
  'step.unchanged': { readonly step: string; readonly note?: string };
  'step.done': { readonly step: string };
  'step.kept': { readonly step: string; readonly target: string; readonly why: string; readonly how?: string };
  'step.failed': { readonly step: string; readonly problem: Problem };
  'undo.started': { readonly step: string; readonly did: string };
  'undo.done': { readonly step: string; readonly did: string };
  'undo.failed': { readonly step: string; readonly did: string; readonly problem: Problem };
  'probes.placed': Readonly<Record<never, never>>;
  'probes.removed': { readonly left: number };
  'verify.finished': { readonly result: VerifyResult };
  'status.finished': { readonly result: StatusResult };
  'doctor.finished': { readonly result: DoctorResult };
  /** A note that belongs to the result: the next command to run, where the password is. */
  'note.given': { readonly text: string };
  'run.finished': {
    readonly command: string;
    readonly outcome: 'ok' | 'nothing-to-do' | 'changes-pending' | 'unhealthy' | 'refused' | 'undone' | 'left' | 'interrupted' | 'defect';
    readonly exit: number;
    readonly writes?: number;
    readonly problems?: readonly Problem[];
    readonly left?: readonly Leftover[];
    /** This run rolled back an earlier one. */
    readonly tookBack?: true;
    readonly sandbox: boolean;
    readonly seconds: number;
  };
}

export type Event = { [T in keyof EventMap]: { readonly type: T } & EventMap[T] }[keyof EventMap];
export type Sink = (event: Event) => void;
