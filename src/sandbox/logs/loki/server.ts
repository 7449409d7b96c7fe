/** Loki's HTTP API: which component answers which path, for which tenant. */
import type { SandboxRequest, SandboxResponse } from '../../types.ts';
import type { LogSurroundings } from '../surroundings.ts';
import { push, type Pushed } from './distributor.ts';
import type { Ingester } from './ingester.ts';
import { LogqlError } from './logql.ts';
import { modulesOf } from './modules.ts';
import { failure, read } from './read.ts';
import { ringOf } from './ring.ts';
import { tenantProblem } from './tenants.ts';
import { type Loki, type LokiPeers, plays } from './loki.ts';

interface Asked {
  readonly loki: Loki;
  readonly request: SandboxRequest;
}

const text = (status: number, body: string): SandboxResponse => ({ status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body });
const NOT_FOUND = text(404, '404 page not found\n');
const NO_CONTENT: SandboxResponse = { status: 204, body: '' };
const EXPOSITION = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';

export function serveLoki(around: LogSurroundings, peers: LokiPeers, asked: Asked): SandboxResponse {
  const { request, loki } = asked;
  const [path = '/'] = request.path.split('?');
  // The router cleans paths by a redirect; a POST does not survive that.
  if (path.includes('//')) return { status: 301, headers: { location: request.path.replace(/\/{2,}/g, '/') }, body: '' };
  const response = answer(around, peers, asked);
  const route =
    response === NOT_FOUND
      ? 'other'
      : path
          .replace(/^\//, '')
          .replace(/\/label\/[^/]+\/values$/, '/label_values')
          .replaceAll('/', '_');
  const labels = { method: request.method, route, status_code: String(response.status), ws: 'false' };
  loki.metrics.observe('loki_request_duration_seconds', labels, ANSWERED_SECONDS);
  // Loki's server logs its own errors, and nothing else.
  if (response.status >= 500 && response.status !== 502 && response.status !== 503) {
    const body = JSON.stringify(Buffer.from(response.body).toString('utf8'));
    const told = JSON.stringify(`${request.method} ${request.path} (${response.status}) ${ANSWERED_SECONDS * 1000}ms Response: ${body}`);
    say(around, loki, `level=warn ts=${around.clock.now().toISOString()} caller=logging.go:144 orgID=${request.headers['x-scope-orgid'] ?? ''} msg=${told}`);
  }
  return response;
}

const ANSWERED_SECONDS = 0.0012;

function say(around: LogSurroundings, { process }: Loki, line: string): void {
  around.print(process.pod, process.container.name, line);
}

function answer(around: LogSurroundings, peers: LokiPeers, asked: Asked): SandboxResponse {
  const { loki, request } = asked;
  const url = new URL(request.path, 'http://loki');
  const open = unauthenticated(around, peers, { ...asked, route: url.pathname });
  if (open !== undefined) return open;
  const given = request.headers['x-scope-orgid'] ?? '';
  if (loki.config.authEnabled && given === '') return text(401, 'no org id\n');
  const tenant = loki.config.authEnabled ? given : 'fake';
  const bad = tenantProblem(tenant);
  if (url.pathname === '/loki/api/v1/push' || url.pathname === '/api/prom/push') {
    if (!plays(loki, 'distributor') || request.method !== 'POST') return NOT_FOUND;
    return bad === undefined ? receive(around, peers, { ...asked, tenant }) : text(400, `${bad}\n`);
  }
  if (!plays(loki, 'query-frontend') && !plays(loki, 'querier')) return NOT_FOUND;
  const form = /urlencoded/.test(request.headers['content-type'] ?? '')
    ? new URLSearchParams(Buffer.from(request.body).toString('utf8'))
    : new URLSearchParams();
  const parameters = new URLSearchParams([...url.searchParams, ...form]);
  // Multi-tenant queries would have to be enabled.
  if (bad !== undefined) return failure(tenant.includes('|') ? 500 : 400, bad);
  try {
    return read(around, peers, { loki, tenant, route: url.pathname, parameters }) ?? NOT_FOUND;
  } catch (error) {
    return failure(error instanceof LogqlError ? 400 : 500, error instanceof Error ? error.message : String(error));
  }
}

function unauthenticated(around: LogSurroundings, peers: LokiPeers, asked: Asked & { readonly route: string }): SandboxResponse | undefined {
  const { loki, route, request } = asked;
  const rings = RINGS[route];
  if (rings !== undefined) {
    if (!rings.on.some((component) => plays(loki, component))) return NOT_FOUND;
    return ringOf(peers.ring(loki, rings.of), { now: around.clock.now(), json: /json/.test(request.headers['accept'] ?? '') });
  }
  switch (route) {
    case '/ready':
      return loki.ready ? text(200, 'ready\n') : text(503, notReady(loki));
    case '/config':
      return text(200, loki.config.text);
    case '/metrics':
      return { status: 200, headers: { 'content-type': EXPOSITION }, body: exposition(peers, loki) };
    case '/services':
      return text(
        200,
        modulesOf(loki.config.targets)
          .map((module) => `${module} => Running\n`)
          .join(''),
      );
    case '/loki/api/v1/status/buildinfo':
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: `${JSON.stringify({
          version: /:v?([^@]+)/.exec(loki.process.container.image)?.[1] ?? '',
          revision: '7ce2c9b',
          branch: 'HEAD',
          buildUser: '',
          buildDate: '',
          goVersion: '',
        })}\n`,
      };
    case '/flush':
      if (loki.ingester === undefined) return NOT_FOUND;
      if (!['GET', 'POST'].includes(request.method)) return { status: 405, body: '' };
      loki.ingester.sweep();
      return NO_CONTENT;
    case '/ingester/prepare_shutdown':
      return loki.ingester === undefined ? NOT_FOUND : prepareShutdown(loki.ingester.marker, request.method);
    default:
      return undefined;
  }
}

