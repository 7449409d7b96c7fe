/** One `endpoint` of `loki.write`: batches, the login, retries, and what it says when a push fails. */
import type { SandboxClock, SandboxResponse } from '../../types.ts';
import type { Pod } from '../../cluster/shapes.ts';
import type { Network } from '../network.ts';
import type { AlloyValue } from './evaluate.ts';
import type { Component } from './graph.ts';
import type { Labels } from './relabel.ts';
import type { LogEntry } from './stages.ts';
import type { ComponentMetrics } from './telemetry.ts';

export interface PushParts {
  readonly clock: SandboxClock;
  readonly network: Network;
  readonly from: Pod;
  /** Throws when the file is not there. */
  readonly read: (path: string) => string;
  readonly say: (level: string, fields: Readonly<Record<string, string | number>>) => void;
  readonly metrics: (component: string) => ComponentMetrics;
  /** Called when there is room for more after `isFull`. */
  readonly drained: () => void;
}

export interface Endpoint {
  /** With the component as it is evaluated now: a secret may have changed. */
  add(entry: LogEntry, now: EndpointOf): void;
  /** While pushes fail, the sources wait: lines stay in their files. */
  isFull(): boolean;
  stop(): void;
}

type EndpointBlock = Component['blocks'][number];
export interface EndpointOf {
  readonly component: Component;
  readonly block: EndpointBlock;
}

/** Batches go out this long after their first line: a third of Alloy's default. */
const BATCH_WAIT_MS = 300;
const QUEUE = 4;
const REASONS_OF_LOSS = ['ingester_error', 'rate_limited', 'stream_limited', 'line_too_long', 'queue_is_full'];

interface Batch {
  readonly tenant: string;
  readonly entries: readonly LogEntry[];
  /** When it was made. */
  readonly since: number;
  attempts: number;
}

export function createEndpoint(parts: PushParts, first: EndpointOf): Endpoint {
  let of = first;
  const { args } = first.block;
  const host = hostOf(String(args['url'] ?? ''));
  const retries = typeof args['max_backoff_retries'] === 'number' ? args['max_backoff_retries'] : 10;
  const queue: Batch[] = [];
  let pending: LogEntry[] = [];
  let cancel: (() => void) | undefined;
  let sending = false;
  let stopped = false;
  const metrics = parts.metrics(first.component.id);
  const seen = new Set<string>();

  /** All counters of a tenant are there, at zero, before its first batch is sent. */
  const meet = (tenant: string): void => {
    if (seen.has(tenant)) return;
    seen.add(tenant);
    const labels = { host, tenant };
    for (const metric of ['sent_bytes', 'sent_entries', 'batch_retries']) metrics.count(`loki_write_${metric}_total`, labels, 0);
    for (const reason of REASONS_OF_LOSS)
      for (const metric of ['dropped_bytes', 'dropped_entries']) metrics.count(`loki_write_${metric}_total`, { ...labels, reason }, 0);
  };
  const tried = (batch: Batch): Sent => {
    const labels = { host, tenant: batch.tenant };
    const result = send(parts, { args: of.block.args, block: of.block, component: of.component, batch });
    if (batch.attempts === 0) metrics.observe('loki_write_request_size_bytes', labels, result.bytes);
    const status_code = String(result.status);
    metrics.observe('loki_write_request_duration_seconds', { ...labels, status_code }, result.seconds);
    if (result.is === 'sent') {
      metrics.count('loki_write_sent_entries_total', labels, batch.entries.length);
      metrics.count('loki_write_sent_bytes_total', labels, result.bytes);
    }
    return result;
  };
  const settled = ({ tenant, since, entries }: Batch): void => {
    const seconds = (parts.clock.now().getTime() - since) / 1000;
    for (const _ of entries) metrics.observe('loki_write_entry_propagation_latency_seconds', { host, tenant }, seconds);
  };

  const cut = (): void => {
    for (const [tenant, entries] of byTenant(pending, String(args['tenant_id'] ?? '')))
      for (const part of portions(entries)) queue.push({ tenant, entries: part, attempts: 0, since: parts.clock.now().getTime() });
    pending = [];
  };
  const flush = (): void => {
    cancel = undefined;
    cut();
    next();
  };
  const next = (): void => {
    if (sending || stopped) return;
    const batch = queue[0];
    if (batch === undefined) return parts.drained();
    sending = true;
    attempt(batch);
  };
  const done = (): void => {
    const batch = queue.shift();
    if (batch !== undefined) settled(batch);
    sending = false;
    next();
  };
  const attempt = (batch: Batch): void => {
    if (stopped) return;
    const result = tried(batch);
    const labels = { host, tenant: batch.tenant };
    if (result.is === 'sent') return done();
    const fields = { component_path: '/', component_id: of.component.id, component: 'endpoint', host };
    batch.attempts += 1;
    if (result.retry && batch.attempts < retries) {
      metrics.count('loki_write_batch_retries_total', labels, 1);
      parts.say('warn', { msg: 'error sending batch, will retry', ...fields, status: result.status, tenant: batch.tenant, error: result.error });
      parts.clock.after(Math.min(300_000, 500 * 2 ** (batch.attempts - 1)), () => attempt(batch));
      return;
    }
    parts.say('error', { msg: 'final error sending batch', ...fields, status: result.status, tenant: batch.tenant, error: result.error });
    const reason = result.status === 429 ? 'rate_limited' : 'ingester_error';
    metrics.count('loki_write_dropped_entries_total', { ...labels, reason }, batch.entries.length);
    metrics.count('loki_write_dropped_bytes_total', { ...labels, reason }, result.bytes);
    done();
  };
  return {
    add(entry, now) {
      of = now;
      meet(tenantOf(entry, String(args['tenant_id'] ?? '')));
      pending.push(entry);
      cancel ??= parts.clock.after(BATCH_WAIT_MS, flush);
    },
    isFull: () => queue.length >= QUEUE,
    // What was read is sent before Alloy ends: its position is past it. There is no time for a second attempt.
    stop() {
      if (stopped) return;
      stopped = true;
      cancel?.();
      cut();
      for (const batch of queue.splice(0)) tried(batch);
    },
  };
}

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

