/** Queries through a data source: adds its address, login and headers, and turns Loki's answer into frames. */
import type { SandboxResponse } from '../types.ts';
import type { DataSource } from './provisioning.ts';
import { type GrafanaCall, json } from './grafana-pod.ts';

/** One request as the data source makes it; 502 with Grafana's message when there is no answer. */
export function passOn({ around, grafana, request }: GrafanaCall, source: DataSource, path: string): SandboxResponse {
  const headers: Record<string, string> = { 'user-agent': 'Grafana/12.1.1' };
  if (source.basicAuth)
    headers['authorization'] = `Basic ${Buffer.from(`${source.basicAuthUser}:${source.secureJsonData['basicAuthPassword'] ?? ''}`).toString('base64')}`;
  for (const [key, name] of Object.entries(source.jsonData)) {
    const number = /^httpHeaderName(\d+)$/.exec(key)?.[1];
    const value = source.secureJsonData[`httpHeaderValue${number}`];
    if (number !== undefined && value !== undefined) headers[String(name).toLowerCase()] = value;
  }
  const url = `${source.url.replace(/\/+$/, '')}${path}`;
  const reply = around.network.request(
    { url, namespace: grafana.process.namespace },
    { method: 'GET', headers, body: request.method === 'GET' ? request.body : Buffer.alloc(0) },
  );
  if (reply.is === 'answer') return reply.response;
  return { status: 502, headers: { 'content-type': 'text/plain' }, body: `Get "${url}": ${reply.message}` };
}

interface Query {
  readonly refId?: string;
  readonly expr?: string;
  readonly queryType?: string;
  readonly maxLines?: number;
  readonly intervalMs?: number;
  readonly direction?: string;
  readonly datasource?: { readonly uid?: string };
}

export function answerQueries(inside: GrafanaCall): SandboxResponse {
  const { body, around } = inside;
  const queries = (body['queries'] ?? []) as readonly Query[];
  if (queries.length === 0) return json(400, { message: 'No queries found in request' });
  const now = around.clock.now().getTime();
  const range = { from: momentOf(body['from'], now), to: momentOf(body['to'], now) };
  const results: Record<string, object> = {};
  for (const query of queries) {
    const source = inside.grafana.datasources.get(query.datasource?.uid ?? '');
    if (!source) return json(404, { message: 'Data source not found' });
    results[query.refId ?? 'A'] = one(inside, source, { query, range });
  }
  const failed = Object.values(results).some((result) => 'error' in result);
  return json(failed ? 400 : 200, { results });
}

/** `now`, `now-10m`, or milliseconds. */
function momentOf(value: unknown, now: number): number {
  const relative = /^now(?:-(\d+)([smhd]))?$/.exec(String(value));
  if (!relative) return Number(value);
  const unit = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[relative[2] ?? 's'] ?? 1000;
  return now - Number(relative[1] ?? 0) * unit;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function one(inside: GrafanaCall, source: DataSource, { query, range }: { readonly query: Query; readonly range: Range }): object {
  const instant = query.queryType === 'instant';
  const step = Math.max(1, Math.ceil((query.intervalMs ?? (range.to - range.from) / 1000) / 1000));
  const span = Math.max(1, Math.round((range.to - range.from) / 1000));
  const expr = (query.expr ?? '')
    .replaceAll('$__auto', `${instant ? span : step}s`)
    .replaceAll('$__interval', `${step}s`)
    .replaceAll('$__range', `${span}s`);
  const parameters = new URLSearchParams({ query: expr, limit: String(query.maxLines ?? 1000), direction: query.direction ?? 'backward' });
  // Includes the current millisecond.
  const end = `${range.to + 1}000000`;
  if (instant) parameters.set('time', end);
  else for (const [name, value] of Object.entries({ start: `${range.from}000000`, end, step: `${step}s` })) parameters.set(name, value);
  const { status, body } = passOn(inside, source, `/loki/api/v1/${instant ? 'query' : 'query_range'}?${parameters}`);
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  if (status !== 200) return { error: text.trim(), errorSource: 'downstream', status, frames: [] };
  return { status: 200, frames: framesOf(JSON.parse(text) as LokiAnswer, query.refId ?? 'A') };
}

interface LokiAnswer {
  readonly data: {
    readonly resultType: string;
    readonly result: readonly {
      readonly stream?: Readonly<Record<string, string>>;
      readonly metric?: Readonly<Record<string, string>>;
      readonly values?: readonly (readonly [string | number, string])[];
      readonly value?: readonly [number, string];
    }[];
  };
}

function framesOf({ data }: LokiAnswer, refId: string): readonly object[] {
  if (data.resultType === 'streams') {
    const rows = data.result
      .flatMap(({ stream = {}, values = [] }) => values.map(([nanos, line]) => ({ stream, nanos: BigInt(nanos), line })))
      .sort((a, b) => (a.nanos < b.nanos ? 1 : a.nanos > b.nanos ? -1 : 0));
    const fields = [
      { name: 'labels', type: 'other' },
      { name: 'Time', type: 'time' },
      { name: 'Line', type: 'string' },
      { name: 'tsNs', type: 'string' },
    ];
    const values = [
      rows.map(({ stream }) => stream),
      rows.map(({ nanos }) => Number(nanos / 1_000_000n)),
      rows.map(({ line }) => line),
      rows.map(({ nanos }) => String(nanos)),
    ];
    return rows.length === 0 ? [] : [{ schema: { refId, fields }, data: { values } }];
  }
  return data.result.map(({ metric = {}, values, value }) => {
    const points = values ?? (value ? [value] : []);
    const fields = [
      { name: 'Time', type: 'time' },
      { name: 'Value', type: 'number', labels: metric },
    ];
    return { schema: { refId, fields }, data: { values: [points.map(([time]) => Number(time) * 1000), points.map(([, number]) => Number(number))] } };
  });
}
