/** Every setting as data: flags, environment variables, questions, docs and completion are generated from this list. */
import type { RuleName } from './rule-of.ts';
import type { Settings } from './settings-type.ts';

export interface SettingSpec {
  /** Name in the file; the names of flag and environment variable are derived from it. */
  readonly key: string;
  /** Field of `Settings`; differs from `key` only where the unit is part of the field's name. */
  readonly field: keyof Settings;
  /** `--retention-days` */
  readonly flag: string;
  /** `LOKI_EKS_RETENTION_DAYS` */
  readonly env: string;
  readonly kind: 'string' | 'integer' | 'boolean' | 'choice' | 'list' | 'map' | 'duration';
  readonly group: 'Target' | 'Names' | 'Logs' | 'AWS' | 'Exposure' | 'Grafana' | 'Charts' | 'Run';
  readonly description: string;
  readonly choices?: readonly string[];
  /** As a user would write it; absent if there is none, or if it is derived (the description says so). */
  readonly default?: string | number | boolean;
  /** Asked interactively if it is required and was not given. */
  readonly question?: string;
  /** The value's placeholder in help: `DAYS`. */
  readonly placeholder: string;
  /** List items that may contain a comma (file names) are never split when they come from a flag. */
  readonly verbatim?: boolean;
  /** For the value, or for each item of a list; a choice has none. Rules are loaded when values are read (`ruleOf`). */
  readonly rule?: RuleName;
  /**
   * `believed`: written into the installation record, and read from it by later commands. `written`: for humans, never read back: the
   * consent of an earlier run, or an address that would receive a token or password. Absent for everything else: files, programs, charts.
   */
  readonly record?: 'believed' | 'written';
}

type Row = Omit<SettingSpec, 'flag' | 'env' | 'field' | 'placeholder' | 'group'> & { readonly field?: keyof Settings; readonly placeholder?: string };

const kebab = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const group = (name: SettingSpec['group'], rows: readonly Row[]): readonly SettingSpec[] =>
  rows.map((row) => ({
    field: row.key as keyof Settings,
    placeholder: row.choices?.join('|') ?? 'VALUE',
    ...row,
    group: name,
    flag: `--${kebab(row.key)}`,
    env: `LOKI_EKS_${kebab(row.key).replaceAll('-', '_').toUpperCase()}`,
  }));

const choices = <const T extends readonly [string, ...string[]]>(of: T) => ({ kind: 'choice', choices: of }) as const;

const target = group('Target', [
  {
    key: 'cluster',
    record: 'written',
    kind: 'string',
    rule: 'cluster',
    description: 'EKS cluster, by name or ARN',
    question: 'Which EKS cluster?',
    placeholder: 'NAME',
  },
  {
    key: 'region',
    record: 'written',
    kind: 'string',
    rule: 'region',
    description: "AWS region (default: AWS_REGION, AWS_DEFAULT_REGION or the profile's)",
    question: 'Which AWS region?',
    placeholder: 'REGION',
  },
  { key: 'profile', kind: 'string', rule: 'present', description: 'AWS profile', placeholder: 'NAME' },
  { key: 'kubeconfig', kind: 'string', rule: 'present', description: 'kubeconfig to use instead of a token from your AWS credentials', placeholder: 'FILE' },
  { key: 'context', kind: 'string', rule: 'present', description: 'kubeconfig context', placeholder: 'NAME' },
]);

const names = group('Names', [
  { key: 'namespace', record: 'written', kind: 'string', rule: 'namespace', default: 'loki', description: 'namespace of Loki', placeholder: 'NAME' },
  {
    key: 'collectorNamespace',
    record: 'believed',
    kind: 'string',
    rule: 'namespace',
    default: 'alloy',
    description: 'namespace of Alloy',
    placeholder: 'NAME',
  },
  { key: 'tenant', record: 'believed', kind: 'string', rule: 'tenant', description: 'Loki tenant (default: cluster name)', placeholder: 'NAME' },
  {
    key: 'clusterLabel',
    record: 'believed',
    kind: 'string',
    rule: 'clusterLabel',
    description: 'value of the "cluster" label on every log line (default: cluster name)',
    placeholder: 'TEXT',
  },
]);

