/** The S3 client of the simulated log path: the same objects and policies, called in process. */
import { createHash } from 'node:crypto';
import { AwsFault } from '../types.ts';
import type { SandboxAccount, SandboxCredentials } from '../types.ts';
import type { KeyRing, Principal } from './principals.ts';
import type { ObjectVersion } from './object-table.ts';
import type { Bucket, S3State } from './s3-state.ts';
import { findBucket } from './s3-state.ts';
import { s3Server } from './s3-server.ts';
import { newVersionId } from './s3-objects.ts';
import type { WireAnswer } from './wire.ts';
import { wireRequest } from './wire.ts';
import { childrenOf, readXml, textOf } from './xml.ts';

export type S3Client = Pick<SandboxAccount, 'putObject' | 'getObject' | 'deleteObject' | 'listObjects'> & {
  /** Fills one of the account's buckets with many small objects at once, for tests of emptying and listing. */
  seedObjects(bucket: string, options: Seeding): void;
};

export interface Seeding {
  readonly count: number;
  readonly prefix?: string;
  readonly bytes?: number;
  /** Folders below the prefix over which the objects are spread; none by default. */
  readonly folders?: number;
  /** Older versions of each object. */
  readonly older?: number;
  /** Every n-th object has a delete marker: 3 means every third. */
  readonly markerEvery?: number;
  /** How many days ago they were written; now by default. */
  readonly daysAgo?: number;
}

export function s3Client(state: S3State, keys: KeyRing): S3Client {
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
    seedObjects: (name, seeding) => {
      const bucket = state.buckets.has(name) ? findBucket(state, name, {}) : undefined;
      if (bucket === undefined) throw new AwsFault(404, 'NoSuchBucket', `There is no bucket ${name} to fill`);
      seed(state, bucket, seeding);
    },
  };
}

/** Records of one body share what is equal: a million of them must fit in memory. */
function seed(state: S3State, bucket: Bucket, { count, prefix = '', bytes = 16, folders = 0, older = 0, markerEvery, daysAgo = 0 }: Seeding): void {
  const versioned = bucket.versioning === 'Enabled';
  const body = new Uint8Array(bytes).fill(120);
  const modified = state.clock.now().getTime() - daysAgo * 86_400_000;
  const etag = createHash('md5').update(body).digest('hex');
  const version = (age: number, marker = false): ObjectVersion => ({
    versionId: versioned ? newVersionId(state) : 'null',
    marker,
    etag: marker ? '' : etag,
    size: marker ? 0 : bytes,
    modified: modified - age,
    body: marker ? new Uint8Array() : body,
  });
  const shared = versioned ? undefined : [version(0)];
  for (let at = 0; at < count; at += 1) {
    const folder =
      folders === 0
        ? ''
        : `${createHash('md5')
            .update(String(at % folders))
            .digest('hex')
            .slice(0, 16)}/`;
    const marker = versioned && markerEvery !== undefined && at % markerEvery === 0 ? [version(-1, true)] : [];
    const below = Array.from({ length: versioned ? older : 0 }, (_, age) => version(age + 1));
    bucket.objects.set(`${prefix}${folder}${String(at).padStart(8, '0')}`, shared ?? [...marker, version(0), ...below]);
  }
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
  return s3Server(state).route(wire).run({ principal, region });
}
