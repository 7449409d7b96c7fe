/** Loki's HTTP API: which component answers what, for whom. */
import type { SandboxRequest, SandboxResponse } from '../../types.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { answerQuery, type Window } from './answer.ts';
import { type Loki, type LokiPeers, plays } from './cluster.ts';
import { push, type Pushed } from './distributor.ts';
import type { Ingester } from './ingester.ts';
import { durationMs, LogqlError, type LogSelector, parseLogql } from './logql.ts';
import type { Stream, StreamLabels } from './streams.ts';

interface Asked {
  readonly loki: Loki;
  readonly request: SandboxRequest;
}

const text = (status: number, body: string): SandboxResponse => ({ status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body });
const json = (data: unknown): SandboxResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body: `${JSON.stringify(data)}\n`,
});
const success = (data: unknown): SandboxResponse => json({ status: 'success', data });
const NOT_FOUND = text(404, '404 page not found\n');
const NO_CONTENT: SandboxResponse = { status: 204, body: '' };

export function serveLoki(around: LogSurroundings, peers: LokiPeers, asked: Asked): SandboxResponse {
  const { loki, request } = asked;
  const [route = '/'] = request.path.split('?');
  // The router cleans paths by sending the client elsewhere; a POST does not survive that.
  if (route.includes('//')) return { status: 301, headers: { location: request.path.replace(/\/{2,}/g, '/') }, body: '' };
  const url = new URL(request.path, 'http://loki');
  const open = unauthenticated(peers, { ...asked, route: url.pathname });
  if (open !== undefined) return open;
  const given = request.headers['x-scope-orgid'] ?? '';
  if (loki.config.authEnabled && given === '') return text(401, 'no org id\n');
  const tenant = loki.config.authEnabled ? given : 'fake';
  if (url.pathname === '/loki/api/v1/push' || url.pathname === '/api/prom/push') return receive(around, peers, { ...asked, tenant });
  if (!plays(loki, 'query-frontend') && !plays(loki, 'querier')) return NOT_FOUND;
  const form = /urlencoded/.test(request.headers['content-type'] ?? '')
    ? new URLSearchParams(Buffer.from(request.body).toString('utf8'))
    : new URLSearchParams();
  const parameters = new URLSearchParams([...url.searchParams, ...form]);
  try {
    return read(around, peers, { loki, tenant, route: url.pathname, parameters });
  } catch (error) {
    if (error instanceof LogqlError) return text(400, `${error.message}\n`);
    return text(500, `${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function unauthenticated(peers: LokiPeers, asked: Asked & { readonly route: string }): SandboxResponse | undefined {
  const { loki, route, request } = asked;
  switch (route) {
    case '/ready':
      if (!loki.ready) return text(503, 'Some services are not Running:\nStarting: 1\n');
      return text(200, 'ready\n');
    case '/config':
      return text(200, loki.config.text);
    case '/metrics':
      return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores' }, body: exposition(peers, loki) };
    case '/services':
      return text(200, loki.config.targets.map((target) => `${target} => Running\n`).join(''));
    case '/loki/api/v1/status/buildinfo':
      return json({
        version: /:([^@]+)/.exec(loki.process.container.image)?.[1] ?? '',
        revision: 'sandbox',
        branch: 'HEAD',
        buildUser: '',
        buildDate: '',
        goVersion: '',
      });
    case '/ring':
    case '/distributor/ring':
      return json({
        shards: peers.ready(loki, route === '/ring' ? 'ingester' : 'distributor').map((other) => ({ id: other.process.pod.metadata.name, state: 'ACTIVE' })),
      });
    case '/memberlist':
      return json({
        members: ['distributor', 'ingester', 'querier', 'query-frontend', 'query-scheduler', 'index-gateway', 'compactor', 'ruler'].flatMap((component) =>
          peers.ready(loki, component).map((other) => other.process.pod.metadata.name),
        ),
      });
    case '/flush':
      if (loki.ingester === undefined || !['GET', 'POST'].includes(request.method)) return NOT_FOUND;
      loki.ingester.sweep();
      return NO_CONTENT;
    case '/ingester/prepare_shutdown':
      return loki.ingester === undefined ? NOT_FOUND : prepareShutdown(loki.ingester.marker, request.method);
    default:
      return undefined;
  }
}

function prepareShutdown(marker: Ingester['marker'], method: string): SandboxResponse {
  if (method === 'GET') return text(200, marker.isSet() ? 'set' : 'unset');
  if (method === 'POST') marker.set();
  else if (method === 'DELETE') marker.unset();
  else return text(405, '');
  return NO_CONTENT;
}

const RING_STATES = ['ACTIVE', 'JOINING', 'LEAVING', 'PENDING', 'UNHEALTHY', 'LEFT'];

function exposition(peers: LokiPeers, loki: Loki): string {
  loki.ingester?.measure();
  const active = peers.ready(loki, 'ingester').length;
  for (const state of RING_STATES) loki.metrics.set('loki_ring_members', { name: 'ingester', state }, state === 'ACTIVE' ? active : 0);
  return loki.metrics.exposition();
}

function receive(around: LogSurroundings, peers: LokiPeers, asked: Asked & { readonly tenant: string }): SandboxResponse {
  const { loki, tenant, request } = asked;
  if (!plays(loki, 'distributor')) return NOT_FOUND;
  if (request.method !== 'POST') return text(405, 'Method Not Allowed\n');
  const ring = peers.ready(loki, 'ingester').flatMap((other) => (other.ingester === undefined ? [] : [other.ingester]));
  const { response, ...seen } = push({ tenant, request, config: loki.config, now: around.clock.now(), ring });
  tally(loki, tenant, seen);
  const { method } = request;
  loki.metrics.observe('loki_request_duration_seconds', { method, route: 'loki_api_v1_push', status_code: String(response.status), ws: 'false' }, 0.002);
  if (response.status >= 500)
    around.print(
      loki.process.pod,
      loki.process.container.name,
      `level=error ts=${around.clock.now().toISOString()} caller=push.go:155 org_id=${tenant} msg="push request failed" code=${response.status} err=${JSON.stringify(String(response.body).trim())}`,
    );
  return response;
}

/** What lines came, and what was discarded of them. */
function tally({ metrics, config }: Loki, tenant: string, seen: Omit<Pushed, 'response'>): void {
  const shared = { tenant, policy: '', format: 'loki' };
  const hours = Math.floor(config.retentionMs / 3_600_000);
  if (seen.lines > 0) {
    metrics.add('loki_distributor_lines_received_total', { ...shared, is_internal_stream: 'false' }, seen.lines);
    metrics.add(
      'loki_distributor_bytes_received_total',
      { ...shared, is_internal_stream: 'false', retention_hours: hours > 0 ? String(hours) : '' },
      seen.bytes,
    );
  }
  for (const { reason, lines, bytes } of seen.discarded) {
    metrics.add('loki_discarded_samples_total', { ...shared, reason, retention_hours: String(hours) }, lines);
    metrics.add('loki_discarded_bytes_total', { ...shared, reason, retention_hours: String(hours) }, bytes);
  }
}

interface Reading {
  readonly loki: Loki;
  readonly tenant: string;
  readonly route: string;
  readonly parameters: URLSearchParams;
}

/** The querier that does the work: itself, or one that takes jobs from the scheduler. */
function worker(peers: LokiPeers, loki: Loki): Loki | SandboxResponse {
  if (plays(loki, 'querier')) return loki;
  if (loki.config.scheduler !== undefined && peers.ready(loki, 'query-scheduler').length === 0)
    return text(503, 'too many unhealthy instances in the ring: no query-scheduler\n');
  return peers.ready(loki, 'querier')[0] ?? text(504, 'context deadline exceeded: no querier took the query\n');
}

function read(around: LogSurroundings, peers: LokiPeers, reading: Reading): SandboxResponse {
  const { route, parameters, tenant } = reading;
  const querier = worker(peers, reading.loki);
  if ('status' in querier) return querier;
  if (route === '/loki/api/v1/patterns') {
    if (!querier.config.patterns) return NOT_FOUND;
    // Switched on without a pod that does it: what the guide's values install.
    return peers.ready(querier, 'pattern-ingester').length === 0 ? text(500, 'empty ring\n') : success([]);
  }
  if (/^\/loki\/api\/v1\/(query|query_range)$/.test(route)) return query(around, peers, { ...reading, querier });
  const window = windowOf(around.clock.now(), { parameters, instant: false, spanMs: 6 * 3_600_000 });
  const wanted = parameters
    .getAll('match[]')
    .concat(parameters.getAll('match'), parameters.getAll('query'))
    .filter((selector) => selector !== '')
    .map(selectorOf);
  const streams = (): readonly Stream[] =>
    peers
      .streams(querier, tenant)
      .filter(
        (stream) =>
          (wanted.length === 0 || wanted.some((selector) => selector.matches(stream.labels))) &&
          stream.values.some(([nanos]) => BigInt(nanos) >= window.startNs && BigInt(nanos) < window.endNs),
      );
  if (route === '/loki/api/v1/labels' || route === '/loki/api/v1/label')
    return success([...new Set(streams().flatMap((stream) => Object.keys(stream.labels)))].sort());
  const label = /^\/loki\/api\/v1\/label\/([^/]+)\/values$/.exec(route)?.[1];
  if (label !== undefined) return success([...new Set(streams().flatMap((stream) => stream.labels[decodeURIComponent(label)] ?? []))].sort());
  if (route === '/loki/api/v1/series') return success(unique(streams()));
  if (route === '/loki/api/v1/index/stats') {
    const found = streams();
    return json({
      streams: found.length,
      chunks: found.length,
      entries: found.reduce((sum, stream) => sum + stream.values.length, 0),
      bytes: found.reduce((sum, stream) => sum + stream.values.reduce((size, [, line]) => size + Buffer.byteLength(line), 0), 0),
    });
  }
  return NOT_FOUND;
}

function unique(streams: readonly Stream[]): readonly StreamLabels[] {
  return streams.map((stream) => stream.labels);
}

function selectorOf(source: string): LogSelector {
  const query = parseLogql(source);
  if (query.is !== 'logs') throw new LogqlError('only label matchers are supported');
  return query.selector;
}

function query(around: LogSurroundings, peers: LokiPeers, of: Reading & { readonly querier: Loki }): SandboxResponse {
  const instant = of.route.endsWith('/query');
  const parsed = parseLogql(of.parameters.get('query') ?? '');
  if (instant && parsed.is === 'logs')
    return text(400, 'log queries are not supported as an instant query type, please change your query to a range query type\n');
  const window = windowOf(around.clock.now(), { parameters: of.parameters, instant, spanMs: 3_600_000 });
  if (window.endNs < window.startNs) return text(400, 'end timestamp must not be before or equal to start time\n');
  // Numbers alone touch no storage: that is why Grafana's check passes on an empty Loki.
  const streams = needsStreams(parsed) ? peers.streams(of.querier, of.tenant) : [];
  return success(answerQuery(parsed, streams, window));
}

function needsStreams(query: ReturnType<typeof parseLogql>): boolean {
  return query.is === 'sum' ? needsStreams(query.of) : query.is !== 'number';
}

/** Nanoseconds, seconds with a fraction, or RFC 3339. */
function nanosOf(value: string | null): bigint | undefined {
  if (value === null || value === '') return undefined;
  if (/^\d+$/.test(value)) return value.length > 10 ? BigInt(value) : BigInt(value) * 1_000_000_000n;
  if (/^\d+\.\d+$/.test(value)) return BigInt(Math.round(Number(value) * 1e6)) * 1000n;
  const millis = Date.parse(value);
  if (Number.isNaN(millis)) throw new LogqlError(`could not parse '${value}' as timestamp`);
  return BigInt(millis) * 1_000_000n;
}

function windowOf(now: Date, of: { readonly parameters: URLSearchParams; readonly instant: boolean; readonly spanMs: number }): Window {
  const { parameters } = of;
  const end = nanosOf(parameters.get(of.instant ? 'time' : 'end')) ?? BigInt(now.getTime() + 1) * 1_000_000n;
  const since = parameters.get('since');
  const span = since === null ? of.spanMs : durationMs(since);
  const start = nanosOf(parameters.get('start')) ?? end - BigInt(Math.round(span)) * 1_000_000n;
  const step = parameters.get('step') ?? '';
  const stepMs = step === '' ? Math.max(1000, Number((end - start) / 250_000_000n)) : /^[\d.]+$/.test(step) ? Number(step) * 1000 : durationMs(step);
  return {
    startNs: start,
    endNs: end,
    stepMs,
    limit: Number(parameters.get('limit') ?? 100),
    backward: parameters.get('direction')?.toLowerCase() !== 'forward',
    instant: of.instant,
    nowMs: now.getTime(),
  };
}
