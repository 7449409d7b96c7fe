/** One `endpoint` of `loki.write`: its queue, batches, login, retries, and errors when it gives up. */
import type { SandboxClock, SandboxResponse } from '../../types.ts';
import type { Pod } from '../../cluster/shapes.ts';
import type { Network } from '../network.ts';
import { encodePush } from '../push-codec.ts';
import type { AlloyValue } from './evaluate.ts';
import type { Component } from './graph.ts';
import type { Labels } from './relabel.ts';
import type { LogEntry } from './stages.ts';
import type { ComponentMetrics } from './telemetry.ts';

export interface PushParts {
  readonly clock: SandboxClock;
  readonly network: Network;
  readonly from: Pod;
  /** Throws when the file can't be read. */
  readonly read: (path: string) => string;
  readonly say: (level: string, fields: Readonly<Record<string, string | number>>) => void;
  readonly metrics: (component: string) => ComponentMetrics;
  /** Called when a batch has been answered: there may be room again. */
  readonly drained: () => void;
}

export interface Endpoint {
  /** With the component's current evaluation: a secret may have changed. */
  add(entry: LogEntry, now: EndpointOf): void;
  /** While an entry does not fit into the queue the sources wait: lines stay in their files. A write-ahead log takes everything. */
  hasRoom(): boolean;
  /** Everything added has been answered. */
  isIdle(): boolean;
  /** `graceful`: one last attempt for each batch. Otherwise what is in memory is lost. Returns whether nothing was lost. */
  stop(options: { readonly graceful: boolean }): boolean;
}

type EndpointBlock = Component['blocks'][number];
export interface EndpointOf {
  readonly component: Component;
  readonly block: EndpointBlock;
}

/** Batches are sent this long after their first line: a third of Alloy's default. */
const BATCH_WAIT_MS = 300;
const MIB = 1_048_576;
const REASONS_OF_LOSS = ['ingester_error', 'rate_limited', 'stream_limited', 'line_too_long', 'queue_is_full'];

interface Batch {
  readonly tenant: string;
  readonly entries: LogEntry[];
  bytes: number;
  /** Creation time. */
  readonly since: number;
  attempts: number;
}

/** Alloy's defaults, overridden by the block. */
function settingsOf({ component, block }: EndpointOf) {
  const { args } = block;
  const queue = block.blocks.find(({ name }) => name === 'queue_config')?.args ?? {};
  const batchBytes = sizeOf(args['batch_size'], MIB);
  return {
    batchBytes,
    batches: Math.max(1, Math.floor(sizeOf(queue['capacity'], 10 * MIB) / batchBytes)),
    blocks: queue['block_on_overflow'] !== false,
    minBackoffMs: millisOf(args['min_backoff_period'], 500),
    maxBackoffMs: millisOf(args['max_backoff_period'], 300_000),
    retries: typeof args['max_backoff_retries'] === 'number' ? args['max_backoff_retries'] : 10,
    wal: component.blocks.some(({ name, args: wal }) => name === 'wal' && wal['enabled'] === true),
  };
}

function millisOf(value: AlloyValue | undefined, fallback: number): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...String(value ?? '').matchAll(/([\d.]+)(ms|[smh])/g)];
  return parts.length === 0 ? fallback : parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0);
}

function sizeOf(value: AlloyValue | undefined, fallback: number): number {
  const [, number, unit = ''] = /^(\d+)\s*([KMG]?)i?B?$/i.exec(String(value ?? '')) ?? [];
  return number === undefined ? fallback : Number(number) * 1024 ** ' KMG'.indexOf(unit.toUpperCase() || ' ');
}

