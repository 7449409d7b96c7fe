/** The read half of Loki's HTTP API: limits, queries, labels, series, volumes, fields. */
import type { SandboxResponse } from '../../types.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { answerQuery, type Window } from './answer.ts';
import { durationText, type Limits } from './configuration.ts';
import { LEVEL_FIELDS, levelOf } from './level.ts';
import { durationMs, jsonLabels, logfmtLabels, LogqlError, type LogSelector, parseLogql } from './logql.ts';
import { SERVICE_LABELS } from './distributor.ts';
import { withoutCache } from './startup.ts';
import { type Stream, type StreamLabels, streamKey } from './streams.ts';
import { type Loki, type LokiPeers, plays } from './loki.ts';

export interface Reading {
  readonly loki: Loki;
  readonly tenant: string;
  readonly route: string;
  readonly parameters: URLSearchParams;
}

/** Errors of the read half end without a line feed. */
export const failure = (status: number, body: string): SandboxResponse => ({ status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body });
const json = (data: unknown): SandboxResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body: `${JSON.stringify(data)}\n`,
});
const success = (data: unknown): SandboxResponse => json({ status: 'success', data });
/** An empty list is omitted. */
const listed = (data: readonly string[]): SandboxResponse => json({ status: 'success', ...(data.length > 0 && { data }) });

export const TIMED_OUT =
  'request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex match) to reduce the amount of data processed';

/** The querier that does the work: itself, or one that takes jobs from the scheduler. */
function worker(peers: LokiPeers, loki: Loki): Loki | SandboxResponse {
  if (plays(loki, 'querier')) return loki;
  if (loki.config.scheduler !== undefined && peers.ready(loki, 'query-scheduler').length === 0) return failure(500, 'failed to enqueue request');
  return peers.ready(loki, 'querier')[0] ?? failure(504, TIMED_OUT);
}

interface Found {
  readonly querier: Loki;
  readonly streams: () => readonly Stream[];
  readonly parameters: URLSearchParams;
  readonly window: Window;
  readonly selectors: readonly LogSelector[];
}

const ROUTES: Readonly<Record<string, (found: Found, peers: LokiPeers) => SandboxResponse>> = {
  labels: ({ streams }) => listed(unique(streams().flatMap(({ labels }) => Object.keys(labels)))),
  series: ({ streams }) => success(streams().map(({ labels }) => labels)),
  'index/stats': ({ streams, selectors }) => {
    if (selectors.length === 0) throw new LogqlError(NO_QUERY);
    const found = streams();
    const values = found.flatMap(({ values: own }) => own);
    return json({ streams: found.length, chunks: found.length, bytes: sizeOf(values), entries: values.length });
  },
  'index/volume': volumes,
  'index/volume_range': volumes,
  detected_labels({ streams }) {
    const all = streams();
    const detectedLabels = unique(all.flatMap(({ labels }) => Object.keys(labels))).map((label) => ({
      label,
      cardinality: new Set(all.flatMap(({ labels }) => labels[label] ?? [])).size,
    }));
    return json(detectedLabels.length > 0 ? { detectedLabels } : {});
  },
  detected_fields({ streams, selectors }) {
    if (selectors.length === 0) throw new LogqlError(NO_QUERY);
    const fields = fieldsOf(streams());
    return json(fields.length > 0 ? { fields, limit: 1000 } : {});
  },
  // Enabled without a pod that provides it, as with the values of Loki's guide.
  patterns: ({ querier }, peers) => {
    if (!querier.config.patterns) return failure(404, '');
    return peers.ready(querier, 'pattern-ingester').length === 0 ? failure(500, 'empty ring') : success([]);
  },
  'drilldown-limits': ({ querier: { config, process } }) =>
    json({ limits: drilldownLimits(config), pattern_ingester_enabled: config.patterns, version: /:v?([^@]+)/.exec(process.container.image)?.[1] ?? '' }),
  // Only through a websocket.
  tail: () => failure(400, 'Bad Request\n'),
};

