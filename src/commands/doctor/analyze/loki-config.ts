/** Hop loki-config: Loki accepts its configuration, and the configuration is consistent. */
import { getPath } from '../../../design/get-path.ts';
import type { Json, Verdict } from '../../../engine/types.ts';
import { versionOf } from './loki-version.ts';
import { core, crashing, freshSince, said, saying, shortened, timeOf, toldOnce } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import { refusals } from './refusals.ts';
import type { DoctorCheck } from './evidence.ts';
import { fail, NO_LOKI, pass, skip, warn } from './verdict.ts';

const hop = 'loki-config';
const CONFIG_ERROR =
  /validating config|failed (parsing|loading|to load) config|CONFIG ERROR|invalid schema|field \S+ not found in type|cannot unmarshal|error loading config|unrecognized (storage|index|object) (client|store)|flag provided but not defined|invalid (limits|compactor|ingester|ruler) config/i;
const COMPACTOR = /'?compactor_address'? to be configured|compactor address (must|is)/i;

export const configAccepted: DoctorCheck = {
  id: 'loki.config',
  title: "Loki's configuration is valid",
  at: ['doctor'],
  hop,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const down = crashing(core(loki));
    const compactor = said(down, COMPACTOR);
    if (compactor.length > 0)
      return fail('LOKI_COMPACTOR_ADDRESS_MISSING', { evidence: [...compactor, `${loki.configFrom}: common.compactor_address is not set`] });
    const [first] = saying(down, CONFIG_ERROR);
    if (first) {
      const unnamed = loki.buckets.length === 0 ? undefined : rulerUnnamed(loki);
      // The reasons are each on a line of their own, or follow on the same one.
      const reasons = (first.pod.lines ?? []).filter((line) => /CONFIG ERROR|not found in type|cannot unmarshal/i.test(line));
      return fail('LOKI_CONFIG_INVALID', {
        message: `Loki refuses its configuration (${loki.configFrom})`,
        evidence: [
          ...said(down, CONFIG_ERROR),
          ...[...new Set(reasons)]
            .filter((line) => line !== first.line)
            .slice(0, 3)
            .map((line) => shortened(line)),
          ...(unnamed ? [unnamed] : []),
          loki.configFrom,
        ],
      });
    }
    return loki.config === undefined ? skip('its configuration could not be read') : pass(loki.configFrom);
  },
};

const rulerUnnamed = (loki: LokiEvidence): string | undefined => {
  const s3 = getPath(loki.config, 'ruler.storage.s3');
  const named = getPath(loki.config, 'ruler.storage.s3.bucketnames') ?? getPath(loki.config, 'ruler.storage.s3.s3');
  return getPath(loki.config, 'ruler.storage.type') === 's3' && s3 !== undefined && !named
    ? `${loki.configFrom}: ruler.storage.s3.bucketnames is empty`
    : undefined;
};

/** Schema periods, oldest first; `undefined` if the configuration could not be read. */
function periodsOf(loki: LokiEvidence): readonly Json[] | undefined {
  const periods = getPath(loki.config, 'schema_config.configs');
  return Array.isArray(periods) ? (periods as readonly Json[]) : undefined;
}

export const schemaCurrent: DoctorCheck = {
  id: 'loki.schema',
  title: 'The schema is tsdb v13 or newer',
  at: ['doctor'],
  hop,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const periods = periodsOf(loki);
    if (!periods) return skip('its configuration could not be read');
    const last = periods.at(-1);
    const [store, schema] = [String(getPath(last, 'store') ?? ''), String(getPath(last, 'schema') ?? '')];
    const period = String(getPath(last, 'index.period') ?? '24h');
    if (store === 'tsdb' && period !== '24h')
      return fail('LOKI_CONFIG_INVALID', {
        message: `tsdb wants an index period of 24h, but it is ${period}`,
        fix: 'index.period: 24h in the schema period',
        evidence: [`${loki.configFrom}: schema_config.configs[${periods.length - 1}].index.period: ${period}`],
      });
    if (store === 'tsdb' && Number(schema.slice(1)) >= 13) return pass(`${store} ${schema}`);
    // Before 3.0 nothing requires more.
    const [major] = versionOf(loki) ?? [];
    if (major !== undefined && major < 3) return pass(`${store} ${schema}, Loki ${major}`);
    const evidence = [`${loki.configFrom}: schema_config.configs[${periods.length - 1}]: store ${store}, schema ${schema}`];
    const structured = getPath(loki.config, 'limits_config.allow_structured_metadata') !== false;
    const said_ = { message: `The newest schema period is ${store} ${schema}${structured ? ', but structured metadata is on' : ''}`, evidence };
    return warn('LOKI_SCHEMA_OLD', said_);
  },
};

