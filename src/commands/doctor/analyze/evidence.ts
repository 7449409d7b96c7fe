/** The evidence about a log path, no matter who installed it: plain facts, read once, judged by the checks. */
import type { NodeFact } from '../../../design/facts.ts';
import type { Check, Problem } from '../../../engine/types.ts';
import type { OidcProvider } from '../../../ports/roles.ts';
import type { CollectorEvidence, Login } from './collectors-evidence.ts';
import type { Answer, LokiEvidence } from './loki-evidence.ts';
import type { EventEvidence, PolicyEvidence } from './objects-evidence.ts';

/** In the order of the log path. */
export const hops = [
  'aws-identity',
  's3',
  'scheduling',
  'loki-config',
  'loki-runtime',
  'gateway',
  'tenant-write',
  'alloy-discovery',
  'alloy-read',
  'alloy-push',
  'limits',
  'tenant-read',
  'grafana-datasource',
  'query',
] as const;
export type Hop = (typeof hops)[number];

export interface DoctorCheck extends Check<Evidence> {
  readonly hop: Hop;
  /** Its finding may be caused by something further up the path; other findings are independent. */
  readonly symptom?: true;
  /** Its hop counts as working only if this check was answered. */
  readonly proves?: true;
  /** Affects the lines of some nodes or streams only: does not explain a total loss. */
  readonly partial?: true;
}

export interface Evidence {
  readonly cluster: {
    readonly name: string;
    readonly region: string;
    readonly partition: string;
    /** Without `https://`. */
    readonly issuer?: string;
    readonly providerArn?: string;
    readonly provider?: OidcProvider;
    readonly clusterDns: boolean;
  };
  /** Whether loki-eks created the diagnosed Loki: its release carries our mark. A foreign installation is never changed unasked. */
  readonly ours: boolean;
  readonly nodes: readonly NodeFact[];
  readonly loki?: LokiEvidence;
  readonly collectors: readonly CollectorEvidence[];
  readonly datasources: readonly DatasourceEvidence[];
  /** Data sources for this Loki, queried by Grafana itself; absent without a login for it. */
  readonly throughGrafana?: readonly AskedEvidence[];
  /** Uids and names of all data sources of type loki that a dashboard may name; absent if the list may be incomplete. */
  readonly sourceNames?: ReadonlySet<string>;
  /** Names of Services by namespace, for all addresses in configurations. */
  readonly services: ReadonlyMap<string, ServiceEvidence | undefined>;
  readonly reading?: ReadingEvidence;
  /** Warnings about nodes. */
  readonly nodeEvents: readonly EventEvidence[];
  /** For the namespaces of Loki and the collectors; absent if they could not be read. */
  readonly policies?: readonly PolicyEvidence[];
  /** Labels of those namespaces. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly dashboards: readonly DashboardEvidence[];
  /** Application pods that have run for a while and never printed a line, among those that were sampled. */
  readonly silent?: { readonly pods: readonly string[]; readonly of: number };
  /** Pods on Fargate nodes, `namespace/name`; absent if there is no such node, or they could not be listed. */
  readonly fargatePods?: readonly string[];
  /** Objects of the Helm releases that others have changed since; absent if they could not be read. */
  readonly drifted?: readonly { readonly target: string; readonly how: string }[];
  /** When collection finished, by our own clock. */
  readonly done?: Date;
  /** What could not be collected, and why. */
  readonly notCollected: readonly { readonly what: string; readonly why: string }[];
  /** Why the API server can't connect to pods for logs, counters and ports. */
  readonly unreached?: Problem;
  /** Those of `loki` and `collectors` for which a response was malformed. */
  readonly unread?: readonly ('loki' | 'collectors')[];
}

export interface AskedEvidence {
  readonly name: string;
  readonly lines: number;
  readonly problem?: Problem;
}

export interface ServiceEvidence {
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly number[];
  readonly selector: Readonly<Record<string, string>>;
}

export interface DatasourceEvidence {
  /** `ConfigMap monitoring/loki-datasource, datasources.yaml` */
  readonly from: string;
  readonly name: string;
  readonly url: string;
  readonly hasLogin: boolean;
  readonly login?: Login;
  readonly tenant?: string;
  /** Absent if only Grafana's pod knows it. */
  readonly uid?: string;
  /** Whether the address leads to the diagnosed Loki. */
  readonly ours: boolean;
  /** The gateway's response to it, if its login is known or it has none. */
  readonly answer?: Answer;
}

export interface ReadingEvidence {
  readonly as: string;
  readonly status: number;
  readonly body: string;
  readonly labels: readonly string[];
  readonly query?: string;
  /** Loki's response to the query of Grafana's health check; absent if it was not sent. */
  readonly health?: Answer;
  /** What was received instead of a response from Loki. */
  readonly unread?: string;
  readonly newest?: { readonly line: string; readonly time: Date; readonly labels: Readonly<Record<string, string>> };
  readonly asked: Date;
}

/** A dashboard that Grafana's sidecar provisions, if it queries a Loki. */
export interface DashboardEvidence {
  /** `ConfigMap monitoring/pods, pods.json` */
  readonly from: string;
  readonly title: string;
  /** The data sources that its panels name: a uid, `${DS_LOKI}`, or its own variable as `$name`. */
  readonly sources: readonly string[];
  /** Its own variables. */
  readonly variables: readonly string[];
  /** Labels by which its panels select streams. */
  readonly labels: readonly string[];
}
