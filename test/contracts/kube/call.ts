/** Plain HTTPS calls to the test server, and watches as lists of events. */
import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { TestServer } from './server.ts';

export type Doc = Record<string, any>;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Doc;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const bodyOf = (body: unknown): string | Buffer | undefined =>
  body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);

/** Rejects when the connection dies without an answer. */
export function call(server: TestServer, path: string, options: CallOptions = {}): Promise<Reply> {
  const { method = options.body === undefined ? 'GET' : 'POST', type = 'application/json', token = 'admin', headers = {} } = options;
  const body = bodyOf(options.body);
  return new Promise((resolve, reject) => {
    const request = httpsRequest(`${server.url}${path}`, {
      method,
      ca: server.ca,
      agent: false,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const raw = Buffer.concat(chunks);
        const text = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
        const json = String(response.headers['content-type']).includes('json') && text ? firstDocument(text) : {};
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    });
    request.end(body);
  });
}

/** One document, or the first of a watch's lines. */
function firstDocument(text: string): Doc {
  try {
    return JSON.parse(text) as Doc;
  } catch {
    return JSON.parse(text.split('\n')[0] ?? '') as Doc;
  }
}

export interface Watcher {
  readonly events: Doc[];
  /** Resolves with the first `count` events. */
  first(count: number): Promise<readonly Doc[]>;
  stop(): void;
}

export function watch(server: TestServer, path: string, headers: Readonly<Record<string, string>> = {}): Watcher {
  const events: Doc[] = [];
  const waiting: (() => void)[] = [];
  const request = httpsRequest(`${server.url}${path}`, { ca: server.ca, agent: false, headers: { authorization: 'Bearer admin', ...headers } });
  let rest = '';
  request.on('error', () => undefined);
  request.on('response', (response) => {
    response.on('error', () => undefined);
    response.on('data', (chunk: Buffer) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      events.push(...lines.map((line) => JSON.parse(line) as Doc));
      for (const wake of waiting.splice(0)) wake();
    });
  });
  request.end();
  return {
    events,
    async first(count) {
      while (events.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
      return events.slice(0, count);
    },
    stop: () => request.destroy(),
  };
}
