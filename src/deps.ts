/** The dependencies of a use case: factories of ports (so that nothing is loaded or called before it is needed) and the run itself. */
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
  /** Absent when the program must not prompt (no terminal, CI, --yes). */
  readonly questions?: Questions;
  readonly journals: Journals;
  /** Resolves region (flag, AWS_REGION, AWS_DEFAULT_REGION, profile) and credentials. Throws AWS_REGION_MISSING, AWS_CREDENTIALS_*. */
  aws(of: { readonly region?: string; readonly profile?: string }): Promise<Aws>;
  kubernetes(access: KubeAccess): Promise<Kubernetes>;
  /** The server that a kubeconfig's context points to, without calling it. */
  kubeconfigServer(of: { readonly path?: string; readonly context?: string }): Promise<{ readonly context: string; readonly server: string }>;
  /**
   * Helm uses a private kubeconfig (0600, deleted afterwards) whose exec plugin is this CLI (`kube-token`), or the
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
  /** `where` is its name in messages. */
  grafana(of: { readonly where: string; readonly reach: GrafanaReach; readonly kubernetes: Kubernetes; readonly login: GrafanaLogin }): Promise<Grafana>;
  /** From now on this value is redacted in all output. */
  readonly hide: (secret: string) => void;
  /** Text of a file under templates/. */
  readonly templates: Templates;
  /** Deletes the temporary files of this run. Called on every exit path. */
  dispose(): Promise<void>;
}

/** One run of a command. */
export interface RunContext {
  readonly settings: Settings;
  /** Settings given explicitly, by flag, environment, file or answer; the others are defaults. */
  readonly said?: ReadonlySet<string>;
  /** Log data that the user gave up, on this command line or at a prompt. */
  readonly consent?: Consent;
  readonly deps: Dependencies;
  readonly emit: Sink;
  /** Resolves when everything emitted so far is on the screen and no live region is drawn: call before prompting. */
  readonly settled: () => Promise<void>;
  readonly signal: AbortSignal;
  readonly version: string;
  /** The standard variables point at a sandbox; the first and the last line say so. */
  readonly sandbox: boolean;
  /** --yes: do not ask for confirmation of the plan. */
  readonly yes: boolean;
}

/** The exit code; everything else is reported by events. Use cases have the form `(run, options) => Promise<number>`. */
export type UseCase<Options> = (run: RunContext, options: Options) => Promise<number>;
export interface InstallOptions {
  readonly dryRun: boolean;
  readonly rotateLogin?: boolean;
}
export interface PlanOptions {
  readonly detailedExitcode: boolean;
  readonly show?: 'values' | 'policies' | 'alloy' | 'grafana' | 'manifests';
  /** Do not redact secret-looking values in displayed documents. */
  readonly reveal?: boolean;
}
export interface UninstallOptions {
  readonly deleteData: boolean;
  /** The named buckets are emptied by an S3 lifecycle rule, and exist until then. */
  readonly expireData?: boolean;
  /** Bucket names given by the user. */
  readonly confirmDeleteData: readonly string[];
}
/** What verify can check: see src/commands/verify/verify-checks.ts. */
export type VerifyCheckName = 'lines' | 'login' | 'tenant' | 's3' | 'grafana' | 'restart';
/** A JUnit file to write, whatever the outcome; an existing one is replaced, since CI runs repeatedly. */
export interface JUnitFile {
  readonly file: string;
  /** `result` is that of `verify.finished`; without it the run ended early because of `problems`. */
  readonly xml: (of: { readonly result?: VerifyResult; readonly problems: readonly Problem[] }) => Promise<string>;
}
export interface VerifyOptions {
  /** Approximate number of nodes, spread over all kinds, instead of all nodes. */
  readonly sample?: number;
  /** Only these nodes; all nodes when empty. */
  readonly nodes: readonly string[];
  /** Only these checks; the default ones when empty. */
  readonly proofs: readonly VerifyCheckName[];
  /** Allow restarting a collector to verify that no line is lost. */
  readonly restartCollector: boolean;
  readonly junit?: JUnitFile;
}
export interface DoctorOptions {
  /** Values files to lint instead of diagnosing a cluster. */
  readonly values: readonly string[];
  /** The chart they belong to, if given. */
  readonly chart?: 'loki' | 'alloy';
  /** Fixes what can be fixed safely, then checks again. */
  readonly fix?: DoctorFix;
  /** Report files to write. */
  readonly reportFiles?: ReportFiles;
}
export interface DoctorFix {
  /** `CODE`, or `CODE:NAMESPACE/NAME` of a foreign Helm release: fixes approved in advance, for non-interactive runs. */
  readonly confirmed: readonly string[];
}
export interface ReportFiles {
  readonly html?: string;
  readonly bundle?: string;
  /** Existing files may be replaced. */
  readonly force: boolean;
  /** The result of `doctor.finished` as an HTML file. */
  readonly page: (result: DoctorResult, about: { readonly version: string; readonly made: Date; readonly sandbox: boolean }) => Promise<string>;
}
export type StatusOptions = Readonly<Record<never, never>>;