/** Which component shows which ring; others do not have the path. */
const RINGS: Readonly<Record<string, { readonly of: string; readonly on: readonly string[] }>> = {
  '/ring': { of: 'ingester', on: ['distributor', 'ingester', 'querier', 'ruler'] },
  '/distributor/ring': { of: 'distributor', on: ['distributor'] },
  '/compactor/ring': { of: 'compactor', on: ['compactor'] },
};

function notReady({ ingester, joined }: Loki): string {
  return ingester !== undefined && joined ? 'Ingester not ready: waiting for 15s after being ready\n' : 'Some services are not Running:\nStarting: 1\n';
}

function prepareShutdown(marker: Ingester['marker'], method: string): SandboxResponse {
  if (method === 'GET') return { status: 200, headers: { 'content-type': 'text/plain' }, body: marker.isSet() ? 'set' : 'unset' };
  if (method === 'POST') marker.set();
  else if (method === 'DELETE') marker.unset();
  else return { status: 405, body: '' };
  return NO_CONTENT;
}

const RING_STATES = ['ACTIVE', 'JOINING', 'LEAVING', 'PENDING', 'Unhealthy'];

function exposition(peers: LokiPeers, loki: Loki): string {
  loki.ingester?.measure();
  for (const { of, on } of Object.values(RINGS)) {
    if (!on.some((component) => plays(loki, component))) continue;
    const members = peers.ring(loki, of);
    for (const state of RING_STATES) loki.metrics.set('loki_ring_members', { name: of, state }, members.filter((member) => member.state === state).length);
  }
  return loki.metrics.exposition();
}

function receive(around: LogSurroundings, peers: LokiPeers, asked: Asked & { readonly tenant: string }): SandboxResponse {
  const { loki, tenant, request } = asked;
  const ring = peers.ring(loki, 'ingester').flatMap(({ state, loki: other }) => (state === 'ACTIVE' && other.ingester !== undefined ? [other.ingester] : []));
  const { response, ...seen } = push({ tenant, request, config: loki.config, now: around.clock.now(), ring });
  tally(loki, tenant, seen);
  for (const fault of seen.faults)
    complain(
      around,
      loki,
      `level=error ts=${around.clock.now().toISOString()} caller=manager.go:49 component=distributor path=write msg="write operation failed" details=${JSON.stringify(fault)} org_id=${tenant}`,
    );
  return response;
}

/** A distributor logs failed writes up to this many bytes per second and tenant, and drops the rest. */
const TOLD_BYTES = 1024;

function complain(around: LogSurroundings, loki: Loki, line: string): void {
  const second = Math.floor(around.clock.now().getTime() / 1000);
  const spent = loki.complained.second === second ? loki.complained.bytes : 0;
  if (spent + line.length > TOLD_BYTES) return;
  loki.complained = { second, bytes: spent + line.length };
  say(around, loki, line);
}

/** Counts accepted and discarded lines. */
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
