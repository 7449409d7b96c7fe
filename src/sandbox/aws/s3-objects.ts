/** Writing, reading and deleting objects and their versions, independent of HTTP. */
import { createHash } from 'node:crypto';
import { AwsFault } from '../types.ts';
import type { ObjectVersion, Versions } from './object-table.ts';
import { sha256 } from './sigv4.ts';
import type { Bucket, S3State } from './s3-state.ts';
import { S3Fault } from './s3-state.ts';

export interface NewObject {
  readonly key: string;
  readonly body: Uint8Array;
  /** Set for a multipart upload; otherwise it is the MD5 of the body. */
  readonly etag?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Recent bodies, so that many equal objects share one copy. */
const recentBodies = new Map<string, Uint8Array>();

export function writeObject(state: S3State, bucket: Bucket, object: NewObject): ObjectVersion {
  const digest = createHash('md5').update(object.body).digest('hex');
  const version: ObjectVersion = {
    versionId: bucket.versioning === 'Enabled' ? newVersionId(state) : 'null',
    marker: false,
    etag: object.etag ?? digest,
    size: object.body.length,
    modified: state.clock.now().getTime(),
    body: sharedBody(digest, object.body),
    ...(object.headers ? { headers: object.headers } : {}),
    ...lockOf(state, bucket, object.headers),
  };
  put(bucket, object.key, version);
  return version;
}

/** The newest version, or the requested one; throws NoSuchKey, NoSuchVersion or MethodNotAllowed as S3 does. */
export function readObject(bucket: Bucket, key: string, versionId?: string): ObjectVersion {
  const versions = bucket.objects.get(key) ?? [];
  const found = versionId === undefined ? versions[0] : versions.find((version) => version.versionId === versionId);
  if (found === undefined && versionId !== undefined) {
    throw new S3Fault(
      { status: 404, code: 'NoSuchVersion', message: 'The specified version does not exist.' },
      { details: { Key: key, VersionId: versionId } },
    );
  }
  if (found?.marker && versionId !== undefined) {
    throw new S3Fault(
      { status: 405, code: 'MethodNotAllowed', message: 'The specified method is not allowed against this resource.' },
      { headers: { 'x-amz-delete-marker': 'true' } },
    );
  }
  if (found === undefined || found.marker) {
    const headers = found ? { 'x-amz-delete-marker': 'true', 'x-amz-version-id': found.versionId } : undefined;
    throw new S3Fault({ status: 404, code: 'NoSuchKey', message: 'The specified key does not exist.' }, { details: { Key: key }, headers });
  }
  return found;
}

export interface Deleted {
  readonly deleteMarker: boolean;
  readonly versionId?: string;
}

/** Deleting a missing key succeeds. With versioning and no version named, it only adds a delete marker. */
export function removeObject(
  state: S3State,
  bucket: Bucket,
  object: { readonly key: string; readonly versionId?: string; readonly bypassGovernance?: boolean },
): Deleted {
  const versions = bucket.objects.get(object.key) ?? [];
  if (object.versionId !== undefined) {
    const found = versions.find((version) => version.versionId === object.versionId);
    if (found) requireUnlocked(state, found, object.bypassGovernance ?? false);
    if (found)
      bucket.objects.set(
        object.key,
        versions.filter((version) => version !== found),
      );
    return { deleteMarker: found?.marker ?? false, versionId: object.versionId };
  }
  if (bucket.versioning === 'off') {
    bucket.objects.set(object.key, []);
    return { deleteMarker: false };
  }
  const versionId = bucket.versioning === 'Enabled' ? newVersionId(state) : 'null';
  put(bucket, object.key, { versionId, marker: true, etag: '', size: 0, modified: state.clock.now().getTime(), body: new Uint8Array() });
  return { deleteMarker: true, versionId };
}

function put(bucket: Bucket, key: string, version: ObjectVersion): void {
  const kept: Versions = (bucket.objects.get(key) ?? []).filter((one) => one.versionId !== version.versionId);
  bucket.objects.set(key, kept.length === 0 ? [version] : [version, ...kept]);
}

export function newVersionId(state: S3State): string {
  return Buffer.from(sha256(`version/${state.nextId()}`).slice(0, 48), 'hex').toString('base64url');
}

function sharedBody(digest: string, body: Uint8Array): Uint8Array {
  const known = recentBodies.get(digest);
  if (known) return known;
  // Copied, since the body may be a view of a far larger network buffer.
  const own = Uint8Array.from(body);
  recentBodies.set(digest, own);
  if (recentBodies.size > 64) recentBodies.delete(recentBodies.keys().next().value as string);
  return own;
}

function lockOf(state: S3State, bucket: Bucket, headers: Readonly<Record<string, string>> | undefined): Pick<ObjectVersion, 'retainUntil' | 'lockMode'> {
  const asked = headers?.['x-amz-object-lock-retain-until-date'];
  if (asked) return { retainUntil: Date.parse(asked), lockMode: headers?.['x-amz-object-lock-mode'] };
  const rule = bucket.objectLock ? bucket.settings.get('object-lock') : undefined;
  const [, mode] = /<Mode>(\w+)<\/Mode>/.exec(rule ?? '') ?? [];
  const [, unit, amount] = /<(Days|Years)>(\d+)</.exec(rule ?? '') ?? [];
  if (mode === undefined || amount === undefined) return {};
  return { lockMode: mode, retainUntil: state.clock.now().getTime() + Number(amount) * (unit === 'Years' ? 365 : 1) * 86_400_000 };
}

function requireUnlocked(state: S3State, version: ObjectVersion, bypassGovernance: boolean): void {
  if (version.retainUntil === undefined || version.retainUntil <= state.clock.now().getTime()) return;
  if (version.lockMode === 'GOVERNANCE' && bypassGovernance) return;
  throw new AwsFault(403, 'AccessDenied', 'Access Denied because object protected by object lock.');
}
