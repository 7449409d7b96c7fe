/** S3 operations on single objects and the bulk delete, as REST requests and answers. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { globPattern } from '../call-faults.ts';
import { AwsFault } from '../types.ts';
import type { ObjectVersion } from './object-table.ts';
import { requireKmsUse, encryptionHeaders } from './s3-kms.ts';
import { readObject, removeObject, writeObject } from './s3-objects.ts';
import type { S3Call, S3Operation } from './s3-operation.ts';
import { bodyXml, bucketArn, header, malformedXml, objectArn, parameter, xmlAnswer } from './s3-operation.ts';
import type { Bucket } from './s3-state.ts';
import { findBucket } from './s3-state.ts';
import type { WireAnswer } from './wire.ts';
import { readPayload } from './wire.ts';
import { childrenOf, textOf } from './xml.ts';

export const objectOperations: readonly S3Operation[] = [
  { name: 'PutObject', method: 'PUT', level: 'object', sub: '', action: 's3:PutObject', write: true, run: putObject },
  { name: 'GetObject', method: 'GET', level: 'object', sub: '', action: 's3:GetObject', write: false, run: getObject },
  { name: 'HeadObject', method: 'HEAD', level: 'object', sub: '', action: 's3:GetObject', write: false, run: getObject },
  { name: 'DeleteObject', method: 'DELETE', level: 'object', sub: '', action: 's3:DeleteObject', write: true, run: deleteObject },
  { name: 'GetObjectTagging', method: 'GET', level: 'object', sub: 'tagging', action: 's3:GetObjectTagging', write: false, run: getObjectTags },
  // Each key is authorized on its own, within the answer.
  { name: 'DeleteObjects', method: 'POST', level: 'bucket', sub: 'delete', action: '', write: true, run: deleteObjects },
];

const keptHeaders = /^(content-(type|disposition|language)|cache-control|expires|x-amz-meta-.*|x-amz-object-lock-.*|x-amz-storage-class)$/;

/** Headers that are returned with the object; `undefined` when only defaults were sent. */
export function objectHeaders(call: S3Call): Readonly<Record<string, string>> | undefined {
  const kept = Object.entries(call.request.headers).filter(([name, value]) => keptHeaders.test(name) && value !== 'application/octet-stream');
  const encoding = (header(call, 'content-encoding') ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '' && one !== 'aws-chunked');
  if (encoding.length > 0) kept.push(['content-encoding', encoding.join(',')]);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** The request's bytes, once their checksums are verified; throws BadDigest. */
export function checkedPayload(call: S3Call): Buffer {
  const { bytes, trailers } = readPayload(call.request);
  const sent = { ...call.request.headers, ...trailers };
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('base64');
  const crc = () => {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(crc32(bytes));
    return value.toString('base64');
  };
  const mismatch =
    (sent['content-md5'] !== undefined && sent['content-md5'] !== digest('md5')) ||
    (sent['x-amz-checksum-sha256'] !== undefined && sent['x-amz-checksum-sha256'] !== digest('sha256')) ||
    (sent['x-amz-checksum-sha1'] !== undefined && sent['x-amz-checksum-sha1'] !== digest('sha1')) ||
    (sent['x-amz-checksum-crc32'] !== undefined && sent['x-amz-checksum-crc32'] !== crc());
  if (mismatch) throw new AwsFault(400, 'BadDigest', 'The checksum you specified did not match the calculated checksum.');
  return bytes;
}

function putObject(call: S3Call, bucket: Bucket): WireAnswer {
  const source = header(call, 'x-amz-copy-source');
  requireKmsUse(call, bucket, 'kms:GenerateDataKey');
  if (header(call, 'if-none-match') === '*' && isLive(bucket, call.key)) {
    throw new AwsFault(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
  }
  const from = source === undefined ? undefined : copySource(call, source);
  const body = from?.body ?? checkedPayload(call);
  const version = writeObject(call.state, bucket, { key: call.key, body, headers: objectHeaders(call) ?? from?.headers });
  const headers = { ...versionHeader(bucket, version), ...encryptionHeaders(bucket) };
  if (source !== undefined) return xmlAnswer('CopyObjectResult', { ETag: `"${version.etag}"`, LastModified: iso(version) }, headers);
  return { status: 200, headers: { ...headers, etag: `"${version.etag}"` } };
}

function isLive(bucket: Bucket, key: string): boolean {
  const newest = bucket.objects.get(key)?.[0];
  return newest !== undefined && !newest.marker;
}

function copySource(call: S3Call, source: string): ObjectVersion {
  const [, name, key, versionId] = /^\/?([^/]+)\/([^?]+)(?:\?versionId=(.+))?$/.exec(source) ?? [];
  if (!name || !key) throw new AwsFault(400, 'InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey');
  call.require('s3:GetObject', objectArn(call, name, decodeURIComponent(key)));
  return readObject(findBucket(call.state, name, {}), decodeURIComponent(key), versionId);
}

function getObject(call: S3Call, bucket: Bucket): WireAnswer {
  const version = readVisible(call, bucket);
  requireKmsUse(call, bucket, 'kms:Decrypt');
  const whole: Record<string, string> = {
    'content-type': 'binary/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"${version.etag}"`,
    'last-modified': new Date(version.modified).toUTCString(),
    'content-length': String(version.size),
    ...version.headers,
    ...versionHeader(bucket, version),
    ...encryptionHeaders(bucket),
  };
  if (header(call, 'if-none-match') === `"${version.etag}"`) return { status: 304, headers: { etag: `"${version.etag}"` } };
  const range = readRange(header(call, 'range'), version.size);
  if (range === undefined) return { status: 200, headers: whole, body: version.body };
  const part = version.body.subarray(range.from, range.to + 1);
  const headers = { ...whole, 'content-length': String(part.length), 'content-range': `bytes ${range.from}-${range.to}/${version.size}` };
  return { status: 206, headers, body: part };
}

/** A caller without s3:ListBucket gets 403 for a missing key, never 404. */
function readVisible(call: S3Call, bucket: Bucket): ObjectVersion {
  try {
    return readObject(bucket, call.key, parameter(call, 'versionId'));
  } catch (error) {
    if (error instanceof AwsFault && error.status === 404) call.require('s3:ListBucket', bucketArn(call, bucket.name));
    throw error;
  }
}

function readRange(range: string | undefined, size: number): { readonly from: number; readonly to: number } | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === undefined || (first === '' && last === '')) return undefined;
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (from >= size) throw new AwsFault(416, 'InvalidRange', 'The requested range is not satisfiable');
  return { from, to };
}

