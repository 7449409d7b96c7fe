/** Sending answers: content types, compression of large ones, statuses. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Doc } from './document.ts';
import { internal, PageNotFound, Refusal } from './status.ts';

export interface Answer {
  readonly status: number;
  readonly body: Doc | string | Uint8Array;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Already answered, piece by piece: watches, followed logs. */
export const STREAMED = 'streamed';
export type Outcome = Answer | typeof STREAMED;

/** The size from which the real server compresses. */
const GZIP_FROM = 128 * 1024;

export const ok = (body: Doc, status = 200): Answer => ({ status, body });

export function refusalOf(error: unknown): Answer {
  if (error instanceof PageNotFound) return { status: 404, body: '404 page not found\n', type: 'text/plain; charset=utf-8' };
  const refusal = error instanceof Refusal ? error : internal(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return { status: refusal.status.code, body: refusal.status, headers: refusal.headers };
}

export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, body, type = 'application/json', headers = {} } = answer;
  const isDoc = typeof body === 'object' && !(body instanceof Uint8Array);
  const bytes = Buffer.from(isDoc ? `${JSON.stringify(body)}\n` : body);
  const zip = bytes.length >= GZIP_FROM && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const sent = zip ? gzipSync(bytes, { level: 1 }) : bytes;
  response.writeHead(status, {
    'content-type': type,
    'content-length': sent.length,
    'cache-control': 'no-cache, private',
    ...(zip && { 'content-encoding': 'gzip', vary: 'Accept-Encoding' }),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : sent);
}
