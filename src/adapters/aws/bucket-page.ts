/** One page of a bucket's versions and delete markers, parsed without the SDK's object model: a bucket may have thousands of pages. */
import type { At } from './bucket-at.ts';
import { ask } from './failures.ts';
import { bytesOf, onAnswer } from './raw-http.ts';

export interface Entry {
  readonly key: string;
  /** `null` if the bucket had no versioning when it was written. */
  readonly versionId: string;
  /** `older`: a version with a newer version or a delete marker. */
  readonly kind: 'current' | 'older' | 'marker';
  readonly bytes: number;
  /** ISO 8601, as S3 returns it. */
  readonly modified: string;
}

/** Where a listing continues: after this version of the key, or after the whole key. */
export interface Marker {
  readonly key?: string;
  readonly versionId?: string;
}

export interface PageAsked {
  readonly after: Marker;
  readonly prefix?: string;
  /** Keys with a common prefix up to this delimiter are returned as one prefix. */
  readonly delimiter?: string;
}

export interface Page {
  /** In the order of the keys' UTF-8 bytes, newest version first. */
  readonly entries: readonly Entry[];
  readonly prefixes: readonly string[];
  /** Absent on the last page. */
  readonly next?: Marker;
}

export type ReadPage = (asked: PageAsked) => Promise<Page>;

/** S3 sorts by the keys' UTF-8 bytes, which differs from string comparison if there are surrogates. */
export const inOrder = (a: string, b: string): number => (a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b)));

/** At most 1000 entries and prefixes. Throws like every call to S3. */
export const pageReader =
  (at: At, signal?: AbortSignal): ReadPage =>
  async (asked) => {
    const { ListObjectVersionsCommand } = await import('@aws-sdk/client-s3');
    const command = new ListObjectVersionsCommand({
      Bucket: at.Bucket,
      ExpectedBucketOwner: at.owner,
      // Keys may contain characters that XML can't represent.
      EncodingType: 'url',
      MaxKeys: 1000,
      ...(asked.after.key !== undefined && { KeyMarker: asked.after.key }),
      ...(asked.after.versionId !== undefined && { VersionIdMarker: asked.after.versionId }),
      ...(asked.prefix !== undefined && { Prefix: asked.prefix }),
      ...(asked.delimiter !== undefined && { Delimiter: asked.delimiter }),
    });
    let page: Page | undefined;
    onAnswer(command, async (answer) => {
      if (answer.statusCode !== 200) return;
      const body = await bytesOf(answer.body);
      page = readPage(body.toString());
      // The SDK judges what is not a complete listing; instead of a listing it gets an empty one.
      answer.body = page === undefined ? body : Buffer.from('<ListVersionsResult/>');
    });
    return ask({ action: 's3:ListBucketVersions', on: `s3://${at.Bucket}` }, async () => {
      const { $metadata } = await at.s3.send(command, { abortSignal: signal });
      if (page === undefined) throw Object.assign(new SyntaxError('the response is not a complete listing'), { $metadata });
      return page;
    });
  };

/** `undefined` if the text is not a complete ListVersionsResult, or contains escapes for invalid characters. */
export function readPage(xml: string): Page | undefined {
  try {
    return wholePage(xml);
  } catch (error) {
    if (error instanceof URIError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function wholePage(xml: string): Page | undefined {
  const empty = /<ListVersionsResult[^<>]*\/>\s*$/.test(xml);
  if (!empty && !(xml.includes('<ListVersionsResult') && xml.trimEnd().endsWith('</ListVersionsResult>'))) return undefined;
  const { head, rows } = rowsIn(xml);
  const decoded = field(head, 'EncodingType') === 'url' ? fromUrl : fromXml;
  const entries: Entry[] = [];
  const prefixes: string[] = [];
  for (const { name, row } of rows) {
    if (name === 'CommonPrefixes') prefixes.push(decoded(field(row, 'Prefix') ?? ''));
    else entries.push(entryOf(row, { marker: name === 'DeleteMarker', key: decoded(field(row, 'Key') ?? '') }));
  }
  if (field(head, 'IsTruncated') !== 'true') return { entries, prefixes };
  const versionId = field(head, 'NextVersionIdMarker');
  return { entries, prefixes, next: { key: decoded(field(head, 'NextKeyMarker') ?? ''), ...(versionId && { versionId }) } };
}

/** Up to the first row that is not closed, and the text around the rows. */
function rowsIn(xml: string): { readonly head: string; readonly rows: readonly { readonly name: string; readonly row: string }[] } {
  const rows: { readonly name: string; readonly row: string }[] = [];
  const opening = /<(Version|DeleteMarker|CommonPrefixes)>/g;
  let head = '';
  let at = 0;
  for (let found = opening.exec(xml); found; found = opening.exec(xml)) {
    const name = found[1]!;
    const end = xml.indexOf(`</${name}>`, opening.lastIndex);
    if (end < 0) break;
    rows.push({ name, row: xml.slice(opening.lastIndex, end) });
    head += xml.slice(at, found.index);
    at = end + name.length + 3;
    opening.lastIndex = at;
  }
  return { head: head + xml.slice(at), rows };
}

function entryOf(row: string, { marker, key }: { readonly marker: boolean; readonly key: string }): Entry {
  const current = field(row, 'IsLatest') !== 'false';
  return {
    key,
    versionId: field(row, 'VersionId') || 'null',
    kind: marker ? 'marker' : current ? 'current' : 'older',
    bytes: Number(field(row, 'Size') ?? 0),
    modified: field(row, 'LastModified') ?? '',
  };
}

/** Elements of a listing have no attributes and are not nested in themselves. */
function field(xml: string, name: string): string | undefined {
  const from = xml.indexOf(`<${name}>`);
  if (from < 0) return undefined;
  const start = from + name.length + 2;
  const end = xml.indexOf(`</${name}>`, start);
  return end < 0 ? undefined : xml.slice(start, end);
}

const fromUrl = (text: string): string => decodeURIComponent(fromXml(text).replaceAll('+', '%20'));

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function fromXml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replaceAll(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return decimal === undefined ? (ENTITIES[name ?? ''] ?? whole) : String.fromCodePoint(Number(decimal));
  });
}