/** A period defines which lines it is for; lines from before the first one can't be stored. */
export const schemaEarly: DoctorCheck = {
  id: 'loki.schema-from',
  title: 'The schema starts before the oldest log lines',
  at: ['doctor'],
  hop,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const pattern = /no schema config found for time/i;
    const heard = [...refusals(collected).filter(({ line }) => pattern.test(line)), ...saying(core(loki), pattern, freshSince(collected))];
    const [first] = heard;
    const from = fromOf(periodsOf(loki)?.[0]);
    if (!first) return pass(from && `from ${from}`);
    const seconds = Number(/for time (\d+)/i.exec(first.line)?.[1] ?? 0);
    const wanted = seconds > 0 ? new Date(seconds * (seconds > 1e12 ? 1 : 1000)).toISOString().slice(0, 10) : undefined;
    return fail('LOKI_SCHEMA_STARTS_LATE', {
      message: `Loki refuses lines${wanted ? ` of ${wanted}` : ''}: its schema begins${from ? ` on ${from}` : ' later'}`,
      evidence: [...toldOnce(heard).slice(0, 3), ...(from ? [`${loki.configFrom}: schema_config.configs[0].from: ${from}`] : [])],
    });
  },
};

/** YAML reads a bare date as a date. */
function fromOf(period: Json | undefined): string | undefined {
  const from: unknown = getPath(period, 'from');
  return from instanceof Date ? from.toISOString().slice(0, 10) : typeof from === 'string' ? from.slice(0, 10) : undefined;
}

export const storageShared: DoctorCheck = {
  id: 'loki.storage',
  title: 'All components share one object store',
  at: ['doctor'],
  hop,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const periods = periodsOf(loki);
    if (!periods) return skip('its configuration could not be read');
    const store = String(getPath(periods.at(-1), 'object_store') ?? '');
    const writers = loki.workloads
      .filter(({ component }) => ['ingester', 'write', 'single-binary'].includes(component))
      .reduce((sum, { wanted }) => sum + wanted, 0);
    const apart = loki.workloads.some(({ component }) => ['querier', 'read'].includes(component));
    if (store === 'filesystem' && (writers > 1 || apart)) {
      return fail('LOKI_STORAGE_LOCAL', {
        message: `Loki keeps chunks in each pod's own file system, and ${writers} pods write`,
        evidence: [`${loki.configFrom}: schema_config.configs[${periods.length - 1}].object_store: filesystem`],
      });
    }
    if (['s3', 'aws'].includes(store) && !loki.otherStore && !loki.buckets.some(({ use }) => use === 'chunks')) {
      return fail('LOKI_BUCKET_NOT_SET', {
        message: 'Loki is told to use S3, but no bucket is named',
        evidence: [`${loki.configFrom}: storage_config.aws.bucketnames and common.storage.s3.bucketnames are empty`],
      });
    }
    const unnamed = rulerUnnamed(loki);
    if (unnamed && crashing(core(loki)).length > 0)
      return fail('LOKI_BUCKET_NOT_SET', { message: 'The ruler is told to use S3, but no bucket is named', evidence: [unnamed] });
    return pass(store);
  },
};

export const retentionWorks: DoctorCheck = {
  id: 'loki.retention',
  title: 'Retention is enforced',
  at: ['doctor'],
  hop,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    const period = getPath(loki.config, 'limits_config.retention_period');
    // Loki's default of 0s keeps everything.
    if (period === undefined || String(period).startsWith('0')) return pass();
    if (getPath(loki.config, 'compactor.retention_enabled') === true) return deletes(loki, String(period));
    return warn('LOKI_RETENTION_OFF', {
      evidence: [`${loki.configFrom}: limits_config.retention_period: ${String(period)}, compactor.retention_enabled is not true`],
    });
  },
};

/** Deletion is enabled: whether it works, and has run. */
function deletes(loki: LokiEvidence, period: string): Verdict {
  const name = /^(compactor|backend|single-binary)$/;
  const compactors = loki.workloads.filter(({ component }) => name.test(component));
  const idle = compactors.every(({ wanted }) => wanted === 0);
  if (idle && compactors.length > 0) return skip('the compactor has no replicas');
  const newest = Math.max(0, ...loki.pods.filter(({ component }) => name.test(component)).map(({ created }) => created?.getTime() ?? 0));
  const now = Math.max(newest, ...core(loki).flatMap(({ lines = [] }) => timeOf(lines.at(-1) ?? '') ?? []));
  const ran = loki.counters?.retentionRan?.getTime();
  // It checks for expired data every ten minutes; the first time is some time after its start.
  const late = ran !== undefined && now - Math.max(ran, newest) > 6 * 3_600_000;
  const marks = said(
    core(loki),
    /failed to (apply|run) retention|error (applying|running) retention|retention.{0,400}(AccessDenied|denied)|no marks file found.{0,400}error/i,
    2,
  );
  const why = idle
    ? 'no compactor runs'
    : getPath(loki.config, 'compactor.delete_request_store') === undefined && getPath(loki.config, 'compactor.shared_store') === undefined
      ? 'compactor.delete_request_store is not set'
      : marks.length > 0
        ? 'the compactor fails at it'
        : late
          ? 'the compactor has not done it for hours'
          : undefined;
  if (why === undefined) return pass(period);
  return warn('LOKI_RETENTION_FAILS', {
    message: `Lines are to be deleted after ${period}, but ${why}`,
    evidence: [
      `${loki.configFrom}: limits_config.retention_period: ${period}, compactor.retention_enabled: true`,
      ...(late && ran !== undefined ? [`loki_compactor_apply_retention_last_successful_run_timestamp_seconds ${Math.round(ran / 1000)}`] : []),
      ...marks,
    ],
  });
}