const logs = group('Logs', [
  {
    key: 'retentionDays',
    record: 'believed',
    kind: 'integer',
    rule: 'retentionDays',
    default: 28,
    description: 'log retention in days',
    question: 'How many days should logs be kept?',
    placeholder: 'DAYS',
  },
  {
    key: 'size',
    record: 'believed',
    ...choices(['small', 'medium', 'large']),
    default: 'small',
    description: 'replicas and memory: small for about 50 GB of logs a day, medium 250 GB, large 1 TB',
    question: 'Which size?',
  },
  {
    key: 'storageClass',
    record: 'believed',
    kind: 'string',
    rule: 'storageClass',
    description: 'StorageClass for the write-ahead log (default: a suitable one of the cluster)',
    placeholder: 'NAME',
  },
  { key: 'alertmanagerUrl', record: 'believed', kind: 'string', rule: 'url', description: 'Alertmanager to which the ruler sends alerts', placeholder: 'URL' },
]);

const aws = group('AWS', [
  { key: 'identity', record: 'believed', ...choices(['irsa', 'pod-identity']), default: 'irsa', description: "how Loki's pods get their AWS role" },
  {
    key: 'createOidcProvider',
    record: 'written',
    kind: 'boolean',
    rule: 'flag',
    default: false,
    description: "create the cluster's IAM OIDC provider if it is missing",
  },
  {
    key: 'bucketPrefix',
    record: 'believed',
    kind: 'string',
    rule: 'bucketPrefix',
    default: 'loki',
    description: 'prefix of the bucket names',
    placeholder: 'PREFIX',
  },
  {
    key: 'bucketNamespace',
    record: 'believed',
    ...choices(['account-regional', 'global']),
    default: 'account-regional',
    description: 'S3 namespace of the bucket names',
  },
  {
    key: 'chunksBucket',
    record: 'believed',
    kind: 'string',
    rule: 'bucket',
    description: 'name of the log bucket (default: prefix, installation, account and region)',
    placeholder: 'BUCKET',
  },
  { key: 'rulerBucket', record: 'believed', kind: 'string', rule: 'bucket', description: 'name of the alert rule bucket', placeholder: 'BUCKET' },
  {
    key: 'existingBuckets',
    ...choices(['reuse', 'recreate', 'fail']),
    default: 'reuse',
    description: 'what to do if the buckets exist; recreate empties them',
  },
  {
    key: 'confirmRecreate',
    kind: 'list',
    rule: 'present',
    description: 'name of a bucket that may be emptied; repeatable',
    placeholder: 'BUCKET',
  },
  { key: 'kmsKey', record: 'believed', kind: 'string', rule: 'kmsKey', description: 'KMS key that encrypts the buckets', placeholder: 'ARN' },
  {
    key: 'roleName',
    record: 'believed',
    kind: 'string',
    rule: 'roleName',
    description: "name of Loki's IAM role (default: cluster and installation)",
    placeholder: 'NAME',
  },
  { key: 'iamPath', record: 'believed', kind: 'string', rule: 'iamPath', default: '/', description: 'IAM path of the role', placeholder: '/PATH/' },
  {
    key: 'permissionsBoundary',
    record: 'believed',
    kind: 'string',
    rule: 'permissionsBoundary',
    description: 'permissions boundary of the role',
    placeholder: 'ARN',
  },
  { key: 'tags', record: 'believed', kind: 'map', rule: 'tags', description: 'tags for every AWS resource; repeatable', placeholder: 'KEY=VALUE' },
]);

