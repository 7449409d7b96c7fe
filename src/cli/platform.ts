/** What the command line is given by the composition root: words, streams, signals, and how to come by everything else when it is needed. */
import type { DoctorOptions, InstallOptions, Dependencies, PlanOptions, StatusOptions, UninstallOptions, UseCase, VerifyOptions } from '../deps.ts';
import type { Files, Questions } from '../ports/system.ts';
import type { OutputStream } from '../ui/renderer.ts';

/** Ctrl-C; a request to end; a terminal that was closed. */
export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface OutputLost {
  readonly stream: 'stdout' | 'stderr';
  /** `ENOSPC: no space left on device` */
  readonly why: string;
}

export type Env = Readonly<Record<string, string | undefined>>;

export interface Platform {
  /** Without node and the script. */
  readonly argv: readonly string[];
  readonly env: Env;
  /** Absolute. */
  readonly cwd: string;
  readonly stdin: { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly version: string;
  /** The help of the whole program, where the build has printed it for so many columns. */
  readonly help?: (columns: number) => string | undefined;
  /** Absolute path of the node that runs this. */
  readonly node: string;
  /** Absolute path of the launcher, so that a child can run this very CLI again. */
  readonly script: string;
  readonly now: () => Date;
  readonly files: SystemFiles;
  /** Until the returned function is called. */
  readonly onSignal: (listener: (signal: Signal) => void) => () => void;
  /** Called when a stream can't be written any more: a full disk, a terminal that has gone. Until the returned function is called. */
  readonly onOutputLost: (listener: (lost: OutputLost) => void) => () => void;
  /** What could not be written and nobody has heard of. */
  readonly untoldLosses: () => readonly OutputLost[];
  /** Ends the process at once, whatever is under way: the third signal. */
  readonly exit: (code: number) => void;
  /** Only called when something may be asked. */
  readonly questions: () => Promise<Questions>;
  readonly deps: (of: OutsideOptions) => Promise<Dependencies>;
  /** Each loads its use case when it is called, not before. */
  readonly useCases: UseCases;
  /** Starts the simulated account and cluster on loopback. */
  readonly sandbox: (of: SandboxOptions) => Promise<Sandbox>;
}

export interface OutsideOptions {
  /** Absent when nothing may be asked. */
  readonly questions?: Questions;
  /** Becomes `outside.hide`: the run's events are redacted by it. */
  readonly hide: (secret: string) => void;
  /** The run's: what waits for an answer when it comes is let go soon after. */
  readonly signal?: AbortSignal;
  /** Told of an answer that is late. */
  readonly late?: (call: string, seconds: number) => void;
}

/** `exists` is for the default config file only: whatever a user has named is read, and complained of. */
export interface SystemFiles extends Files {
  exists(path: string): Promise<boolean>;
}

export interface UseCases {
  readonly install: () => Promise<UseCase<InstallOptions>>;
  readonly adopt: () => Promise<UseCase<Pick<InstallOptions, 'dryRun'>>>;
  readonly orphan: () => Promise<UseCase<Pick<InstallOptions, 'dryRun'>>>;
  readonly plan: () => Promise<UseCase<PlanOptions>>;
  readonly status: () => Promise<UseCase<StatusOptions>>;
  readonly uninstall: () => Promise<UseCase<UninstallOptions>>;
  readonly verify: () => Promise<UseCase<VerifyOptions>>;
  readonly doctor: () => Promise<UseCase<DoctorOptions>>;
}

export type SandboxSeed = 'default' | 'small' | 'auto' | 'no-storage-class' | 'empty';

export interface SandboxOptions {
  readonly region?: string;
  /** Which cluster stands there at first. */
  readonly seed?: SandboxSeed;
  /** So many m5.xlarge nodes instead of the seed's own. */
  readonly nodes?: number;
  /** Of these so many are tainted GPU nodes. */
  readonly gpuNodes?: number;
  /** With a Grafana in the cluster. */
  readonly grafana?: boolean;
  /** The folder with real programs of the log path. */
  readonly real?: string;
}

export interface Sandbox {
  /** The standard variables (`AWS_ENDPOINT_URL`, `KUBECONFIG`, credentials, region) and `LOKI_EKS_CLUSTER`. */
  readonly env: Readonly<Record<string, string>>;
  /** What a reader should know: which cluster it is, which charts are used. */
  readonly notes: readonly string[];
  /** Breaks what the names say, and waits until that is felt. */
  break(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Set by the sandbox for the commands it runs; the first and the last line say so. Not a setting. */
export const SANDBOX_MARK = 'LOKI_EKS_SANDBOX';
