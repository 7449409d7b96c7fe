/** Loki's configuration file as its process reads it: the resulting settings, or why it exits at once. */
import { parseDocument } from 'yaml';
import { flag, type Process, readMounted } from '../process.ts';
import type { ObjectStore } from '../../types.ts';

export interface LokiConfig {
  readonly text: string;
  readonly targets: readonly string[];
  readonly port: number;
  readonly authEnabled: boolean;
  readonly replicationFactor: number;
  readonly region: string;
  readonly chunkBucket: string;
  readonly rulerBucket: string | undefined;
  readonly staticKeys: { readonly id: string; readonly secret: string } | undefined;
  readonly indexPrefix: string;
  /** The folder that holds unflushed lines: they are lost with it. */
  readonly dataFolder: string;
  readonly flushOnShutdown: boolean;
  readonly retentionEnabled: boolean;
  readonly retentionMs: number;
  /** The DNS name used to join the ring. */
  readonly ring: string;
  readonly scheduler: string | undefined;
  /** The Services that its memcached clients look up. */
  readonly caches: { readonly chunks: string | undefined; readonly results: string | undefined };
  /** Queries read the index from these. */
  readonly indexGateway: string | undefined;
  readonly patterns: boolean;
  readonly limits: Limits;
}

export interface Limits {
  readonly rejectOldSamples: boolean;
  readonly oldestMs: number;
  readonly newestMs: number;
  readonly lineBytes: number;
  readonly truncateLines: boolean;
  readonly labelNames: number;
  readonly labelNameBytes: number;
  readonly labelValueBytes: number;
  readonly queryLengthMs: number;
  readonly maxEntries: number;
  readonly maxSeries: number;
  readonly allowsVolume: boolean;
}

type Doc = Readonly<Record<string, unknown>>;

const SECTIONS = new Set(
  'target auth_enabled http_prefix ballast_bytes server ui internal_server distributor querier query_engine delete_request query_scheduler frontend query_range ruler ruler_storage ingester_client ingester block_builder block_scheduler pattern_ingester index_gateway bloom_build bloom_gateway storage_config chunk_store_config schema_config compactor compactor_client compactor_http_client compactor_grpc_client limits_config limits frontend_worker table_manager memberlist dataobj dataobj-consumer kafka_config runtime_config operational_config tracing analytics profiling common shutdown_delay metrics_namespace pod_logs ingest_limits ingest_limits_frontend ingest_limits_frontend_client'.split(
    ' ',
  ),
);

function at(doc: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Doc | undefined | null)?.[key], doc);
}
const word = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

/** Go's durations and Prometheus': `168h`, `10m0s`, `28d`. */
export function milliseconds(value: unknown, fallback: number): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 };
  const text = word(value);
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)];
  return parts.length === 0 ? fallback : parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0);
}

