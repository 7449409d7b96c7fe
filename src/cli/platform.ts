/** What the composition root provides to the command line: arguments, streams, signals, and lazy access to everything else. */
import type { DoctorOptions, InstallOptions, Dependencies, PlanOptions, StatusOptions, UninstallOptions, UseCase, VerifyOptions } from '../deps.ts';
import type { Files, Questions } from '../ports/system.ts';
import type { OutputStream } from '../ui/renderer.ts';

/** Ctrl-C; a termination request; a closed terminal. */
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
  /** The help of the whole program, if the build has rendered it for this many columns. */
  readonly help?: (columns: number) => string | undefined;
  /** Absolute path of the node binary that runs this. */
  readonly node: string;
  /** Absolute path of the launcher, so that a child can run this very CLI again. */
  readonly script: string;
  readonly now: () => Date;
  readonly files: SystemFiles;
  /** Until the returned function is called. */
  readonly onSignal: (listener: (signal: Signal) => void) => () => void;
  /** Called when a stream can't be written any more: a full disk, a lost terminal. Until the returned function is called. */
  readonly onOutputLost: (listener: (lost: OutputLost) => void) => () => void;
  /** Losses that have not been reported. */
  readonly untoldLosses: () => readonly OutputLost[];
  /** Ends the process at once, whatever is in flight: the third signal. */
  readonly exit: (code: number) => void;
  /** Called only if the program may prompt. */
  readonly questions: () => Promise<Questions>;
  readonly deps: (of: OutsideOptions) => Promise<Dependencies>;
  /** Each loads its use case when it is called, not before. */
  readonly useCases: UseCases;
  /** Starts the simulated account and cluster on loopback. */
  readonly sandbox: (of: SandboxOptions) => Promise<Sandbox>;
}

export interface OutsideOptions {
  /** Absent when the program must not prompt. */
  readonly questions?: Questions;
  /** Becomes `deps.hide`: the run's events are redacted by it. */
  readonly hide: (secret: string) => void;
  /** The run's: calls in flight when it is aborted are abandoned soon after. */
  readonly signal?: AbortSignal;
  /** Called about a response that is late. */
  readonly late?: (call: string, seconds: number) => void;
}

/** `exists` is for the default config file only: a file that the user names is read, and errors are reported. */
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
  /** The initial cluster. */
  readonly seed?: SandboxSeed;
  /** Number of m5.xlarge nodes, instead of the seed's own. */
  readonly nodes?: number;
  /** How many of these are tainted GPU nodes. */
  readonly gpuNodes?: number;
  /** With a Grafana in the cluster. */
  readonly grafana?: boolean;
  /** The folder with the real programs of the log path. */
  readonly real?: string;
}

export interface Sandbox {
  /** The standard variables (`AWS_ENDPOINT_URL`, `KUBECONFIG`, credentials, region) and `LOKI_EKS_CLUSTER`. */
  readonly env: Readonly<Record<string, string>>;
  /** Facts for the user: which cluster it is, which charts are used. */
  readonly notes: readonly string[];
  /** Injects the named faults, and waits until they take effect. */
  break(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Set by the sandbox for the commands it runs; the first and the last line mention it. Not a setting. */
export const SANDBOX_MARK = 'LOKI_EKS_SANDBOX';
