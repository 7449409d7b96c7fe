/** What a user can set, after validation and defaults. The schema that produces it is in `settings.ts`. */

export interface Settings {
  readonly cluster: string;
  /** Resolved before anything else; see `discover`. */
  readonly region?: string;
  readonly profile?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Namespace of Loki. */
  readonly namespace: string;
  /** Namespace of Alloy. */
  readonly collectorNamespace: string;
  /** Loki tenant; the cluster's name when not given. */
  readonly tenant?: string;
  /** Value of the `cluster` label on every line; the cluster's name when not given. */
  readonly clusterLabel?: string;
  readonly retentionDays: number;
  readonly size: 'small' | 'medium' | 'large';
  readonly storageClass?: string;
  readonly identity: 'irsa' | 'pod-identity';
  /** First part of the bucket names. */
  readonly bucketPrefix: string;
  readonly bucketNamespace: 'account-regional' | 'global';
  /** Names of existing buckets to use instead of creating ones. */
  readonly chunksBucket?: string;
  readonly rulerBucket?: string;
  readonly existingBuckets: 'reuse' | 'recreate' | 'fail';
  /** Names of buckets whose contents may be deleted by `existingBuckets: recreate`; must equal the bucket's name. */
  readonly confirmRecreate: readonly string[];
  readonly kmsKey?: string;
  /** Name of an existing role to use instead of creating one. */
  readonly roleName?: string;
  readonly iamPath: string;
  readonly permissionsBoundary?: string;
  /** The user's own tags, added to ours on every AWS resource. */
  readonly tags: Readonly<Record<string, string>>;
  readonly createOidcProvider: boolean;
  readonly expose: 'none' | 'internal' | 'public';
  readonly allowCidr: readonly string[];
  /** ACM certificate ARN for the exposed gateway. */
  readonly certificate?: string;
  readonly gatewayUser: string;
  /** File with the gateway password, `-` for stdin; generated when absent. */
  readonly passwordFile?: string;
  readonly alertmanagerUrl?: string;
  /** `auto`: the data source and a dashboard are added to a Grafana that is found; `none`: no Grafana is touched. */
  readonly grafana: 'auto' | 'none';
  /** Address of a Grafana, instead of the one in the cluster. */
  readonly grafanaUrl?: string;
  /** File with a Grafana service account token, `-` for stdin. */
  readonly grafanaTokenFile?: string;
  readonly grafanaNamespace?: string;
  /** Grafana's own admin Secret may be read for the check through Grafana. */
  readonly grafanaAdmin: boolean;
  /** The gateway's address as seen by Grafana; its in-cluster address when not given. */
  readonly gatewayUrl?: string;
  readonly lokiChart?: string;
  readonly alloyChart?: string;
  readonly chartRepo?: string;
  readonly lokiValues: readonly string[];
  readonly alloyValues: readonly string[];
  /** Path of the helm binary; looked up on PATH when absent. */
  readonly helm?: string;
  /** For the rollout of each release, in seconds. */
  readonly timeoutSeconds: number;
  readonly onFailure: 'rollback' | 'keep';
  readonly onUnfinished: 'ask' | 'continue' | 'undo';
  readonly verify: boolean;
  /** The output format of a run; by default depends on whether there is a terminal. */
  readonly output?: 'tree' | 'plain' | 'json';
}
