/** Values for Loki that lose logs, or prevent it from starting. */
import { isMap, type Values } from './merge.ts';
import { invalidPeriod } from './schema.ts';
import { bytes } from './quantities.ts';
import { valueAt, type Fault } from './values-fault.ts';

export function lokiFaults(values: Values): readonly Fault[] {
  const get = (path: string) => valueAt(values, path);
  const faults: Fault[] = [];
  const distributed = get('deploymentMode') === 'Distributed';
  const type = get('gateway.service.type');
  if (type === 'LoadBalancer' || type === 'NodePort') {
    const ranges = get('gateway.service.loadBalancerSourceRanges') !== undefined;
    const annotated = isMap(get('gateway.service.annotations')) && JSON.stringify(get('gateway.service.annotations')).includes('load-balancer-source-ranges');
    if (!annotated)
      faults.push({
        code: 'GATEWAY_EXPOSED',
        severity: 'fail',
        hop: 'gateway',
        message: `gateway.service.type is ${type}${ranges ? ', and loadBalancerSourceRanges is ignored' : ''}: the gateway is exposed outside the cluster`,
      });
  }
  if (get('loki.storage_config.aws.bucketnames') && get('loki.storage.bucketNames.chunks'))
    faults.push({
      code: 'VALUES_SHADOWED',
      severity: 'warn',
      hop: 's3',
      message: 'loki.storage.bucketNames.chunks has no effect together with loki.storage_config.aws.bucketnames',
      fix: 'Remove loki.storage_config.aws',
    });
  const named = get('loki.storage.bucketNames');
  // Without any, the buckets are named in another file or by --set; a file that names one should name both.
  const wanted = isMap(named) || (get('loki.storage.type') === 's3' && get('loki.schemaConfig') !== undefined);
  for (const use of ['chunks', 'ruler']) {
    const name = get(`loki.storage.bucketNames.${use}`);
    if (name === undefined && wanted)
      faults.push({
        code: 'LOKI_BUCKET_NOT_SET',
        severity: 'fail',
        hop: 's3',
        message: `loki.storage.bucketNames.${use} is not set: the chart renders nothing without it`,
        fix: `Set loki.storage.bucketNames.${use} to the name of a bucket`,
      });
    if (name === '')
      faults.push({
        code: 'LOKI_BUCKET_NOT_SET',
        severity: 'fail',
        hop: 's3',
        message: `loki.storage.bucketNames.${use} is empty`,
        fix: 'Set the name of the bucket; a variable was probably empty',
      });
  }
  if (get('loki.pattern_ingester.enabled') === true && distributed && !(Number(get('patternIngester.replicas') ?? 0) > 0))
    faults.push({
      code: 'LOKI_PATTERN_INGESTER_MISSING',
      severity: 'warn',
      hop: 'loki-runtime',
      message: 'loki.pattern_ingester.enabled is true, but patternIngester.replicas is 0',
    });
  if (distributed && get('ingester.persistence.enabled') !== true)
    faults.push({
      code: 'LOKI_WAL_EPHEMERAL',
      severity: 'warn',
      hop: 'loki-runtime',
      message: 'ingester.persistence is off: log lines that are not in S3 yet are lost with the pod',
    });
  if (get('loki.limits_config.retention_period') !== undefined && get('loki.compactor.retention_enabled') !== true)
    faults.push({
      code: 'LOKI_RETENTION_OFF',
      severity: 'warn',
      hop: 'loki-config',
      message: 'loki.limits_config.retention_period is set, but loki.compactor.retention_enabled is not true',
    });
  const periods = get('loki.schemaConfig.configs');
  const strange = invalidPeriod(values);
  if (strange !== undefined) faults.push({ code: 'LOKI_CONFIG_INVALID', severity: 'fail', hop: 'loki-config', message: strange });
  const last = Array.isArray(periods) && isMap(periods.at(-1)) ? (periods.at(-1) as Values) : undefined;
  if (last && (last['store'] !== 'tsdb' || Number(String(last['schema']).slice(1)) < 13))
    faults.push({
      code: 'LOKI_SCHEMA_OLD',
      severity: 'warn',
      hop: 'loki-config',
      message: `The newest period of loki.schemaConfig is ${String(last['store'])} ${String(last['schema'])}`,
    });
  if (get('chunksCache.enabled') !== false && get('chunksCache.allocatedMemory') === undefined)
    faults.push({ code: 'LOKI_CACHE_LARGE', severity: 'warn', hop: 'scheduling', message: 'chunksCache.allocatedMemory is not set: its pod requests 9.6 GiB' });
  const basic = get('gateway.basicAuth.enabled') === true;
  if (basic && !['existingSecret', 'htpasswd', 'username'].some((key) => get(`gateway.basicAuth.${key}`)) && !get('loki.tenants'))
    faults.push({
      code: 'GATEWAY_SECRET_MISSING',
      severity: 'fail',
      hop: 'gateway',
      message: 'gateway.basicAuth is on, but no credentials are set',
      fix: 'Set `gateway.basicAuth.existingSecret: NAME`',
    });
  return [...faults, ...storeFaults(get), ...fitFaults(get)];
}

