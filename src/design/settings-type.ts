/** What a user can set, after validation and defaults. The schema that makes it is in `settings.ts`. */

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
  /** Names of buckets to use instead of made ones. */
  readonly chunksBucket?: string;
  readonly rulerBucket?: string;
  readonly existingBuckets: 'reuse' | 'recreate' | 'fail';
  /** Names of buckets whose contents may be deleted by `existingBuckets: recreate`; must equal the bucket's name. */
  readonly confirmRecreate: readonly string[];
  readonly kmsKey?: string;
  /** Name of a role to use instead of a made one. */
  readonly roleName?: string;
  readonly iamPath: string;
  readonly permissionsBoundary?: string;
  /** The user's own tags, put beside ours on every AWS resource. */
  readonly tags: Readonly<Record<string, string>>;
  readonly createOidcProvider: boolean;
  readonly expose: 'none' | 'internal' | 'public';
  readonly allowCidr: readonly string[];
  /** ACM certificate ARN for the exposed gateway. */
  readonly certificate?: string;
  readonly gatewayUser: string;
  /** File that holds the gateway password, `-` for stdin; generated when absent. */
  readonly passwordFile?: string;
  readonly alertmanagerUrl?: string;
  /** `auto`: the data source and a dashboard are put into a Grafana that is found; `none`: no Grafana is touched. */
  readonly grafana: 'auto' | 'none';
  /** Address of a Grafana, in place of the one in the cluster. */
  readonly grafanaUrl?: string;
  /** File that holds a service account token of Grafana, `-` for stdin. */
  readonly grafanaTokenFile?: string;
  readonly grafanaNamespace?: string;
  /** Grafana's own admin Secret may be read for the proof through Grafana. */
  readonly grafanaAdmin: boolean;
  /** The gateway as Grafana reaches it; its address in the cluster when not given. */
  readonly gatewayUrl?: string;
  readonly lokiChart?: string;
  readonly alloyChart?: string;
  readonly chartRepo?: string;
  readonly lokiValues: readonly string[];
  readonly alloyValues: readonly string[];
  /** Path of the helm binary; found on PATH when absent. */
  readonly helm?: string;
  /** For the rollout of each release, in seconds. */
  readonly timeoutSeconds: number;
  readonly onFailure: 'rollback' | 'keep';
  readonly onUnfinished: 'ask' | 'continue' | 'undo';
  readonly verify: boolean;
  /** How a run is shown; chosen by whether there is a terminal when absent. */
  readonly output?: 'tree' | 'plain' | 'json';
}
