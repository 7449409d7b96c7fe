/** What a use case is given from outside: makers of ports (so that nothing is loaded or called before it is needed) and the run itself. */
import type { DoctorResult, Problem, Sink, VerifyResult } from './engine/types.ts';
import type { Aws } from './ports/aws.ts';
import type { Grafana, GrafanaLogin } from './ports/grafana.ts';
import type { Journals } from './ports/journals.ts';
import type { KubeAccess, Kubernetes } from './ports/kubernetes.ts';
import type { Logs } from './ports/logs.ts';
import type { Charts, Releases } from './ports/releases.ts';
import type { Clock, Files, Pulse, Questions, Random, Self } from './ports/system.ts';
import type { Templates } from './design/template.ts';
import type { GrafanaReach } from './design/blueprint.ts';
import type { Settings } from './design/settings-type.ts';
import type { Consent } from './steps/consent.ts';

export interface Dependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly pulse: Pulse;
  self(): Promise<Self>;
  /** Absent when nothing may be asked (no terminal, CI, --yes). */
  readonly questions?: Questions;
  readonly journals: Journals;
  /** Resolves region (flag, AWS_REGION, AWS_DEFAULT_REGION, profile) and credentials. Throws AWS_REGION_MISSING, AWS_CREDENTIALS_*. */
  aws(of: { readonly region?: string; readonly profile?: string }): Promise<Aws>;
  kubernetes(access: KubeAccess): Promise<Kubernetes>;
  /** Which server a kubeconfig's context points to, without calling it. */
  kubeconfigServer(of: { readonly path?: string; readonly context?: string }): Promise<{ readonly context: string; readonly server: string }>;
  /**
   * Helm works through a private kubeconfig (0600, gone afterwards) whose exec plugin is this CLI (`kube-token`), or through the
   * user's own kubeconfig when `access` is one. `eks` names what the plugin signs for.
   */
  releases(of: {
    readonly access: KubeAccess;
    readonly kubernetes: Kubernetes;
    readonly eks: { readonly cluster: string; readonly region: string; readonly profile?: string };
    readonly helm?: string;
  }): Promise<Releases>;
  charts(of: { readonly helm?: string }): Promise<Charts>;
  logs(of: { readonly kubernetes: Kubernetes; readonly namespace: string; readonly selector: string; readonly port: number }): Promise<Logs>;
  /** `where` is what it is called in messages. */
  grafana(of: { readonly where: string; readonly reach: GrafanaReach; readonly kubernetes: Kubernetes; readonly login: GrafanaLogin }): Promise<Grafana>;
  /** From now on this value is never said, in any output. */
  readonly hide: (secret: string) => void;
  /** Text of a file under templates/. */
  readonly templates: Templates;
  /** Puts down whatever was made on disk for this run. Called on every way out. */
  dispose(): Promise<void>;
}

/** One run of a command. */
export interface RunContext {
  readonly settings: Settings;
  /** Settings that somebody gave, by flag, environment, file or answer; the others are defaults. */
  readonly said?: ReadonlySet<string>;
  /** Log data that was given up on this command line, or typed. */
  readonly consent?: Consent;
  readonly deps: Dependencies;
  readonly emit: Sink;
  /** Waits until everything emitted so far is on the screen and no live region is drawn: call before asking anything. */
  readonly settled: () => Promise<void>;
  readonly signal: AbortSignal;
  readonly version: string;
  /** The standard variables point at a sandbox; said in the first and last line. */
  readonly sandbox: boolean;
  /** --yes: the plan is not asked about. */
  readonly yes: boolean;
}

/** The exit code; everything else was said in events. Use cases in src/app have the form `(run, options) => Promise<number>`. */
export type UseCase<Options> = (run: RunContext, options: Options) => Promise<number>;
export interface InstallOptions {
  readonly dryRun: boolean;
  readonly rotateLogin?: boolean;
}
export interface PlanOptions {
  readonly detailedExitcode: boolean;
  readonly show?: 'values' | 'policies' | 'alloy' | 'grafana' | 'manifests';
  /** Shown documents keep what looks secret in them. */
  readonly reveal?: boolean;
}
export interface UninstallOptions {
  readonly deleteData: boolean;
  /** S3's lifecycle empties the named buckets, and they stay until then. */
  readonly expireData?: boolean;
  /** Bucket names the user has typed. */
  readonly confirmDeleteData: readonly string[];
}
/** What verify can prove: see src/commands/verify/verify-checks.ts. */
export type VerifyCheckName = 'lines' | 'login' | 'tenant' | 's3' | 'grafana' | 'restart';
/** A JUnit file to write, whatever becomes of the run; one that is there is replaced, since CI runs again and again. */
export interface JUnitFile {
  readonly file: string;
  /** `result` is that of `verify.finished`; without it the run ended before, for `problems`. */
  readonly xml: (of: { readonly result?: VerifyResult; readonly problems: readonly Problem[] }) => Promise<string>;
}
export interface VerifyOptions {
  /** About so many nodes, spread over all kinds, instead of every one. */
  readonly sample?: number;
  /** These nodes and no others; every one when empty. */
  readonly nodes: readonly string[];
  /** These proofs and no others; the usual ones when empty. */
  readonly proofs: readonly VerifyCheckName[];
  /** A collector may be restarted to prove that nothing is lost by it. */
  readonly restartCollector: boolean;
  readonly junit?: JUnitFile;
}
export interface DoctorOptions {
  /** Values files to judge instead of a cluster. */
  readonly values: readonly string[];
  /** Whose they are, when it was said. */
  readonly chart?: 'loki' | 'alloy';
  /** Mends what may be mended, and looks again. */
  readonly fix?: DoctorFix;
  /** Files to write what was found into. */
  readonly reportFiles?: ReportFiles;
}
export interface DoctorFix {
  /** `CODE`, or `CODE:NAMESPACE/NAME` of a Helm release that is not ours: agreed to, wherever nobody can be asked. */
  readonly confirmed: readonly string[];
}
export interface ReportFiles {
  readonly html?: string;
  readonly bundle?: string;
  /** Files that are there may be replaced. */
  readonly force: boolean;
  /** The result of `doctor.finished` as an HTML file. */
  readonly page: (result: DoctorResult, about: { readonly version: string; readonly made: Date; readonly sandbox: boolean }) => Promise<string>;
}
export type StatusOptions = Readonly<Record<never, never>>;