function deleteObject(call: S3Call, bucket: Bucket): WireAnswer {
  const versionId = parameter(call, 'versionId');
  if (versionId !== undefined) call.require('s3:DeleteObjectVersion', objectArn(call, bucket.name, call.key));
  const deleted = removeObject(call.state, bucket, { key: call.key, versionId, bypassGovernance: bypass(call) });
  const headers: Record<string, string> = {};
  if (deleted.versionId) headers['x-amz-version-id'] = deleted.versionId;
  if (deleted.deleteMarker) headers['x-amz-delete-marker'] = 'true';
  return { status: 204, headers };
}

function deleteObjects(call: S3Call, bucket: Bucket): WireAnswer {
  checkedPayload(call);
  const node = bodyXml(call, 'Delete');
  const asked = childrenOf(node, 'Object');
  if (asked.length === 0 || asked.length > 1000) throw malformedXml();
  const quiet = textOf(node, 'Quiet') === 'true';
  const results = asked.map((object) => deleteOne(call, bucket, { key: textOf(object, 'Key') ?? '', versionId: textOf(object, 'VersionId') }));
  return xmlAnswer('DeleteResult', {
    Deleted: quiet ? [] : results.flatMap((result) => ('deleted' in result ? [result.deleted] : [])),
    Error: results.flatMap((result) => ('failed' in result ? [result.failed] : [])),
  });
}

type OneResult = { readonly deleted: Record<string, string | boolean | undefined> } | { readonly failed: Record<string, string | undefined> };

function deleteOne(call: S3Call, bucket: Bucket, object: { readonly key: string; readonly versionId: string | undefined }): OneResult {
  const { key, versionId } = object;
  try {
    call.require(versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', objectArn(call, bucket.name, key));
    failIfFaulty(call, key);
    const deleted = removeObject(call.state, bucket, { key, versionId, bypassGovernance: bypass(call) });
    const marker = deleted.deleteMarker ? { DeleteMarker: true, DeleteMarkerVersionId: deleted.versionId } : {};
    return { deleted: { Key: key, VersionId: versionId, ...marker } };
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    return { failed: { Key: key, VersionId: versionId, Code: error.code, Message: error.message } };
  }
}

function failIfFaulty({ state }: S3Call, key: string): void {
  const fault = state.keyFaults.find((one) => (one.times ?? 1) > 0 && globPattern(one.key).test(key));
  if (fault === undefined) return;
  if (fault.times !== undefined) fault.times -= 1;
  throw new AwsFault(400, fault.code, fault.message);
}

function getObjectTags(call: S3Call, bucket: Bucket): WireAnswer {
  readVisible(call, bucket);
  return xmlAnswer('Tagging', { TagSet: {} });
}

function bypass(call: S3Call): boolean {
  return header(call, 'x-amz-bypass-governance-retention') === 'true';
}

export function versionHeader(bucket: Bucket, version: ObjectVersion): Readonly<Record<string, string>> {
  return bucket.versioning === 'off' ? {} : { 'x-amz-version-id': version.versionId };
}

function iso(version: ObjectVersion): string {
  return new Date(version.modified).toISOString();
}