const exposure = group('Exposure', [
  { key: 'expose', record: 'believed', ...choices(['none', 'internal', 'public']), default: 'none', description: 'load balancer in front of the gateway' },
  {
    key: 'allowCidr',
    record: 'believed',
    kind: 'list',
    rule: 'cidr',
    description: 'CIDR allowed to reach the load balancer; repeatable, required with --expose public',
    placeholder: 'CIDR',
  },
  {
    key: 'certificate',
    record: 'believed',
    kind: 'string',
    rule: 'certificate',
    description: 'ACM certificate of the load balancer; required with --expose public',
    placeholder: 'ARN',
  },
  {
    key: 'gatewayUser',
    record: 'believed',
    kind: 'string',
    rule: 'gatewayUser',
    default: 'loki',
    description: 'gateway user name',
    placeholder: 'NAME',
  },
  {
    key: 'passwordFile',
    kind: 'string',
    rule: 'present',
    description: 'file containing the gateway password, - for stdin (default: generated)',
    placeholder: 'FILE',
  },
]);

const grafana = group('Grafana', [
  {
    key: 'grafana',
    record: 'believed',
    ...choices(['auto', 'none']),
    default: 'auto',
    description: "add data source and dashboard to the cluster's Grafana, or to none",
  },
  {
    key: 'grafanaUrl',
    record: 'written',
    kind: 'string',
    rule: 'url',
    description: 'Grafana to use instead of the one in the cluster; requires --grafana-token-file',
    placeholder: 'URL',
  },
  {
    key: 'grafanaTokenFile',
    kind: 'string',
    rule: 'present',
    description: 'file containing a Grafana service account token, - for stdin',
    placeholder: 'FILE',
  },
  {
    key: 'grafanaNamespace',
    record: 'believed',
    kind: 'string',
    rule: 'namespace',
    description: 'namespace of the Grafana to use, if there are several',
    placeholder: 'NAME',
  },
  {
    key: 'grafanaAdmin',
    kind: 'boolean',
    rule: 'flag',
    default: false,
    description: "allow verification to use the admin Secret of the cluster's Grafana",
  },
  {
    key: 'gatewayUrl',
    record: 'written',
    kind: 'string',
    rule: 'url',
    description: 'gateway address for a Grafana outside the cluster',
    placeholder: 'URL',
  },
]);

const charts = group('Charts', [
  { key: 'lokiChart', kind: 'string', rule: 'present', description: 'Loki chart: directory, .tgz or oci:// reference', placeholder: 'CHART' },
  { key: 'alloyChart', kind: 'string', rule: 'present', description: 'Alloy chart: directory, .tgz or oci:// reference', placeholder: 'CHART' },
  { key: 'chartRepo', kind: 'string', rule: 'repository', description: 'chart repository to use instead of the public ones', placeholder: 'URL' },
  {
    key: 'lokiValues',
    kind: 'list',
    rule: 'present',
    verbatim: true,
    description: 'Loki values file, merged over the generated values; repeatable',
    placeholder: 'FILE',
  },
  {
    key: 'alloyValues',
    kind: 'list',
    rule: 'present',
    verbatim: true,
    description: 'Alloy values file, merged over the generated values; repeatable',
    placeholder: 'FILE',
  },
  { key: 'helm', kind: 'string', rule: 'present', description: 'helm binary (default: found on PATH)', placeholder: 'FILE' },
]);

const run = group('Run', [
  {
    key: 'timeout',
    field: 'timeoutSeconds',
    kind: 'duration',
    rule: 'duration',
    default: '15m',
    description: 'how long to wait for each release to become ready',
    placeholder: 'TIME',
  },
  { key: 'onFailure', ...choices(['rollback', 'keep']), default: 'rollback', description: 'what to do if the install fails' },
  { key: 'onUnfinished', ...choices(['ask', 'continue', 'undo']), default: 'ask', description: 'what to do about an interrupted earlier run' },
  { key: 'verify', kind: 'boolean', rule: 'flag', default: true, description: 'verify log delivery at the end' },
  { key: 'output', ...choices(['tree', 'plain', 'json']), description: 'output format (default: tree on a terminal, otherwise plain)' },
]);

export const settingSpecs: readonly SettingSpec[] = [...target, ...names, ...logs, ...aws, ...exposure, ...grafana, ...charts, ...run];
