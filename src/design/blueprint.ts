/** The whole of what should be true: every name, document, Helm value and Alloy line, computed by `design()`. */
import type { Json } from '../engine/types.ts';
import type { Encryption, LifecycleRule, Tags } from '../ports/buckets.ts';
import type { NewRole } from '../ports/roles.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Chart } from '../ports/releases.ts';
import type { GrafanaFact } from './grafana-workload.ts';
import type { Ownership } from './ownership.ts';

export interface Blueprint {
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  readonly cluster: { readonly name: string; readonly arn: string };
  readonly ownership: Ownership;
  readonly buckets: { readonly chunks: BucketPlan; readonly ruler: BucketPlan };
  readonly identity: 'irsa' | 'pod-identity';
  /** Its pods have used Pod Identity until now: the association is deleted once they use the other kind of identity. */
  readonly leavesPodIdentity?: true;
  /** Absent with Pod Identity. */
  readonly oidcProvider?: { readonly arn: string; readonly url: string; readonly audience: string; readonly tags: Tags; readonly mayCreate: boolean };
  readonly role: NewRole & { readonly arn: string; readonly policyName: string; readonly policy: Json };
  readonly serviceAccount: { readonly namespace: string; readonly name: string; readonly object: KubeObject };
  readonly namespaces: { readonly loki: KubeObject; readonly collector: KubeObject };
  /** The StorageClass of every volume. */
  readonly storageClassName: string;
  /** Only when no class fits and we create our own. */
  readonly storageClass?: KubeObject;
  readonly login: LoginPlan;
  readonly gateway: GatewayPlan;
  readonly tenant: string;
  readonly clusterLabel: string;
  readonly retentionDays: number;
  readonly loki: ReleasePlan;
  readonly alloy: ReleasePlan;
  /** A Grafana provisioning document (without a password). */
  readonly datasource: string;
  /** A Grafana dashboard, as JSON. */
  readonly dashboard: string;
  /** Absent when no Grafana is configured. */
  readonly grafana?: GrafanaPlan;
  /** What is stored in the cluster about this installation: the settings and the user's own values. */
  readonly record: { readonly settings: Json; readonly lokiValues: Json; readonly alloyValues: Json; readonly adopted?: Json };
  /** Decisions made for the user that are worth mentioning, one sentence each. */
  readonly notes?: readonly string[];
  readonly verify: ProbePlan;
}

export interface BucketPlan {
  readonly use: 'chunks' | 'ruler';
  readonly name: string;
  readonly namespace: 'account-regional' | 'global';
  /** Ownership tags and the user's tags. */
  readonly tags: Tags;
  /** The statements we need, by Sid; other Sids of an existing policy are kept. */
  readonly policy: Json;
  readonly encryption: Encryption;
  /** The rules we need, by ID; other rules are kept. */
  readonly lifecycle: readonly LifecycleRule[];
  readonly whenExists: 'reuse' | 'recreate' | 'fail';
}

export interface LoginPlan {
  readonly user: string;
  /** Secret that the gateway mounts; key `.htpasswd`. */
  readonly htpasswd: { readonly namespace: string; readonly name: string };
  /** For hashing a password that a person has chosen. */
  readonly rounds: number;
  /** It was adopted: a hash that accepts the login stays unchanged. */
  readonly keepsHash?: true;
  /** Users whose lines stay in it unchanged: they existed before an adoption. */
  readonly others?: readonly string[];
  /** Secrets that clients read; keys `username`, `password`. One in Loki's namespace, one in the collector's. */
  readonly clients: readonly { readonly namespace: string; readonly name: string }[];
}

/** The pods that verify the log path. */
export interface ProbePlan {
  readonly image: string;
  readonly namespace: string;
  /** As the user's values name them for Alloy and Loki: a mirror may require a login. */
  readonly pullSecrets?: readonly Json[];
}

export interface GatewayPlan {
  readonly namespace: string;
  readonly service: string;
  /** Port of the gateway's container. */
  readonly podPort: number;
  /** Label selector of the gateway's pods. */
  readonly selector: string;
  /** In-cluster base URL, without a path. */
  readonly url: string;
  readonly pushUrl: string;
}

export interface GrafanaPlace {
  /** `Deployment monitoring/grafana`, or the given address. */
  readonly where: string;
  readonly reach: GrafanaReach;
}

export interface GrafanaPlan extends GrafanaPlace {
  readonly datasource?: GrafanaDocument & { readonly parts: DatasourceParts; readonly way: DeliveryMethod };
  readonly dashboard?: GrafanaDocument & { readonly json: string; readonly way: DeliveryMethod };
}

/** How to connect to its HTTP API. */
export type GrafanaReach =
  | { readonly is: 'url'; readonly url: string }
  | {
      readonly is: 'pod';
      readonly namespace: string;
      readonly selector: string;
      readonly port: number;
      /** The Secret of its initial admin: read only with the user's permission. */
      readonly admin?: GrafanaFact['admin'];
    };

export interface GrafanaDocument {
  readonly uid: string;
  readonly name: string;
}

/** `object`: a labelled object that a sidecar of Grafana turns into the file `key`. */
export type DeliveryMethod =
  | { readonly is: 'api' }
  | {
      readonly is: 'object';
      readonly kind: 'Secret' | 'ConfigMap';
      readonly namespace: string;
      readonly name: string;
      readonly key: string;
      readonly labels: Readonly<Record<string, string>>;
    };

export interface ReleasePlan {
  readonly name: string;
  readonly namespace: string;
  readonly chart: Chart;
  /** Complete user-supplied values: ours, then the user's files on top. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Leaf paths of the user's files that are unknown to the chart, with the nearest known key. */
  readonly unknownKeys: readonly { readonly path: string; readonly file: string; readonly nearest?: string }[];
}

export interface DatasourceParts {
  readonly name: string;
  /** Stable, so that re-provisioning updates the same data source. */
  readonly uid: string;
  /** Base address of the gateway. */
  readonly url: string;
  readonly user: string;
  readonly tenant: string;
  /** Where a user finds the password. */
  readonly secretNamespace: string;
  readonly secretName: string;
}
