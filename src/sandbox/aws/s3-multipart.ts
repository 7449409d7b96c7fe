/** S3 multipart uploads: create, upload a part, list, complete, abort. */
import { createHash } from 'node:crypto';
import { AwsFault } from '../types.ts';
import { encryptionHeaders, requireKmsUse } from './s3-kms.ts';
import { checkedPayload, objectHeaders, versionHeader } from './s3-object-operations.ts';
import { writeObject } from './s3-objects.ts';
import type { S3Call, S3Operation } from './s3-operation.ts';
import { bodyXml, malformedXml, parameter, xmlAnswer } from './s3-operation.ts';
import type { Bucket, Upload } from './s3-state.ts';
import { sha256 } from './sigv4.ts';
import type { WireAnswer } from './wire.ts';
import { childrenOf, textOf } from './xml.ts';

const smallestPart = 5 * 1024 * 1024;

export const multipartOperations: readonly S3Operation[] = [
  { name: 'CreateMultipartUpload', method: 'POST', level: 'object', sub: 'uploads', action: 's3:PutObject', write: true, run: create },
  { name: 'UploadPart', method: 'PUT', level: 'object', sub: 'uploadId', action: 's3:PutObject', write: true, run: uploadPart },
  { name: 'CompleteMultipartUpload', method: 'POST', level: 'object', sub: 'uploadId', action: 's3:PutObject', write: true, run: complete },
  { name: 'AbortMultipartUpload', method: 'DELETE', level: 'object', sub: 'uploadId', action: 's3:AbortMultipartUpload', write: true, run: abort },
  { name: 'ListParts', method: 'GET', level: 'object', sub: 'uploadId', action: 's3:ListMultipartUploadParts', write: false, run: listParts },
  { name: 'ListMultipartUploads', method: 'GET', level: 'bucket', sub: 'uploads', action: 's3:ListBucketMultipartUploads', write: false, run: listUploads },
];

function create(call: S3Call, bucket: Bucket): WireAnswer {
  requireKmsUse(call, bucket, 'kms:GenerateDataKey');
  const id = sha256(`upload/${call.state.nextId()}`);
  bucket.uploads.set(id, { id, key: call.key, started: call.state.clock.now(), headers: objectHeaders(call), parts: new Map() });
  return xmlAnswer('InitiateMultipartUploadResult', { Bucket: bucket.name, Key: call.key, UploadId: id }, encryptionHeaders(bucket));
}

function uploadOf(call: S3Call, bucket: Bucket): Upload {
  const upload = bucket.uploads.get(parameter(call, 'uploadId') ?? '');
  if (upload?.key === call.key) return upload;
  throw new AwsFault(
    404,
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  );
}

function uploadPart(call: S3Call, bucket: Bucket): WireAnswer {
  const upload = uploadOf(call, bucket);
  const number = Number(parameter(call, 'partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new AwsFault(400, 'InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive');
  }
  const body = Uint8Array.from(checkedPayload(call));
  const etag = createHash('md5').update(body).digest('hex');
  upload.parts.set(number, { etag, body, modified: call.state.clock.now() });
  return { status: 200, headers: { etag: `"${etag}"`, ...encryptionHeaders(bucket) } };
}

function complete(call: S3Call, bucket: Bucket): WireAnswer {
  const upload = uploadOf(call, bucket);
  const listed = childrenOf(bodyXml(call, 'CompleteMultipartUpload'), 'Part');
  if (listed.length === 0) throw malformedXml();
  const numbers = listed.map((part) => Number(textOf(part, 'PartNumber')));
  if (numbers.some((number, at) => at > 0 && number <= (numbers[at - 1] as number))) {
    throw new AwsFault(400, 'InvalidPartOrder', 'The list of parts was not in ascending order. Parts must be ordered by part number.');
  }
  const parts = listed.map((node) => {
    const part = upload.parts.get(Number(textOf(node, 'PartNumber')));
    if (part !== undefined && part.etag === (textOf(node, 'ETag') ?? '').replaceAll('"', '')) return part;
    throw new AwsFault(
      400,
      'InvalidPart',
      "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    );
  });
  if (parts.slice(0, -1).some((part) => part.body.length < smallestPart)) {
    throw new AwsFault(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
  }
  const digest = createHash('md5')
    .update(Buffer.from(parts.map((part) => part.etag).join(''), 'hex'))
    .digest('hex');
  const body = Buffer.concat(parts.map((part) => part.body));
  const version = writeObject(call.state, bucket, { key: upload.key, body, etag: `${digest}-${parts.length}`, headers: upload.headers });
  bucket.uploads.delete(upload.id);
  const result = {
    Location: `http://${bucket.name}.s3.${bucket.region}.${call.state.hostSuffix}/${upload.key}`,
    Bucket: bucket.name,
    Key: upload.key,
    ETag: `"${version.etag}"`,
  };
  return xmlAnswer('CompleteMultipartUploadResult', result, { ...versionHeader(bucket, version), ...encryptionHeaders(bucket) });
}

function abort(call: S3Call, bucket: Bucket): WireAnswer {
  bucket.uploads.delete(uploadOf(call, bucket).id);
  return { status: 204 };
}

function listParts(call: S3Call, bucket: Bucket): WireAnswer {
  const upload = uploadOf(call, bucket);
  const after = Number(parameter(call, 'part-number-marker') ?? '0');
  const max = Math.min(Number(parameter(call, 'max-parts') ?? '1000'), 1000);
  const parts = [...upload.parts].sort(([a], [b]) => a - b).filter(([number]) => number > after);
  const page = parts.slice(0, max);
  return xmlAnswer('ListPartsResult', {
    Bucket: bucket.name,
    Key: upload.key,
    UploadId: upload.id,
    PartNumberMarker: after,
    MaxParts: max,
    IsTruncated: parts.length > max,
    NextPartNumberMarker: page.at(-1)?.[0],
    Part: page.map(([number, part]) => ({ PartNumber: number, ETag: `"${part.etag}"`, Size: part.body.length, LastModified: part.modified.toISOString() })),
  });
}

function listUploads(call: S3Call, bucket: Bucket): WireAnswer {
  const prefix = parameter(call, 'prefix') ?? '';
  const keyMarker = parameter(call, 'key-marker') ?? '';
  const idMarker = parameter(call, 'upload-id-marker') ?? '';
  const max = Math.min(Number(parameter(call, 'max-uploads') ?? '1000'), 1000);
  const place = (upload: Upload) => `${upload.key}\u0000${upload.id}`;
  const uploads = [...bucket.uploads.values()]
    .filter((upload) => upload.key.startsWith(prefix))
    .filter((upload) => upload.key > keyMarker || (idMarker !== '' && upload.key === keyMarker && upload.id > idMarker))
    .sort((a, b) => (place(a) < place(b) ? -1 : 1));
  const page = uploads.slice(0, max);
  const truncated = uploads.length > max;
  return xmlAnswer('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    KeyMarker: keyMarker,
    UploadIdMarker: idMarker,
    Prefix: prefix,
    MaxUploads: max,
    IsTruncated: truncated,
    NextKeyMarker: truncated ? page.at(-1)?.key : undefined,
    NextUploadIdMarker: truncated ? page.at(-1)?.id : undefined,
    Upload: page.map((upload) => ({ Key: upload.key, UploadId: upload.id, StorageClass: 'STANDARD', Initiated: upload.started.toISOString() })),
  });
}
