/** Dividing a bucket among listers, compared with one long listing. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder, readPage, type Entry, type Marker, type ReadPage } from './bucket-page.ts';
import { walkBucket } from './bucket-walk.ts';

type Held = Map<string, string[]>;

/** A bucket in memory that lists like S3: `size` entries and prefixes a page, versions newest first. */
function readerOf(held: Held, size: number) {
  const pages = { entries: 0, folders: 0, most: 0 };
  let running = 0;
  const read: ReadPage = async ({ after, prefix = '', delimiter }) => {
    pages[delimiter === undefined ? 'entries' : 'folders'] += 1;
    pages.most = Math.max(pages.most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    const entries: Entry[] = [];
    const prefixes: string[] = [];
    let last: Marker = {};
    for (const key of [...held.keys()].sort(inOrder)) {
      if (!key.startsWith(prefix)) continue;
      const at = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      const common = at < 0 ? undefined : key.slice(0, at + 1);
      if (common !== undefined && prefixes.includes(common)) continue;
      const rows = common === undefined ? rowsAfter(key, held.get(key)!, after) : inOrder(key, after.key ?? '') > 0 ? [common] : [];
      for (const row of rows) {
        if (entries.length + prefixes.length === size) return { entries, prefixes, next: last };
        if (typeof row === 'string') prefixes.push(row);
        else entries.push(row);
        last = typeof row === 'string' ? { key: row } : { key: row.key, versionId: row.versionId };
      }
    }
    return { entries, prefixes };
  };
  return { read, pages };
}

function rowsAfter(key: string, versions: readonly string[], after: Marker): readonly Entry[] {
  const order = inOrder(key, after.key ?? '');
  if (after.key !== undefined && (order < 0 || (order === 0 && after.versionId === undefined))) return [];
  const from = after.key !== undefined && order === 0 ? versions.indexOf(after.versionId!) + 1 : 0;
  return versions.slice(from).map((versionId, at) => ({ key, versionId, kind: from + at === 0 ? 'current' : 'older', bytes: 1, modified: '' }));
}

const named = ({ key, versionId }: Pick<Entry, 'key' | 'versionId'>) => JSON.stringify([key, versionId]);
const inHeld = (held: Held) => [...held].flatMap(([key, versions]) => versions.map((versionId) => named({ key, versionId }))).sort();

const anyKey = fc.oneof(
  fc.stringMatching(/^(fake|index|t2)\/[0-9a-f]{1,2}\/[0-9]{1,2}$/),
  fc.stringMatching(/^[ab/]{1,5}$/),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }),
);

describe('walkBucket', () => {
  it('gives every version once, whatever the keys, the pages and the listers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyKey, { maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 6 }),
        async (keys, size, listers) => {
          const held: Held = new Map(keys.map((key, at) => [key, at % 3 === 0 ? ['v2', 'v1'] : ['null']]));
          const given: string[] = [];
          const { read, pages } = readerOf(held, size);
          await walkBucket(read, { listers, take: async (entries) => (given.push(...entries.map(named)), 'more') });
          expect(given.sort()).toEqual(inHeld(held));
          // Each lister makes one call at a time; only a division makes two.
          expect(pages.most).toBeLessThanOrEqual(2 * listers);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives everything also when what was given is gone at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyKey, { maxLength: 60 }), fc.integer({ min: 1, max: 7 }), async (keys, size) => {
        const held: Held = new Map(keys.map((key) => [key, ['v2', 'v1']]));
        const { read } = readerOf(held, size);
        await walkBucket(read, {
          listers: 4,
          take: async (entries) => {
            for (const { key, versionId } of entries) {
              const left = held.get(key)!.filter((version) => version !== versionId);
              if (left.length > 0) held.set(key, left);
              else held.delete(key);
            }
            return 'more';
          },
        });
        expect(inHeld(held)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("shares Loki's keys out at once: nearly as many pages in a row as the longest part has", async () => {
    const held: Held = new Map();
    for (let stream = 0; stream < 200; stream += 1)
      for (let chunk = 0; chunk < 20; chunk += 1) held.set(`fake/${stream.toString(16).padStart(4, '0')}/${chunk}`, ['null']);
    for (let file = 0; file < 50; file += 1) held.set(`index/loki_index_20000/fake/${file}`, ['null']);
    const { read, pages } = readerOf(held, 100);
    let rounds = 0;
    let ended = false;
    const count = (): void => void (ended || ((rounds += 1), setImmediate(count)));
    setImmediate(count);
    await walkBucket(read, { listers: 8, take: async () => 'more' });
    ended = true;
    // 41 full pages in total.
    expect(rounds).toBeLessThan(20);
    expect(pages.folders).toBeLessThanOrEqual(8);
    expect(pages.entries).toBeLessThan(60);
  });

  it('stops when told to, and passes a failure on after everything has come to rest', async () => {
    const held: Held = new Map(Array.from({ length: 100 }, (_, at) => [`k${at}`, ['null']]));
    let given = 0;
    await walkBucket(readerOf(held, 10).read, { listers: 3, take: async (entries) => ((given += entries.length), given >= 20 ? 'stop' : 'more') });
    expect(given).toBeLessThan(60);
    let running = 0;
    let calls = 0;
    const take = async () => {
      running += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      if (calls++ > 6) throw new Error('enough');
      return 'more' as const;
    };
    await expect(walkBucket(readerOf(held, 5).read, { listers: 3, take })).rejects.toThrow('enough');
    expect(running).toBe(0);
  });
});

describe('readPage', () => {
  const page = (head: string, rows: string) => `<?xml version="1.0"?>\n<ListVersionsResult xmlns="x">${head}${rows}</ListVersionsResult>\n`;

  it('reads versions, markers and prefixes, url-encoded or not', () => {
    const rows =
      '<Version><Key>a%2Bb+c%01</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>12</Size><Owner><ID>o</ID></Owner></Version>' +
      '<DeleteMarker><Key>d</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest></DeleteMarker><CommonPrefixes><Prefix>p%2F</Prefix></CommonPrefixes>';
    expect(readPage(page('<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>n%20+</NextKeyMarker>', rows))).toEqual({
      entries: [
        { key: 'a+b c\u0001', versionId: 'v1', kind: 'current', bytes: 12, modified: '2026-01-02T03:04:05.000Z' },
        { key: 'd', versionId: 'v2', kind: 'marker', bytes: 0, modified: '' },
      ],
      prefixes: ['p/'],
      next: { key: 'n  ' },
    });
    const plain = readPage(page('<IsTruncated>false</IsTruncated>', '<Version><Key>50%&amp;&#x1F600;+</Key><VersionId/><IsLatest>false</IsLatest></Version>'));
    expect(plain).toEqual({ entries: [{ key: '50%&😀+', versionId: 'null', kind: 'older', bytes: 0, modified: '' }], prefixes: [] });
  });

  it('is undefined for what is no whole listing', () => {
    expect(readPage('<ListVersionsResult xmlns="x"/>')).toEqual({ entries: [], prefixes: [] });
    for (const text of ['', '<html></html>', '<Error><Code>InternalError</Code></Error>', page('', '').slice(0, -8)]) expect(readPage(text)).toBeUndefined();
  });
});
