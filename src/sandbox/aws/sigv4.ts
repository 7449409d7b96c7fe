/** Signature Version 4: reads the claimed identity of a request, and computes the signature it should carry. */
import { createHash, createHmac } from 'node:crypto';
import type { WireRequest } from './wire.ts';

export interface Signature {
  readonly accessKeyId: string;
  /** `20260102T030405Z` */
  readonly timestamp: string;
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly value: string;
  readonly sessionToken?: string;
  readonly presigned: boolean;
  /** Seconds for which a presigned URL is valid. */
  readonly expires?: number;
}

const headerForm = /^AWS4-HMAC-SHA256 +Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]+)$/;

/** `undefined` when the request carries no (readable) signature. */
export function readSignature(request: WireRequest): Signature | undefined {
  const authorization = request.headers['authorization'];
  if (authorization !== undefined) {
    const [, accessKeyId, day, region, service, signed, value] = headerForm.exec(authorization) ?? [];
    if (!accessKeyId || !day || !region || !service || !signed || !value) return undefined;
    const timestamp = request.headers['x-amz-date'] ?? '';
    const signedHeaders = signed.split(';');
    return { accessKeyId, timestamp, day, region, service, signedHeaders, value, sessionToken: request.headers['x-amz-security-token'], presigned: false };
  }
  const [accessKeyId, day, region, service] = (request.query.get('X-Amz-Credential') ?? '').split('/');
  const value = request.query.get('X-Amz-Signature');
  if (!accessKeyId || !day || !region || !service || !value) return undefined;
  return {
    accessKeyId,
    day,
    region,
    service,
    value,
    timestamp: request.query.get('X-Amz-Date') ?? '',
    signedHeaders: (request.query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    sessionToken: request.query.get('X-Amz-Security-Token') ?? undefined,
    presigned: true,
    expires: Number(request.query.get('X-Amz-Expires') ?? '0'),
  };
}

export function signatureMatches(request: WireRequest, signature: Signature, secret: string): boolean {
  const scope = `${signature.day}/${signature.region}/${signature.service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', signature.timestamp, scope, sha256(canonicalRequest(request, signature))].join('\n');
  const key = [signature.day, signature.region, signature.service, 'aws4_request'].reduce<string | Buffer>((from, part) => hmac(from, part), `AWS4${secret}`);
  return hmac(key, toSign).toString('hex') === signature.value;
}

/** When it was signed; `undefined` when the timestamp is not one. */
export function signedAt(signature: Signature): Date | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(signature.timestamp) ?? [];
  return year === undefined ? undefined : new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function canonicalRequest(request: WireRequest, signature: Signature): string {
  const headers = signature.signedHeaders.map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/\s+/g, ' ')}\n`);
  return [
    request.method,
    canonicalPath(request.path, signature.service),
    canonicalQuery(request.rawQuery),
    headers.join(''),
    signature.signedHeaders.join(';'),
    payloadHash(request, signature),
  ].join('\n');
}

/** S3 signs the path as sent; every other service signs it escaped once more. */
function canonicalPath(path: string, service: string): string {
  return service === 's3'
    ? path
        .split('/')
        .map((part) => rfc3986(safeDecode(part)))
        .join('/')
    : path.split('/').map(rfc3986).join('/');
}

function canonicalQuery(rawQuery: string): string {
  return rawQuery
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    })
    .map(([name, value]) => [rfc3986(safeDecode(name ?? '')), rfc3986(safeDecode(value ?? ''))] as const)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .sort(([a, av], [b, bv]) => (a === b ? order(av, bv) : order(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function payloadHash(request: WireRequest, signature: Signature): string {
  const header = request.headers['x-amz-content-sha256'];
  if (header !== undefined) return header;
  return signature.presigned && signature.service === 's3' ? 'UNSIGNED-PAYLOAD' : sha256(request.body);
}

export function rfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
