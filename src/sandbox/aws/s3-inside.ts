/** S3 as the log path inside the sandbox uses it: the same objects and the same policies, without a wire. */
import { AwsFault } from '../types.ts';
import type { SandboxAccount, SandboxCredentials } from '../types.ts';
import type { KeyRing, Principal } from './principals.ts';
import type { S3State } from './s3-state.ts';
import { findBucket } from './s3-state.ts';
import { s3Door } from './s3-door.ts';
import { writeObject } from './s3-objects.ts';
import type { WireAnswer } from './wire.ts';
import { wireRequest } from './wire.ts';
import { childrenOf, readXml, textOf } from './xml.ts';

export type InsideS3 = Pick<SandboxAccount, 'putObject' | 'getObject' | 'deleteObject' | 'listObjects'> & {
  /** Fills a bucket of ours with so many small objects, for tests of emptying and listing. */
  seedObjects(bucket: string, options: { readonly count: number; readonly prefix?: string; readonly bytes?: number }): void;
};

export function insideS3(state: S3State, keys: KeyRing): InsideS3 {
  const send = (credentials: SandboxCredentials, request: Request) => answer(state, principalOf(keys, credentials), request);
  return {
    putObject: (credentials, bucket, key, body) => void send(credentials, { method: 'PUT', bucket, key, body }),
    getObject: (credentials, bucket, key) => Buffer.from(send(credentials, { method: 'GET', bucket, key }).body ?? ''),
    deleteObject: (credentials, bucket, key) => void send(credentials, { method: 'DELETE', bucket, key }),
    listObjects: (credentials, bucket, prefix) => {
      const found: string[] = [];
      for (let token: string | undefined = ''; token !== undefined;) {
        const next = token === '' ? '' : `&continuation-token=${encodeURIComponent(token)}`;
        const page = readXml(String(send(credentials, { method: 'GET', bucket, query: `list-type=2&prefix=${encodeURIComponent(prefix)}${next}` }).body));
        found.push(...childrenOf(page, 'Contents').map((content) => textOf(content, 'Key') ?? ''));
        token = textOf(page, 'NextContinuationToken');
      }
      return found;
    },
    seedObjects: (name, { count, prefix = '', bytes = 16 }) => {
      const bucket = state.buckets.has(name) ? findBucket(state, name, {}) : undefined;
      if (bucket === undefined) throw new AwsFault(404, 'NoSuchBucket', `There is no bucket ${name} to fill`);
      const body = new Uint8Array(bytes).fill(120);
      for (let at = 0; at < count; at += 1) writeObject(state, bucket, { key: `${prefix}${String(at).padStart(8, '0')}`, body });
    },
  };
}

interface Request {
  readonly method: string;
  readonly bucket: string;
  readonly key?: string;
  readonly query?: string;
  readonly body?: Uint8Array;
}

function principalOf(keys: KeyRing, credentials: SandboxCredentials): Principal {
  const found = keys.find(credentials.accessKeyId, credentials.sessionToken);
  if ('problem' in found) {
    if (found.problem === 'expired') throw new AwsFault(400, 'ExpiredToken', 'The provided token has expired.');
    throw new AwsFault(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  }
  if (found.key.secretAccessKey !== credentials.secretAccessKey)
    throw new AwsFault(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided.');
  return found.principal;
}

function answer(state: S3State, principal: Principal, request: Request): WireAnswer {
  const key = (request.key ?? '').split('/').map(encodeURIComponent).join('/');
  const url = `/${request.bucket}${request.key === undefined ? '' : `/${key}`}${request.query ? `?${request.query}` : ''}`;
  const wire = wireRequest({ method: request.method, url, headers: { host: '127.0.0.1' }, body: Buffer.from(request.body ?? []) });
  const region = state.buckets.get(request.bucket)?.region ?? '';
  return s3Door(state).route(wire).run({ principal, region });
}