export function createEndpoint(parts: PushParts, first: EndpointOf): Endpoint {
  let of = first;
  const { args } = first.block;
  const settings = settingsOf(first);
  const host = hostOf(String(args['url'] ?? ''));
  const metrics = parts.metrics(first.component.id);
  const seen = new Set<string>();
  /** One per tenant, still being filled; full ones are queued. */
  const open = new Map<string, Batch>();
  const full: Batch[] = [];
  /** Entries that don't fit into the queue; their sources wait. */
  const held: LogEntry[] = [];
  let sending: Batch | undefined;
  let cancel: (() => void) | undefined;
  let stopped = false;
  const now = (): number => parts.clock.now().getTime();

  /** All counters of a tenant exist, at zero, before its first batch is sent. */
  const meet = (tenant: string): void => {
    if (seen.has(tenant)) return;
    seen.add(tenant);
    const labels = { host, tenant };
    for (const metric of ['sent_bytes', 'sent_entries', 'batch_retries']) metrics.count(`loki_write_${metric}_total`, labels, 0);
    for (const reason of REASONS_OF_LOSS)
      for (const metric of ['dropped_bytes', 'dropped_entries']) metrics.count(`loki_write_${metric}_total`, { ...labels, reason }, 0);
  };
  const lose = (tenant: string, reason: string, lost: { readonly entries: number; readonly bytes: number }): void => {
    metrics.count('loki_write_dropped_entries_total', { host, tenant, reason }, lost.entries);
    metrics.count('loki_write_dropped_bytes_total', { host, tenant, reason }, lost.bytes);
  };
  const tried = (batch: Batch): Sent => {
    const labels = { host, tenant: batch.tenant };
    const result = send(parts, { args: of.block.args, block: of.block, component: of.component, batch });
    if (batch.attempts === 0) metrics.observe('loki_write_request_size_bytes', labels, result.bytes);
    metrics.observe('loki_write_request_duration_seconds', { ...labels, status_code: String(result.status) }, result.seconds);
    if (result.is === 'sent') {
      metrics.count('loki_write_sent_entries_total', labels, batch.entries.length);
      metrics.count('loki_write_sent_bytes_total', labels, result.bytes);
    }
    return result;
  };
  const about = (batch: Batch, { status, error }: Refused) => ({
    component_path: '/',
    component_id: of.component.id,
    component: 'endpoint',
    host,
    status,
    tenant: batch.tenant,
    error,
  });
  const giveUp = (batch: Batch, result: Refused): void => {
    parts.say('error', { msg: 'final error sending batch, no retries left, dropping data', ...about(batch, result) });
    lose(batch.tenant, result.status === 429 ? 'rate_limited' : 'ingester_error', { entries: batch.entries.length, bytes: result.bytes });
  };
  const attempt = (batch: Batch): void => {
    if (stopped) return;
    const result = tried(batch);
    if (result.is === 'sent') return done(batch);
    if (result.status === 429 && of.block.args['retry_on_http_429'] === false) {
      parts.say('warn', { msg: 'dropping batch due to rate limiting applied at ingester', ...about(batch, result) });
      lose(batch.tenant, 'rate_limited', { entries: batch.entries.length, bytes: result.bytes });
      return done(batch);
    }
    if (!isWorthAnother(result.status)) {
      giveUp(batch, result);
      return done(batch);
    }
    parts.say('debug', { msg: 'error sending batch, will retry', ...about(batch, result) });
    metrics.count('loki_write_batch_retries_total', { host, tenant: batch.tenant }, 1);
    batch.attempts += 1;
    parts.clock.after(Math.min(settings.maxBackoffMs, settings.minBackoffMs * 2 ** (batch.attempts - 1)), () => {
      if (stopped) return;
      if (settings.retries === 0 || batch.attempts < settings.retries) return attempt(batch);
      giveUp(batch, result);
      done(batch);
    });
  };
  /** False when it has to wait. */
  const accept = (entry: LogEntry): boolean => {
    const tenant = entry.labels['__tenant_id__'] ?? String(args['tenant_id'] ?? '');
    meet(tenant);
    const bytes = Buffer.byteLength(entry.line);
    let batch = open.get(tenant);
    if (batch !== undefined && batch.bytes + bytes > settings.batchBytes) {
      if (full.length >= settings.batches && !settings.wal) {
        if (settings.blocks) return false;
        lose(tenant, 'queue_is_full', { entries: 1, bytes });
        return true;
      }
      full.push(batch);
      batch = undefined;
    }
    batch ??= { tenant, entries: [], bytes: 0, since: now(), attempts: 0 };
    open.set(tenant, batch);
    batch.entries.push(entry);
    batch.bytes += bytes;
    cancel ??= parts.clock.after(BATCH_WAIT_MS, wake);
    return true;
  };
  const done = (batch: Batch): void => {
    sending = undefined;
    const seconds = (now() - batch.since) / 1000;
    for (const _ of batch.entries) metrics.observe('loki_write_entry_propagation_latency_seconds', { host, tenant: batch.tenant }, seconds);
    next();
    while (held[0] !== undefined && accept(held[0])) held.shift();
    parts.drained();
  };
  const next = (): void => {
    if (sending !== undefined || stopped) return;
    const old = [...open.values()].find(({ since }) => now() - since >= BATCH_WAIT_MS);
    if (full.length === 0 && old !== undefined) open.delete(old.tenant);
    sending = full.shift() ?? old;
    if (sending !== undefined) return attempt(sending);
    if (open.size > 0) cancel ??= parts.clock.after(BATCH_WAIT_MS, wake);
  };
  const wake = (): void => {
    cancel = undefined;
    next();
  };
  return {
    add(entry, current) {
      of = current;
      if (held.length > 0 || !accept(entry)) held.push(entry);
    },
    hasRoom: () => held.length === 0,
    isIdle: () => sending === undefined && full.length === 0 && open.size === 0 && held.length === 0,
    stop({ graceful }) {
      if (stopped) return true;
      stopped = true;
      cancel?.();
      const left = [...(sending === undefined ? [] : [sending]), ...full.splice(0), ...open.values()];
      open.clear();
      sending = undefined;
      if (!graceful) return left.length === 0;
      const refused = left.flatMap((batch) => {
        const result = tried(batch);
        return result.is === 'sent' ? [] : [{ batch, result }];
      });
      if (refused.length === 0) return true;
      parts.say('warn', { msg: 'failed to flush all queues during shutdown', component_path: '/', component_id: of.component.id, component: 'endpoint', host });
      for (const { batch, result } of refused) giveUp(batch, result);
      return false;
    },
  };
}

