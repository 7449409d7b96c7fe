/** How much is in a bucket, so that a human can decide. */
import type { BucketContents } from '../../ports/buckets.ts';
import { pageReader, type Entry, type PageAsked } from './bucket-page.ts';
import { walkBucket } from './bucket-walk.ts';
import type { At } from './bucket-at.ts';
import { ask, isCode } from './failures.ts';

const LISTERS = 6;

/**
 * Counts every version and delete marker (they all keep a bucket from being empty), and the bytes of the versions.
 * If versions may not be listed, counts the current objects. Stops at `limit` entries, if given.
 */
export async function bucketContents(at: At, limit = Number.POSITIVE_INFINITY): Promise<BucketContents> {
  const [counted, uploads] = await Promise.all([countEntries(at, limit), countUploads(at)]);
  return { ...counted, ...(uploads !== undefined && { uploads }) };
}

async function countEntries(at: At, limit: number): Promise<BucketContents> {
  try {
    const tally = count(limit);
    // A small number is counted by one lister: others would only read pages that are not needed.
    await walkBucket(pageReader(at), { listers: limit > 10_000 ? LISTERS : 1, take: tally.take });
    return tally.sum();
  } catch (thrown) {
    if (!isCode(thrown, 'AccessDenied')) throw thrown;
    const tally = count(limit);
    await walkBucket((asked) => currentObjects(at, asked), { listers: 1, take: tally.take });
    return tally.sum();
  }
}

function count(limit: number) {
  const kinds = { current: 0, older: 0, marker: 0 };
  let counted = 0;
  let bytes = 0;
  let oldest = '';
  let newest = '';
  let exact = true;
  const keys: string[] = [];
  return {
    take: async (entries: readonly Entry[]): Promise<'more' | 'stop'> => {
      for (const entry of entries) {
        // An exact count may equal the limit, but not exceed it.
        if (counted === limit) exact = false;
        if (!exact) return 'stop';
        counted += 1;
        kinds[entry.kind] += 1;
        bytes += entry.bytes;
        if (keys.length < 50) keys.push(entry.key);
        if (oldest === '' || entry.modified < oldest) oldest = entry.modified;
        if (entry.modified > newest) newest = entry.modified;
      }
      return 'more';
    },
    sum: (): BucketContents => ({
      objects: counted,
      older: kinds.older,
      markers: kinds.marker,
      bytes,
      ...(oldest !== '' && { oldest: new Date(oldest), newest: new Date(newest) }),
      keys,
      exact,
    }),
  };
}

/** Shaped like a page of versions: the token of the next page is used as its marker. */
async function currentObjects({ s3, Bucket, owner }: At, { after }: PageAsked) {
  const page = await ask({ action: 's3:ListBucket', on: `s3://${Bucket}` }, () =>
    s3.listObjectsV2({ Bucket, ExpectedBucketOwner: owner, ...(after.key !== undefined && { ContinuationToken: after.key }) }),
  );
  const entries = (page.Contents ?? []).map(({ Key = '', Size = 0, LastModified }): Entry => ({
    key: Key,
    versionId: 'null',
    kind: 'current',
    bytes: Size,
    modified: LastModified?.toISOString() ?? '',
  }));
  return { entries, prefixes: [], ...(page.IsTruncated === true && { next: { key: page.NextContinuationToken } }) };
}

/** Incomplete multipart uploads on the first page: they are few. `undefined` if they may not be listed. */
async function countUploads({ s3, Bucket, owner }: At): Promise<number | undefined> {
  try {
    const page = await ask({ action: 's3:ListBucketMultipartUploads', on: `s3://${Bucket}` }, () =>
      s3.listMultipartUploads({ Bucket, ExpectedBucketOwner: owner }),
    );
    return page.Uploads?.length ?? 0;
  } catch (thrown) {
    if (isCode(thrown, 'AccessDenied')) return undefined;
    throw thrown;
  }
}