const NO_QUERY = 'parse error : syntax error: unexpected $end';

/** `undefined` for an unknown path. Throws LogqlError for 400, any other Error for 500. */
export function read(around: LogSurroundings, peers: LokiPeers, reading: Reading): SandboxResponse | undefined {
  const { parameters, tenant } = reading;
  const route = reading.route.replace(/^\/(loki\/api\/v1|api\/prom)\//, '').replace(/^label$/, 'labels');
  if (route === 'format_query') return formatted(parameters.get('query') ?? '');
  const label = /^label\/([^/]+)\/values$/.exec(route)?.[1];
  const isQuery = route === 'query' || route === 'query_range';
  if (!isQuery && label === undefined && ROUTES[route] === undefined) return undefined;
  const querier = worker(peers, reading.loki);
  if ('status' in querier) return querier;
  if (isQuery) return query(around, peers, { ...reading, route, querier });
  const now = around.clock.now();
  const window = windowOf(now, { parameters, instant: false, spanMs: 6 * 3_600_000 });
  if (route !== 'tail') checkLength(window, querier.config.limits);
  const selectors = ['match[]', 'match', 'query']
    .flatMap((name) => parameters.getAll(name))
    .filter((selector) => selector !== '' && selector !== '{}')
    .map(selectorOf);
  const streams = (): readonly Stream[] =>
    peers
      .streams(querier, tenant)
      .filter(({ labels }) => selectors.length === 0 || selectors.some((selector) => selector.matches(labels)))
      .flatMap((stream) => {
        const values = stream.values.filter(([nanos]) => BigInt(nanos) >= window.startNs && BigInt(nanos) < window.endNs);
        return values.length === 0 ? [] : [{ ...stream, values }];
      });
  if (label !== undefined) return listed(unique(streams().flatMap(({ labels }) => labels[decodeURIComponent(label)] ?? [])));
  return ROUTES[route]?.({ querier, streams, parameters, window, selectors }, peers);
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();
const sizeOf = (values: Stream['values']): number => values.reduce((sum, [, line]) => sum + Buffer.byteLength(line), 0);

/** Bytes by the requested labels, or those that the matchers name, the largest first; all of a range is one point. */
function volumes({ querier, streams, parameters, window }: Found): SandboxResponse {
  const { allowsVolume } = querier.config.limits;
  if (!allowsVolume) return failure(404, 'not found');
  const asked = parameters.get('query') ?? '';
  if (asked === '') throw new LogqlError(NO_QUERY);
  const named = [...asked.matchAll(/([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)/g)].map(([, name = '']) => name);
  const targets = (parameters.get('targetLabels') ?? '').split(',').filter(Boolean);
  const wanted = targets.length > 0 ? targets : named;
  const groups = new Map<string, { readonly metric: StreamLabels; bytes: number }>();
  for (const { labels, values } of streams()) {
    const own = Object.entries(labels).filter(([name]) => wanted.length === 0 || wanted.includes(name));
    if (own.length === 0) continue;
    const metric = Object.fromEntries(own);
    const group = groups.get(streamKey(metric)) ?? { metric, bytes: 0 };
    groups.set(streamKey(metric), group);
    group.bytes += sizeOf(values);
  }
  const result = [...groups.values()]
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, Number(parameters.get('limit') ?? 100))
    .map(({ metric, bytes }) => ({ metric, value: [Number(window.endNs / 1_000_000n) / 1000, String(bytes)] }));
  return success({ resultType: 'vector', result, stats: {} });
}

const TYPES: readonly (readonly [RegExp, string])[] = [
  [/^-?\d+$/, 'int'],
  [/^-?\d+\.\d+$/, 'float'],
  [/^(true|false)$/, 'boolean'],
  [/^-?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/, 'duration'],
  [/^\d+(\.\d+)?\s?[kMGT]?i?B$/i, 'bytes'],
];

/** The fields that `| json` and `| logfmt` would extract from the newest lines, and the level that Loki detected. */
function fieldsOf(streams: readonly Stream[]): readonly object[] {
  const fields = new Map<string, { readonly values: Set<string>; readonly parsers: Set<string> }>();
  const note = (label: string, value: string, parser?: string): void => {
    const field = fields.get(label) ?? { values: new Set(), parsers: new Set() };
    fields.set(label, field);
    field.values.add(value);
    if (parser !== undefined) field.parsers.add(parser);
  };
  for (const { labels, values } of streams)
    for (const [, line] of values.slice(-1000)) {
      note('detected_level', levelOf(labels, line));
      const parser = line.startsWith('{') ? 'json' : 'logfmt';
      const found = parser === 'json' ? jsonLabels(line) : logfmtLabels(line);
      for (const [name, value] of Object.entries(found)) if (!name.startsWith('__')) note(name in labels ? `${name}_extracted` : name, value, parser);
    }
  return [...fields].map(([label, { values, parsers }]) => ({
    label,
    type: TYPES.find(([pattern]) => [...values].every((value) => pattern.test(value)))?.[1] ?? 'string',
    cardinality: values.size,
    parsers: parsers.size === 0 ? null : [...parsers],
  }));
}

function drilldownLimits({ limits, retentionMs }: Loki['config']): object {
  return {
    discover_log_levels: true,
    discover_service_name: SERVICE_LABELS,
    log_level_fields: LEVEL_FIELDS,
    max_entries_limit_per_query: limits.maxEntries,
    max_line_size_truncate: limits.truncateLines,
    max_query_bytes_read: '0B',
    max_query_length: durationText(limits.queryLengthMs),
    max_query_lookback: '0s',
    max_query_range: '0s',
    max_query_series: limits.maxSeries,
    metric_aggregation_enabled: false,
    pattern_persistence_enabled: false,
    query_timeout: '1m',
    retention_period: durationText(retentionMs),
    volume_enabled: limits.allowsVolume,
    volume_max_series: 1000,
  };
}

function formatted(text: string): SandboxResponse {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  try {
    parseLogql(text);
    return { status: 200, headers, body: JSON.stringify({ status: 'success', data: text.trim() }) };
  } catch (error) {
    if (!(error instanceof LogqlError)) throw error;
    return { status: 400, headers, body: JSON.stringify({ status: 'invalid-query', error: error.message }) };
  }
}

function selectorOf(source: string): LogSelector {
  const parsed = parseLogql(source);
  if (parsed.is !== 'logs') throw new LogqlError('only label matchers are supported');
  return parsed.selector;
}

/** Go's duration: `768h0m0s`. */
function goDuration(nanos: bigint): string {
  const seconds = Number(nanos) / 1e9;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = `${Math.round((seconds % 60) * 1e9) / 1e9}s`;
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest;
}

function checkLength({ startNs, endNs }: Window, { queryLengthMs }: Limits): void {
  if (queryLengthMs > 0 && endNs - startNs > BigInt(queryLengthMs) * 1_000_000n)
    throw new LogqlError(`the query time range exceeds the limit (query length: ${goDuration(endNs - startNs)}, limit: ${durationText(queryLengthMs)})`);
}

function query(around: LogSurroundings, peers: LokiPeers, of: Reading & { readonly querier: Loki }): SandboxResponse {
  const instant = of.route === 'query';
  const { limits } = of.querier.config;
  const window = windowOf(around.clock.now(), { parameters: of.parameters, instant, spanMs: 3_600_000 });
  const parsed = parseLogql(of.parameters.get('query') ?? '');
  if (instant && parsed.is === 'logs')
    throw new LogqlError('log queries are not supported as an instant query type, please change your query to a range query type');
  if (!instant) checkLength(window, limits);
  if (parsed.is === 'logs' && limits.maxEntries > 0 && window.limit > limits.maxEntries)
    throw new LogqlError(`max entries limit per query exceeded, limit > max_entries_limit_per_query (${window.limit} > ${limits.maxEntries})`);
  // A query of literals only touches no storage: that is why Grafana's check passes on an empty Loki.
  const streams = needsStreams(parsed) ? peers.streams(of.querier, of.tenant) : [];
  const { process } = of.loki;
  if (!instant)
    for (const line of withoutCache(around, of.loki, `log:${of.tenant}:${of.parameters.get('query')}`)) around.print(process.pod, process.container.name, line);
  const data = answerQuery(parsed, streams, window);
  if (parsed.is !== 'logs' && limits.maxSeries > 0 && data.result.length > limits.maxSeries)
    throw new LogqlError(
      `maximum number of series (${limits.maxSeries}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()`,
    );
  return success(data);
}

function needsStreams(parsed: ReturnType<typeof parseLogql>): boolean {
  return parsed.is === 'sum' ? needsStreams(parsed.of) : parsed.is !== 'number';
}

/** Nanoseconds, seconds with a fraction, or RFC 3339. */
function nanosOf(parameters: URLSearchParams, name: string): bigint | undefined {
  const value = parameters.get(name);
  if (value === null || value === '') return undefined;
  if (/^\d+$/.test(value)) return value.length > 10 ? BigInt(value) : BigInt(value) * 1_000_000_000n;
  if (/^\d+\.\d+$/.test(value)) return BigInt(Math.round(Number(value) * 1e6)) * 1000n;
  const millis = Date.parse(value);
  if (Number.isNaN(millis)) throw new LogqlError(`could not parse '${name}' parameter: strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return BigInt(millis) * 1_000_000n;
}

const MOST_POINTS = 11_000;

function windowOf(now: Date, of: { readonly parameters: URLSearchParams; readonly instant: boolean; readonly spanMs: number }): Window {
  const { parameters } = of;
  const given = parameters.get('limit') ?? '';
  if (given !== '' && !/^[-+]?\d+$/.test(given)) throw new LogqlError(`strconv.Atoi: parsing ${JSON.stringify(given)}: invalid syntax`);
  const limit = given === '' ? 100 : Number(given);
  if (limit <= 0) throw new LogqlError('limit must be a positive value');
  const direction = parameters.get('direction')?.toLowerCase() ?? 'backward';
  if (!['forward', 'backward'].includes(direction)) throw new LogqlError(`invalid direction '${parameters.get('direction')}'`);
  const end = nanosOf(parameters, of.instant ? 'time' : 'end') ?? BigInt(now.getTime() + 1) * 1_000_000n;
  const since = parameters.get('since');
  const span = since === null ? of.spanMs : durationMs(since);
  const start = nanosOf(parameters, 'start') ?? end - BigInt(Math.round(span)) * 1_000_000n;
  if (end < start) throw new LogqlError('end timestamp must not be before or equal to start time');
  const stepMs = stepOf(parameters.get('step') ?? '', end - start);
  if (!of.instant && Number((end - start) / 1_000_000n) / stepMs > MOST_POINTS)
    throw new LogqlError('exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter');
  return { startNs: start, endNs: end, stepMs, limit, backward: direction === 'backward', instant: of.instant, nowMs: now.getTime() };
}

function stepOf(step: string, span: bigint): number {
  if (step === '') return Math.max(1000, Number(span / 250_000_000n));
  const ms = /^[\d.]+$/.test(step) ? Number(step) * 1000 : /^(\d+(\.\d+)?(ms|[smhdwy]))+$/.test(step) ? durationMs(step) : undefined;
  if (ms === undefined) throw new LogqlError(`cannot parse ${JSON.stringify(step)} to a valid duration`);
  if (ms <= 0) throw new LogqlError('zero or negative query resolution step widths are not accepted. Try a positive integer');
  return ms;
}
