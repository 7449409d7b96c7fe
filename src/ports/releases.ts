/** Helm charts and releases. */
import type { Problem } from '../engine/types.ts';

/** Where a chart comes from. */
export type ChartSource =
  | { readonly is: 'pinned'; readonly repo: string; readonly name: string; readonly version: string; readonly sha256: string }
  /** A directory or a .tgz on disk. */
  | { readonly is: 'file'; readonly path: string }
  /** `oci://…` or a repository of the user's own: no digest is known. */
  | { readonly is: 'reference'; readonly repo?: string; readonly name: string; readonly version?: string };

/** A chart on this disk, ready to be installed. */
export interface Chart {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly appVersion: string;
  /** Of the .tgz, or of the directory's sorted contents. */
  readonly sha256: string;
  /** Human words: `grafana-community/loki 18.11.0 (pinned)`, `./charts/loki (local, not pinned)`. */
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
  /** What the chart rendered for this revision, hooks apart. */
  readonly manifest?: string;
  readonly updated?: Date;
  /** The highest revision whose status is `deployed` or `superseded`; what a rollback goes to. */
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
  /** `helm upgrade --install`, values on stdin, no --wait: readiness is `ready()`'s business. */
  upgrade(
    task: HelmTask & { readonly chart: Chart; readonly values: object; readonly labels: Readonly<Record<string, string>>; readonly description: string },
  ): Promise<void>;
  /**
   * Throws HELM_BUSY while another helm may be at work on it, as `upgrade` and `uninstall` do. `force`: fields that others have written
   * since are taken back from them. `prepare` runs once nobody else is at work on it.
   */
  rollback(task: HelmTask & { readonly revision: number; readonly force?: boolean; readonly prepare?: () => Promise<void> }): Promise<void>;
  /** A revision that is pending counts as failed from now on, and the next may follow it. Throws HELM_BUSY while another helm may be at work on it. */
  abandon(of: { readonly name: string; readonly namespace: string }): Promise<void>;
  /** What the chart rendered for that revision; empty when it is not kept any more. */
  manifest(of: { readonly name: string; readonly namespace: string; readonly revision: number }): Promise<string>;
  /** Absent is fine. */
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
   * Waits until every workload of the release is rolled out. Says what is not ready and why; throws at once on states that
   * cannot recover (image not pullable, crash loop, unschedulable for long) and RELEASE_NOT_READY at the timeout.
   */
  ready(task: HelmTask): Promise<void>;
  /** One look of `ready`: the workloads that are not, and why, in words. */
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
