/** An HTTP request and answer as the AWS servers pass them on, and how a body is read. */
import type { IncomingMessage } from 'node:http';
import { AwsFault } from '../types.ts';

export interface WireRequest {
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly rawQuery: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As sent; `readPayload` removes aws-chunked framing. */
  readonly body: Buffer;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export async function readRequest(message: IncomingMessage): Promise<WireRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return wireRequest({ method: message.method ?? 'GET', url: message.url ?? '/', headers: message.headers, body: Buffer.concat(chunks) });
}

interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

export function wireRequest(raw: RawRequest): WireRequest {
  const url = raw.url.replace(/^https?:\/\/[^/]*/, '');
  const mark = url.indexOf('?');
  const rawQuery = mark < 0 ? '' : url.slice(mark + 1);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw.headers)) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(',') : String(value ?? '');
  // A plus sign in an AWS query is a literal plus: every client escapes spaces as %20.
  const query = new URLSearchParams(rawQuery.replaceAll('+', '%2B'));
  return { method: raw.method, path: mark < 0 ? url : url.slice(0, mark), query, rawQuery, headers, body: raw.body };
}

export function isChunked(headers: Readonly<Record<string, string>>): boolean {
  return (headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-') || (headers['content-encoding'] ?? '').includes('aws-chunked');
}

/** The bytes to be stored. Chunk signatures are not checked: the seed signature in the header was verified. */
export function readPayload(request: WireRequest): { readonly bytes: Buffer; readonly trailers: Readonly<Record<string, string>> } {
  if (!isChunked(request.headers)) return { bytes: request.body, trailers: {} };
  const decoded = unchunk(request.body);
  const promised = request.headers['x-amz-decoded-content-length'];
  if (promised !== undefined && Number(promised) !== decoded.bytes.length) {
    throw new AwsFault(400, 'IncompleteBody', 'The request body terminated unexpectedly');
  }
  return decoded;
}

/** `<size hex>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<trailers>\r\n\r\n` */
function unchunk(body: Buffer): { readonly bytes: Buffer; readonly trailers: Readonly<Record<string, string>> } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new AwsFault(400, 'IncompleteBody', 'The request body terminated unexpectedly');
    const start = lineEnd + 2;
    if (size === 0) return { bytes: Buffer.concat(parts), trailers: readTrailers(body.toString('latin1', start)) };
    parts.push(body.subarray(start, start + size));
    at = start + size + 2;
  }
}

function readTrailers(text: string): Readonly<Record<string, string>> {
  const trailers: Record<string, string> = {};
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return trailers;
}