/** What Alloy retries: no answer, rate limiting, and server errors. */
const isWorthAnother = (status: number): boolean => status <= 0 || status === 429 || Math.floor(status / 100) === 5;

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

/** -1 when there was no answer. */
interface Answered {
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
}
type Refused = Answered & { readonly is: 'refused'; readonly error: string };
type Sent = Refused | (Answered & { readonly is: 'sent' });

/** How long a request takes when it is answered, and when there is no answer within `remote_timeout`. */
const ANSWERED_SECONDS = 0.012;
const UNANSWERED_SECONDS = 10;

function send(
  parts: PushParts,
  of: { readonly args: Readonly<Record<string, AlloyValue>>; readonly block: EndpointBlock; readonly component: Component; readonly batch: Batch },
): Sent {
  const url = String(of.args['url'] ?? '');
  const external = (of.component.args['external_labels'] ?? {}) as Labels;
  const body = encodePush(streamsOf(of.batch.entries, external));
  const failed = (message: string): Sent => ({
    is: 'refused',
    status: -1,
    bytes: body.length,
    seconds: /timeout|deadline/.test(message) ? UNANSWERED_SECONDS : 0,
    error: `Post "${url}": ${message}`,
  });
  let headers: Readonly<Record<string, string>>;
  try {
    headers = headersOf(parts, of);
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
  const from = { namespace: parts.from.metadata.namespace ?? 'default', from: parts.from };
  let reply = parts.network.request({ url, ...from }, { method: 'POST', headers, body });
  // Go's client follows redirects, and turns a redirected POST into a GET.
  if (reply.is === 'answer' && [301, 302, 303].includes(reply.response.status)) {
    const to = new URL(reply.response.headers?.['location'] ?? '/', url).href;
    reply = parts.network.request({ url: to, ...from }, { method: 'GET', headers, body: new Uint8Array() });
  }
  if (reply.is === 'failed') return failed(reply.message);
  const { status } = reply.response;
  const answered = { status, bytes: body.length, seconds: ANSWERED_SECONDS };
  if (status >= 200 && status < 300) return { is: 'sent', ...answered };
  return { is: 'refused', ...answered, error: `server returned HTTP status ${status} ${REASONS[status] ?? ''} (${status}): ${firstLine(reply.response)}` };
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Request Entity Too Large',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

function firstLine(response: SandboxResponse): string {
  const text = typeof response.body === 'string' ? response.body : Buffer.from(response.body).toString('utf8');
  return text.slice(0, 1024).split('\n')[0]?.trim() ?? '';
}

function headersOf(
  parts: PushParts,
  of: { readonly args: Readonly<Record<string, AlloyValue>>; readonly block: EndpointBlock; readonly batch: Batch },
): Readonly<Record<string, string>> {
  const own = Object.entries((of.args['headers'] ?? {}) as Labels).map(([name, value]) => [name.toLowerCase(), value] as const);
  const basic = of.block.blocks.find((block) => block.name === 'basic_auth')?.args;
  const secret = (path: AlloyValue | undefined, what: string): string | undefined => {
    if (path === undefined) return undefined;
    try {
      return parts.read(String(path)).trim();
    } catch (error) {
      throw new Error(`unable to read ${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  };
  const password = secret(basic?.['password_file'], 'basic auth password') ?? String(basic?.['password'] ?? '');
  const bearer = secret(of.args['bearer_token_file'], 'authorization credentials') ?? of.args['bearer_token'];
  return {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
    'user-agent': `Alloy/${/:(v[^@]+)/.exec(imageOf(parts.from))?.[1] ?? 'v1.18.1'} (linux; helm)`,
    ...(of.batch.tenant !== '' && { 'x-scope-orgid': of.batch.tenant }),
    ...Object.fromEntries(own),
    ...(typeof bearer === 'string' && bearer !== '' && { authorization: `Bearer ${bearer}` }),
    ...(basic !== undefined && { authorization: `Basic ${Buffer.from(`${String(basic['username'] ?? '')}:${password}`).toString('base64')}` }),
  };
}

const imageOf = ({ spec }: Pod): string => spec.containers.map(({ image }) => image).find((image) => /alloy/.test(image)) ?? '';

function streamsOf(entries: readonly LogEntry[], external: Labels) {
  const streams = new Map<string, { readonly labels: Labels; readonly values: [string, string][] }>();
  for (const entry of entries) {
    const own = Object.entries(entry.labels).filter(([name]) => !name.startsWith('__'));
    const labels = Object.fromEntries([...Object.entries(external), ...own].sort(([a], [b]) => (a < b ? -1 : 1)));
    const key = JSON.stringify(labels);
    const found = streams.get(key) ?? { labels, values: [] };
    streams.set(key, found);
    found.values.push([String(entry.nanos), entry.line]);
  }
  return [...streams.values()];
}
