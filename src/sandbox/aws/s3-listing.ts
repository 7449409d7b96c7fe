/** S3 listings: both ListObjects, ListObjectVersions, with prefix, delimiter, paging and url encoding. */
import { AwsFault } from '../types.ts';
import { keyOrder, type ObjectVersion, type Versions } from './object-table.ts';
import type { S3Call, S3Operation } from './s3-operation.ts';
import { parameter, xmlAnswer } from './s3-operation.ts';
import type { Bucket } from './s3-state.ts';
import { rfc3986 } from './sigv4.ts';
import type { WireAnswer } from './wire.ts';
import type { XmlValue } from './xml.ts';
import { escape, markup, writeXml } from './xml.ts';

export const listOperations: readonly S3Operation[] = [
  { name: 'ListObjectsV2', method: 'GET', level: 'bucket', sub: 'list-type', action: 's3:ListBucket', write: false, run: listV2 },
  { name: 'ListObjects', method: 'GET', level: 'bucket', sub: '', action: 's3:ListBucket', write: false, run: listV1 },
  { name: 'ListObjectVersions', method: 'GET', level: 'bucket', sub: 'versions', action: 's3:ListBucketVersions', write: false, run: listVersions },
];

export type Entry = { readonly key: string; readonly versions: Versions } | { readonly commonPrefix: string };

interface Scope {
  readonly prefix: string;
  readonly delimiter: string;
  /** The last key or common prefix of the previous page; exclusive. */
  readonly after: string;
  /** Start at `after` itself: a page of versions may end within a key. */
  readonly inclusive?: boolean;
}

/** Keys and common prefixes in key order. A marker that is a common prefix skips everything below it. */
export function* entries(bucket: Bucket, scope: Scope): Generator<Entry> {
  const { prefix, delimiter, after } = scope;
  const below = delimiter !== '' && after.endsWith(delimiter) && after.startsWith(prefix) && after.length > prefix.length;
  let from: string | undefined = keyOrder(after, prefix) > 0 ? after : prefix;
  if (below && !scope.inclusive) from = past(after);
  while (from !== undefined) {
    const start: string = from;
    from = undefined;
    for (const key of bucket.objects.keys(start)) {
      if (!key.startsWith(prefix)) {
        if (keyOrder(key, prefix) > 0) return;
        continue;
      }
      if (key === after && !scope.inclusive) continue;
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      if (at < 0) {
        yield { key, versions: bucket.objects.get(key) ?? [] };
        continue;
      }
      const commonPrefix = key.slice(0, at + delimiter.length);
      yield { commonPrefix };
      // There may be a million keys below it.
      from = past(commonPrefix);
      break;
    }
  }
}

/** Just after every key with this prefix. */
const past = (prefix: string): string => `${prefix}\u{10ffff}`;

function maxKeys(call: S3Call): number {
  const asked = Number(parameter(call, 'max-keys') ?? '1000');
  if (!Number.isInteger(asked) || asked < 0) throw new AwsFault(400, 'InvalidArgument', 'Provided max-keys not an integer or within integer range');
  return Math.min(asked, 1000);
}

interface Page {
  readonly contents: readonly XmlValue[];
  readonly prefixes: readonly string[];
  readonly truncated: boolean;
  readonly last: string;
}

/** A page of current objects: keys whose newest version is not a delete marker. */
function livePage(call: S3Call, bucket: Bucket, after: string): Page {
  const max = maxKeys(call);
  const scope = { prefix: parameter(call, 'prefix') ?? '', delimiter: parameter(call, 'delimiter') ?? '', after };
  const contents: XmlValue[] = [];
  const prefixes: string[] = [];
  let last = '';
  for (const entry of entries(liveOnly(bucket), scope)) {
    if (contents.length + prefixes.length >= max) return { contents, prefixes, truncated: max > 0, last };
    if ('commonPrefix' in entry) prefixes.push((last = entry.commonPrefix));
    else contents.push(contentOf(call, (last = entry.key), entry.versions[0] as ObjectVersion));
  }
  return { contents, prefixes, truncated: false, last };
}

function liveOnly(bucket: Bucket): Bucket {
  if (bucket.versioning === 'off') return bucket;
  const { objects } = bucket;
  const keys = function* (from: string): Iterable<string> {
    for (const key of objects.keys(from)) if (objects.get(key)?.[0]?.marker === false) yield key;
  };
  return { ...bucket, objects: { get: objects.get, set: objects.set, keys, size: objects.size } };
}

function contentOf(call: S3Call, key: string, version: ObjectVersion): XmlValue {
  return {
    Key: encoded(call, key),
    LastModified: new Date(version.modified).toISOString(),
    ETag: `"${version.etag}"`,
    Size: version.size,
    StorageClass: 'STANDARD',
  };
}

function encoded(call: S3Call, text: string): string {
  return parameter(call, 'encoding-type') === 'url' ? rfc3986(text).replaceAll('%2F', '/').replaceAll('%20', '+') : text;
}