type Get = (path: string) => unknown;

/** Where chunks are stored. */
function storeFaults(get: Get): readonly Fault[] {
  const faults: Fault[] = [];
  for (const use of ['chunks', 'ruler', 'admin']) {
    const name = get(`loki.storage.bucketNames.${use}`);
    if (typeof name === 'string' && /[/A-Z_$<]/.test(name))
      faults.push({ code: 'LOKI_BUCKET_NAME', severity: 'fail', hop: 's3', message: `loki.storage.bucketNames.${use}: "${name}" is not a valid bucket name` });
  }
  const periods = get('loki.schemaConfig.configs');
  const [first, last] = Array.isArray(periods) ? [periods[0] as unknown, periods.at(-1) as unknown].map((one) => (isMap(one) ? one : undefined)) : [];
  const period = last && valueAt(last, 'index.period');
  if (last?.['store'] === 'tsdb' && period !== undefined && period !== '24h')
    faults.push({
      code: 'LOKI_CONFIG_INVALID',
      severity: 'fail',
      hop: 'loki-config',
      message: `loki.schemaConfig: tsdb requires index.period: 24h, not ${String(period)}`,
    });
  const from: unknown = first?.['from'];
  const begins = from instanceof Date ? from.getTime() : Date.parse(String(from));
  if (first && Number(periods && (periods as readonly unknown[]).length) === 1 && begins > Date.now() - WEEK_MS)
    faults.push({
      code: 'LOKI_SCHEMA_STARTS_LATE',
      severity: 'warn',
      hop: 'loki-config',
      message: `loki.schemaConfig begins on ${new Date(begins).toISOString().slice(0, 10)}: older log lines are rejected, together with the whole push`,
    });
  return faults;
}

/** Loki accepts lines up to a week old. */
const WEEK_MS = 604_800_000;

/** Values that must be consistent with others. */
function fitFaults(get: Get): readonly Fault[] {
  const faults: Fault[] = [];
  const limit = get('ingester.resources.limits.memory');
  const ceiling = get('loki.ingester.wal.replay_memory_ceiling') ?? get('loki.structuredConfig.ingester.wal.replay_memory_ceiling');
  if (typeof limit === 'string' && ceiling === undefined && bytes(limit) <= 4 * 2 ** 30)
    faults.push({
      code: 'LOKI_WAL_CEILING',
      severity: 'warn',
      hop: 'loki-runtime',
      message: `ingester.resources.limits.memory is ${limit}, but reading the log back may take 4GB: loki.ingester.wal.replay_memory_ceiling is not set`,
    });
  const [within, age] = ['loki.querier.query_ingesters_within', 'loki.ingester.max_chunk_age'].map((path) => hours(get(path)));
  if ((within !== undefined || age !== undefined) && within !== 0 && (within ?? 3) < (age ?? 2))
    faults.push({
      code: 'QUERY_GAP',
      severity: 'fail',
      hop: 'query',
      message: `loki.querier.query_ingesters_within (${within ?? 3}h) is shorter than loki.ingester.max_chunk_age (${age ?? 2}h)`,
    });
  return faults;
}

function hours(value: unknown): number | undefined {
  const parts = typeof value === 'string' ? [...value.matchAll(/(?<![\d.])([\d.]+)([smhd])/g)] : [];
  const units: Readonly<Record<string, number>> = { s: 1 / 3600, m: 1 / 60, h: 1, d: 24 };
  return parts.length === 0 ? undefined : parts.reduce((sum, [, number, unit]) => sum + Number(number) * units[unit!]!, 0);
}