/** A duration as Prometheus prints it: `30d1h`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  const units: readonly (readonly [string, number, boolean])[] = [
    ['y', 31_536_000_000, true],
    ['w', 604_800_000, true],
    ['d', 86_400_000, false],
    ['h', 3_600_000, false],
    ['m', 60_000, false],
    ['s', 1000, false],
    ['ms', 1, false],
  ];
  let rest = ms;
  return units.reduce((text, [unit, size, exact]) => {
    if (exact && rest % size !== 0) return text;
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? `${text}${count}${unit}` : text;
  }, '');
}

function bytes(value: unknown, fallback: number): number {
  const match = /^(\d+)\s*([KMG]?)i?B?$/i.exec(word(value));
  return match === null ? fallback : Number(match[1]) * ({ k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match[2]?.toLowerCase() ?? ''] ?? 1);
}

export type Loaded = { readonly is: 'good'; readonly config: LokiConfig } | { readonly is: 'bad'; readonly line: string };

export function isLoki(process: Process): boolean {
  return flag(process, 'config.file') !== undefined && /loki|enterprise-logs/.test(process.container.image);
}

export function loadLokiConfig(store: ObjectStore, process: Process): Loaded {
  const path = flag(process, 'config.file') ?? '';
  const raw = readMounted(store, process, path);
  if (raw === undefined) return { is: 'bad', line: `failed parsing config: ${path} does not exist, set config.file for custom config path` };
  const text =
    flag(process, 'config.expand-env') === 'true'
      ? raw.replace(/\$\{(\w+)(?::([^}]*))?\}/g, (_, name: string, fallback: string | undefined) => process.env[name] ?? fallback ?? '')
      : raw;
  const parsed = parseDocument(text);
  const wrong = parsed.errors[0];
  if (wrong !== undefined)
    return { is: 'bad', line: `failed parsing config: ${path}: yaml: line ${wrong.linePos?.[0].line ?? 1}: ${wrong.message.split('\n')[0]}` };
  const doc = (parsed.toJS() ?? {}) as Doc;
  const unknown = Object.keys(doc).find((key) => !SECTIONS.has(key));
  if (unknown !== undefined)
    return {
      is: 'bad',
      line: `failed parsing config: ${path}: yaml: unmarshal errors:\n  line ${lineOf(text, unknown)}: field ${unknown} not found in type loki.ConfigWrapper`,
    };
  return checked(read(doc, { text, process }), doc);
}

/** Charts before 17 name the ring's Service without its namespace. */
function qualified(host: string, namespace: string): string {
  return host === '' || host.includes('.') ? host : `${host}.${namespace}`;
}

/** `dnssrvnoa+_memcached-client._tcp.<service>.<namespace>.svc.<domain>` */
const cacheHost = (addresses: unknown): string | undefined => /^dnssrv(?:noa)?\+_[\w-]+\._tcp\.(.+)$/.exec(word(addresses))?.[1];

function lineOf(text: string, key: string): number {
  return text.split('\n').findIndex((line) => line.startsWith(`${key}:`)) + 1;
}

function checked(config: LokiConfig, doc: Doc): Loaded {
  const failed = (message: string): Loaded => ({ is: 'bad', line: `level=error caller=main.go:80 msg="validating config" err=${JSON.stringify(message)}` });
  const schemas = at(doc, 'schema_config.configs');
  if (!Array.isArray(schemas) || schemas.length === 0) return failed('must specify at least one schema configuration');
  if (config.retentionEnabled && word(at(doc, 'compactor.delete_request_store')) === '')
    return failed('CONFIG ERROR: compactor.delete-request-store should be configured when retention is enabled');
  const last = schemas.at(-1) as Doc;
  const structured = at(doc, 'limits_config.allow_structured_metadata') !== false;
  const version = Number(word(last['schema']).slice(1));
  if (structured && (version < 13 || last['store'] !== 'tsdb'))
    return failed(
      `MULTIPLE CONFIG ERRORS FOUND, PLEASE READ CAREFULLY\nCONFIG ERROR: schema v13 is required to store Structured Metadata and use native OTLP ingestion, your schema version is ${word(last['schema'])}. Set \`allow_structured_metadata: false\` in the \`limits_config\` section or upgrade to schema v13\nCONFIG ERROR: \`tsdb\` index type is required to store Structured Metadata and use native OTLP ingestion, your index type is \`${word(last['store'])}\``,
    );
  if (last['store'] === 'tsdb' && !['', '24h', '24h0m0s', '1d'].includes(word(at(last, 'index.period'))))
    return failed('CONFIG ERROR: invalid schema config: validating period_config: tsdb must always have periodic config for index set to 24h');
  const usesS3 = schemas.some((schema) => (schema as Doc)['object_store'] === 's3' || (schema as Doc)['object_store'] === 'aws');
  if (usesS3 && config.chunkBucket === '')
    return {
      is: 'bad',
      line: 'level=error caller=log.go:216 msg="error running loki" err="at least one bucket name must be specified\\nerror initialising module: store"',
    };
  if (usesS3 && config.region === '')
    return {
      is: 'bad',
      line: 'level=error caller=log.go:216 msg="error running loki" err="failed to create s3 client: Invalid Configuration: Missing Region\\nerror initialising module: store"',
    };
  return { is: 'good', config };
}