function common(call: S3Call, bucket: Bucket, truncated: boolean): Readonly<Record<string, XmlValue>> {
  const delimiter = parameter(call, 'delimiter');
  return {
    Name: bucket.name,
    Prefix: encoded(call, parameter(call, 'prefix') ?? ''),
    MaxKeys: maxKeys(call),
    IsTruncated: truncated,
    Delimiter: delimiter ? encoded(call, delimiter) : undefined,
    EncodingType: parameter(call, 'encoding-type'),
  };
}

function prefixesXml(call: S3Call, prefixes: readonly string[]): XmlValue {
  return prefixes.map((prefix) => ({ Prefix: encoded(call, prefix) }));
}

function listV2(call: S3Call, bucket: Bucket): WireAnswer {
  const token = parameter(call, 'continuation-token');
  const startAfter = parameter(call, 'start-after');
  if (token !== undefined && !token.startsWith('1-')) throw new AwsFault(400, 'InvalidArgument', 'The continuation token provided is incorrect');
  const after = token === undefined ? (startAfter ?? '') : Buffer.from(token.slice(2), 'base64url').toString('utf8');
  const page = livePage(call, bucket, after);
  return xmlAnswer('ListBucketResult', {
    ...common(call, bucket, page.truncated),
    KeyCount: page.contents.length + page.prefixes.length,
    StartAfter: startAfter === undefined ? undefined : encoded(call, startAfter),
    ContinuationToken: token,
    NextContinuationToken: page.truncated ? `1-${Buffer.from(page.last).toString('base64url')}` : undefined,
    Contents: page.contents,
    CommonPrefixes: prefixesXml(call, page.prefixes),
  });
}

function listV1(call: S3Call, bucket: Bucket): WireAnswer {
  const marker = parameter(call, 'marker') ?? '';
  const page = livePage(call, bucket, marker);
  return xmlAnswer('ListBucketResult', {
    ...common(call, bucket, page.truncated),
    Marker: encoded(call, marker),
    NextMarker: page.truncated && parameter(call, 'delimiter') ? encoded(call, page.last) : undefined,
    Contents: page.contents,
    CommonPrefixes: prefixesXml(call, page.prefixes),
  });
}

function listVersions(call: S3Call, bucket: Bucket): WireAnswer {
  const max = maxKeys(call);
  const keyMarker = parameter(call, 'key-marker') ?? '';
  const versionMarker = parameter(call, 'version-id-marker') ?? '';
  if (versionMarker !== '' && keyMarker === '') throw new AwsFault(400, 'InvalidArgument', 'A version-id marker cannot be specified without a key marker.');
  const scope = { prefix: parameter(call, 'prefix') ?? '', delimiter: parameter(call, 'delimiter') ?? '', after: keyMarker, inclusive: versionMarker !== '' };
  const rows: string[] = [];
  const prefixes: string[] = [];
  let last = { key: '', versionId: '' };
  let truncated = false;
  scan: for (const entry of entries(bucket, scope)) {
    if ('commonPrefix' in entry) {
      if ((truncated = rows.length + prefixes.length >= max)) break;
      prefixes.push(entry.commonPrefix);
      last = { key: entry.commonPrefix, versionId: '' };
      continue;
    }
    for (const [at, version] of afterVersion(entry, keyMarker, versionMarker)) {
      if ((truncated = rows.length + prefixes.length >= max)) break scan;
      rows.push(versionRow(call, entry.key, { version, latest: at === 0 }));
      last = { key: entry.key, versionId: version.versionId };
    }
  }
  return xmlAnswer(
    'ListVersionsResult',
    markup(
      [
        writeInner({ ...common(call, bucket, truncated), KeyMarker: encoded(call, keyMarker), VersionIdMarker: versionMarker }),
        truncated ? writeInner({ NextKeyMarker: encoded(call, last.key), NextVersionIdMarker: last.versionId || undefined }) : '',
        rows.join(''),
        writeInner({ CommonPrefixes: prefixesXml(call, prefixes) }),
      ].join(''),
    ),
  );
}

/** The versions of a key with their position; for the marker's own key only those older than the marker's version. */
function afterVersion(
  entry: { readonly key: string; readonly versions: Versions },
  keyMarker: string,
  versionMarker: string,
): readonly (readonly [number, ObjectVersion])[] {
  const placed = entry.versions.map((version, at) => [at, version] as const);
  if (entry.key !== keyMarker || versionMarker === '') return placed;
  return placed.slice(entry.versions.findIndex((version) => version.versionId === versionMarker) + 1);
}

/** Hand-written XML: a million of these are most of what emptying a bucket reads. */
function versionRow(call: S3Call, key: string, row: { readonly version: ObjectVersion; readonly latest: boolean }): string {
  const { versionId, modified, marker, etag, size } = row.version;
  const at = new Date(modified).toISOString();
  const shared = `<Key>${escape(encoded(call, key))}</Key><VersionId>${versionId}</VersionId><IsLatest>${row.latest}</IsLatest><LastModified>${at}</LastModified>`;
  if (marker) return `<DeleteMarker>${shared}</DeleteMarker>`;
  return `<Version>${shared}<ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Version>`;
}

function writeInner(fields: Readonly<Record<string, XmlValue>>): string {
  return Object.entries(fields)
    .map(([name, value]) => writeXml(name, value))
    .join('');
}
