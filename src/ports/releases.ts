/** Helm charts and releases. */
import type { Problem } from '../engine/types.ts';

/** Where a chart comes from. */
export type ChartSource =
  | { readonly is: 'pinned'; readonly repo: string; readonly name: string; readonly version: string; readonly sha256: string }
  /** A directory or a .tgz on disk. */
  | { readonly is: 'file'; readonly path: string }
  /** `oci://…` or the user's own repository: no digest is known. */
  | { readonly is: 'reference'; readonly repo?: string; readonly name: string; readonly version?: string };

/** A chart on disk, ready to be installed. */
export interface Chart {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly appVersion: string;
  /** Of the .tgz, or of the directory's sorted contents. */
  readonly sha256: string;
  /** For humans: `grafana-community/loki 18.11.0 (pinned)`, `./charts/loki (local, not pinned)`. */
  readonly origin: string;
}

export interface Charts {
  /** Fetches it if need be and checks its digest. Throws CHART_UNREACHABLE, CHART_DIGEST_WRONG, CHART_INVALID. */
  obtain(source: ChartSource): Promise<Chart>;
}

export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly revision: number;
  /** deployed | failed | pending-install | pending-upgrade | pending-rollback | uninstalling | superseded | uninstalled */
  readonly status: string;
  readonly chart: string;
  readonly chartVersion: string;
  readonly appVersion: string;
  /** The user-supplied values of this revision. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
  /** What the chart rendered for this revision, without hooks. */
  readonly manifest?: string;
  readonly updated?: Date;
  /** The highest revision whose status is `deployed` or `superseded`; the target of a rollback. */
  readonly lastGood?: number;
}

export interface Helm {
  readonly path: string;
  /** `4.1.4` */
  readonly version: string;
}

export interface HelmTask {
  readonly name: string;
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly say: (text: string) => void;
}

export interface Releases {
  /** Finds the binary and checks it is 3.x (from 3.14) or 4.x. Throws HELM_MISSING, HELM_TOO_OLD. */
  helm(): Promise<Helm>;
  /** Read from the release Secrets, without helm. */
  find(name: string, namespace: string): Promise<Release | undefined>;
  /** `helm upgrade --install`, values on stdin, no --wait: `ready()` waits for readiness. */
  upgrade(
    task: HelmTask & { readonly chart: Chart; readonly values: object; readonly labels: Readonly<Record<string, string>>; readonly description: string },
  ): Promise<void>;
  /**
   * Throws HELM_BUSY while another helm may be working on it, as `upgrade` and `uninstall` do. `force`: overwrites fields that others have
   * changed since. `prepare` runs once no other helm is working on it.
   */
  rollback(task: HelmTask & { readonly revision: number; readonly force?: boolean; readonly prepare?: () => Promise<void> }): Promise<void>;
  /** Marks a pending revision as failed, so that the next one may follow. Throws HELM_BUSY while another helm may be working on it. */
  abandon(of: { readonly name: string; readonly namespace: string }): Promise<void>;
  /** What the chart rendered for that revision; empty when the revision is no longer kept. */
  manifest(of: { readonly name: string; readonly namespace: string; readonly revision: number }): Promise<string>;
  /** Harmless if absent. */
  uninstall(task: HelmTask): Promise<void>;
  /** Rendered manifests, offline: for `plan --show manifests` and for checks. */
  render(of: {
    readonly name: string;
    readonly namespace: string;
    readonly chart: Chart;
    readonly values: object;
    readonly kubeVersion: string;
  }): Promise<string>;
  /**
   * Waits until every workload of the release is rolled out. Reports what is not ready and why; throws at once on states that
   * cannot recover (image not pullable, crash loop, unschedulable for long) and RELEASE_NOT_READY at the timeout.
   */
  ready(task: HelmTask): Promise<void>;
  /** A single poll of `ready`: the workloads that are not ready, and why, in words. */
  unready(name: string, namespace: string): Promise<readonly Unready[]>;
}

export interface Unready {
  /** `StatefulSet loki/loki-ingester` */
  readonly workload: string;
  /** `1 of 3 ready; loki-ingester-2 Pending: 0/3 nodes are available: …` */
  readonly why: string;
  /** Present when waiting longer is pointless. */
  readonly problem?: Problem;
}
