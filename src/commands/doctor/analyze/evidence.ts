/** What `doctor` has seen of a log path that anybody may have installed: plain facts, read once, judged by the checks. */
import type { NodeFact } from '../../../design/facts.ts';
import type { Check, Problem } from '../../../engine/types.ts';
import type { OidcProvider } from '../../../ports/roles.ts';
import type { CollectorEvidence, Login } from './collectors-evidence.ts';
import type { Answer, LokiEvidence } from './loki-evidence.ts';
import type { EventEvidence, PolicyEvidence } from './objects-evidence.ts';

/** In the order of the data's way. */
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
  /** What it finds may come of something further up; others stand by themselves. */
  readonly symptom?: true;
  /** Without an answer to it, nothing good is said of its hop. */
  readonly proves?: true;
  /** Loses the lines of some nodes or streams only: no explanation where there are none at all. */
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
  /** Whether this program made the Loki that is looked at: its release carries our mark. Nobody else's is ever mended. */
  readonly ours: boolean;
  readonly nodes: readonly NodeFact[];
  readonly loki?: LokiEvidence;
  readonly collectors: readonly CollectorEvidence[];
  readonly datasources: readonly DatasourceEvidence[];
  /** Data sources for this Loki, asked by Grafana itself; absent without a login for it. */
  readonly throughGrafana?: readonly AskedEvidence[];
  /** Uids and names of all data sources of type loki that a dashboard may name; absent when there may be more of them. */
  readonly sourceNames?: ReadonlySet<string>;
  /** Names of Services by namespace, of all that an address in a configuration points to. */
  readonly services: ReadonlyMap<string, ServiceEvidence | undefined>;
  readonly reading?: ReadingEvidence;
  /** Warnings about nodes. */
  readonly nodeEvents: readonly EventEvidence[];
  /** Of the namespaces of Loki and the collectors; absent when they could not be looked at. */
  readonly policies?: readonly PolicyEvidence[];
  /** Labels of those namespaces. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly dashboards: readonly DashboardEvidence[];
  /** Pods of other people that have run for a while and never printed a line, among those that were looked at. */
  readonly silent?: { readonly pods: readonly string[]; readonly of: number };
  /** Pods on Fargate nodes, `namespace/name`; absent when there is no such node, or they could not be listed. */
  readonly fargatePods?: readonly string[];
  /** Objects of the Helm releases that others have changed since; absent when they could not be looked at. */
  readonly drifted?: readonly { readonly target: string; readonly how: string }[];
  /** When it was done, by our own clock. */
  readonly done?: Date;
  /** What could not be looked at, and why. */
  readonly notCollected: readonly { readonly what: string; readonly why: string }[];
  /** Why the API server gives no logs, counters and ports of pods. */
  readonly unreached?: Problem;
  /** Of `loki` and `collectors`, what there was an answer to that made no sense. */
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
  /** Absent when only Grafana's pod knows it. */
  readonly uid?: string;
  /** Whether the address leads to the surveyed Loki. */
  readonly ours: boolean;
  /** How the gateway answers it, when its login is known or it has none. */
  readonly answer?: Answer;
}

export interface ReadingEvidence {
  readonly as: string;
  readonly status: number;
  readonly body: string;
  readonly labels: readonly string[];
  readonly query?: string;
  /** How Loki answers what Grafana's health check asks; absent when it was not asked. */
  readonly health?: Answer;
  /** What came in place of an answer of Loki's. */
  readonly unread?: string;
  readonly newest?: { readonly line: string; readonly time: Date; readonly labels: Readonly<Record<string, string>> };
  readonly asked: Date;
}

/** A dashboard that Grafana's sidecar provisions, as far as it asks a Loki. */
export interface DashboardEvidence {
  /** `ConfigMap monitoring/pods, pods.json` */
  readonly from: string;
  readonly title: string;
  /** What its panels name as their data source: a uid, `${DS_LOKI}`, or a variable of its own as `$name`. */
  readonly sources: readonly string[];
  /** Its own variables. */
  readonly variables: readonly string[];
  /** Labels by which its panels select streams. */
  readonly labels: readonly string[];
}