function read(doc: Doc, of: { readonly text: string; readonly process: Process }): LokiConfig {
  const shared = at(doc, 'common.storage.s3');
  const own = at(doc, 'storage_config.aws');
  const s3 = (key: string): string => word(at(own, key)) || word(at(shared, key));
  const schemas = (at(doc, 'schema_config.configs') ?? []) as readonly Doc[];
  const keyId = s3('access_key_id');
  return {
    text: of.text,
    targets: (flag(of.process, 'target') ?? (word(doc['target']) || 'all')).split(','),
    port: Number(at(doc, 'server.http_listen_port') ?? 3100),
    authEnabled: doc['auth_enabled'] !== false,
    replicationFactor: Number(at(doc, 'common.replication_factor') ?? at(doc, 'ingester.lifecycler.ring.replication_factor') ?? 3),
    region: s3('region') || of.process.env['AWS_REGION'] || '',
    chunkBucket: s3('bucketnames').split(',')[0] ?? '',
    rulerBucket: word(at(doc, 'ruler.storage.s3.bucketnames')) || undefined,
    staticKeys: keyId === '' ? undefined : { id: keyId, secret: s3('secret_access_key') },
    indexPrefix: word(at(schemas.at(-1), 'index.prefix')) || 'index_',
    dataFolder: word(at(doc, 'common.path_prefix')) || '/loki',
    flushOnShutdown: at(doc, 'ingester.wal.flush_on_shutdown') === true,
    retentionEnabled: at(doc, 'compactor.retention_enabled') === true,
    retentionMs: milliseconds(at(doc, 'limits_config.retention_period'), 0),
    ring: qualified(word((at(doc, 'memberlist.join_members') as readonly unknown[] | undefined)?.[0]).replace(/:\d+$/, ''), of.process.namespace),
    scheduler: word(at(doc, 'frontend.scheduler_address')) || undefined,
    caches: {
      chunks: cacheHost(at(doc, 'chunk_store_config.chunk_cache_config.memcached_client.addresses')),
      results: cacheHost(at(doc, 'query_range.results_cache.cache.memcached_client.addresses')),
    },
    indexGateway: word(at(doc, 'storage_config.tsdb_shipper.index_gateway_client.server_address')) || undefined,
    patterns: at(doc, 'pattern_ingester.enabled') === true,
    limits: {
      rejectOldSamples: at(doc, 'limits_config.reject_old_samples') !== false,
      oldestMs: milliseconds(at(doc, 'limits_config.reject_old_samples_max_age'), 604_800_000),
      newestMs: milliseconds(at(doc, 'limits_config.creation_grace_period'), 600_000),
      lineBytes: bytes(at(doc, 'limits_config.max_line_size'), 262_144),
      truncateLines: at(doc, 'limits_config.max_line_size_truncate') === true,
      labelNames: Number(at(doc, 'limits_config.max_label_names_per_series') ?? 15),
      labelNameBytes: Number(at(doc, 'limits_config.max_label_name_length') ?? 1024),
      labelValueBytes: Number(at(doc, 'limits_config.max_label_value_length') ?? 2048),
      queryLengthMs: milliseconds(at(doc, 'limits_config.max_query_length'), 721 * 3_600_000),
      maxEntries: Number(at(doc, 'limits_config.max_entries_limit_per_query') ?? 5000),
      maxSeries: Number(at(doc, 'limits_config.max_query_series') ?? 500),
      allowsVolume: at(doc, 'limits_config.volume_enabled') !== false,
    },
  };
}