const tenantOf = ({ labels }: LogEntry, fallback: string): string => labels['__tenant_id__'] ?? fallback;

function byTenant(entries: readonly LogEntry[], fallback: string): ReadonlyMap<string, LogEntry[]> {
  const tenants = new Map<string, LogEntry[]>();
  for (const entry of entries) {
    const tenant = tenantOf(entry, fallback);
    const found = tenants.get(tenant) ?? [];
    tenants.set(tenant, found);
    found.push(entry);
  }
  return tenants;
}

/** Alloy's `batch_size`: 1 MiB of lines. */
const BATCH_BYTES = 1_048_576;

function portions(entries: readonly LogEntry[]): readonly (readonly LogEntry[])[] {
  const parts: LogEntry[][] = [[]];
  let size = 0;
  for (const entry of entries) {
    if (size > 0 && size + entry.line.length > BATCH_BYTES) {
      parts.push([]);
      size = 0;
    }
    size += entry.line.length;
    parts.at(-1)?.push(entry);
  }
  return parts;
}

/** -1 when no answer came. */
type Sent = { readonly status: number; readonly bytes: number; readonly seconds: number } & (
  | { readonly is: 'sent' }
  | { readonly is: 'refused'; readonly error: string; readonly retry: boolean }
);

/** What a request takes when it is answered, and when nobody answers within `remote_timeout`. */
const ANSWERED_SECONDS = 0.012;
const UNANSWERED_SECONDS = 10;

function send(
  parts: PushParts,
  of: { readonly args: Readonly<Record<string, AlloyValue>>; readonly block: EndpointBlock; readonly component: Component; readonly batch: Batch },
): Sent {
  const url = String(of.args['url'] ?? '');
  const external = (of.component.args['external_labels'] ?? {}) as Labels;
  const body = Buffer.from(JSON.stringify({ streams: streamsOf(of.batch.entries, external) }));
  const failed = (message: string): Sent => ({
    is: 'refused',
    status: -1,
    bytes: body.length,
    seconds: /timeout|deadline/.test(message) ? UNANSWERED_SECONDS : 0,
    error: `Post "${url}": ${message}`,
    retry: true,
  });
  let headers: Readonly<Record<string, string>>;
  try {
    headers = headersOf(parts, of);
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
  const reply = parts.network.request({ url, namespace: parts.from.metadata.namespace ?? 'default', from: parts.from }, { method: 'POST', headers, body });
  if (reply.is === 'failed') return failed(reply.message);
  const { status } = reply.response;
  const told = { status, bytes: body.length, seconds: ANSWERED_SECONDS };
  if (status >= 200 && status < 300) return { is: 'sent', ...told };
  const retry = status >= 500 || (status === 429 && of.args['retry_on_http_429'] !== false);
  return { is: 'refused', ...told, error: `server returned HTTP status ${status} ${REASONS[status] ?? ''} (${status}): ${firstLine(reply.response)}`, retry };
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

function firstLine(response: SandboxResponse): string {
  const text = typeof response.body === 'string' ? response.body : Buffer.from(response.body).toString('utf8');
  return text.split('\n')[0]?.trim() ?? '';
}

function headersOf(
  parts: PushParts,
  of: { readonly args: Readonly<Record<string, AlloyValue>>; readonly block: EndpointBlock; readonly batch: Batch },
): Readonly<Record<string, string>> {
  const own = Object.entries((of.args['headers'] ?? {}) as Labels).map(([name, value]) => [name.toLowerCase(), value] as const);
  const basic = of.block.blocks.find((block) => block.name === 'basic_auth')?.args;
  const password = basic?.['password_file'] === undefined ? String(basic?.['password'] ?? '') : parts.read(String(basic['password_file'])).trim();
  const bearer = of.args['bearer_token_file'] === undefined ? of.args['bearer_token'] : parts.read(String(of.args['bearer_token_file'])).trim();
  return {
    'content-type': 'application/json',
    'user-agent': 'Alloy',
    ...(of.batch.tenant !== '' && { 'x-scope-orgid': of.batch.tenant }),
    ...Object.fromEntries(own),
    ...(typeof bearer === 'string' && bearer !== '' && { authorization: `Bearer ${bearer}` }),
    ...(basic !== undefined && { authorization: `Basic ${Buffer.from(`${String(basic['username'] ?? '')}:${password}`).toString('base64')}` }),
  };
}

function streamsOf(entries: readonly LogEntry[], external: Labels): readonly object[] {
  const streams = new Map<string, { readonly stream: Labels; readonly values: [string, string][] }>();
  for (const entry of entries) {
    const own = Object.entries(entry.labels).filter(([name]) => !name.startsWith('__'));
    const stream = Object.fromEntries([...Object.entries(external), ...own].sort(([a], [b]) => (a < b ? -1 : 1)));
    const key = JSON.stringify(stream);
    const found = streams.get(key) ?? { stream, values: [] };
    streams.set(key, found);
    found.values.push([String(entry.nanos), entry.line]);
  }
  return [...streams.values()];
}
