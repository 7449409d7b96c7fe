/** How much is in a bucket, so that a human can decide. */
import type { BucketContents } from '../../ports/buckets.ts';
import type { At } from './buckets.ts';
import { ask, isCode } from './failures.ts';

interface Entry {
  readonly Size?: number;
  readonly LastModified?: Date;
}
interface Page {
  readonly entries: readonly Entry[];
  readonly next?: object;
}

/**
 * Counts every version and delete marker (they all keep a bucket from being empty), in bytes what the versions hold.
 * Where versions may not be listed, the current objects. Stops at `limit` entries, when there is one.
 */
export async function bucketContents(at: At, limit = Number.POSITIVE_INFINITY): Promise<BucketContents> {
  try {
    return await count(limit, (from) => versions(at, from));
  } catch (thrown) {
    if (!isCode(thrown, 'AccessDenied')) throw thrown;
    return count(limit, (from) => objects(at, from));
  }
}

async function count(limit: number, read: (from: object) => Promise<Page>): Promise<BucketContents> {
  let counted = 0;
  let bytes = 0;
  let oldest: Date | undefined;
  let newest: Date | undefined;
  for (let from: object | undefined = {}; from !== undefined;) {
    const page: Page = await read(from);
    for (const { Size = 0, LastModified } of page.entries) {
      // Of an exact number there may be as many as the limit, but not one more.
      if (counted === limit) return { objects: counted, bytes, oldest, newest, exact: false };
      counted += 1;
      bytes += Size;
      if (LastModified === undefined) continue;
      if (oldest === undefined || LastModified < oldest) oldest = LastModified;
      if (newest === undefined || LastModified > newest) newest = LastModified;
    }
    from = page.next;
    if (from !== undefined && counted === limit) return { objects: counted, bytes, oldest, newest, exact: false };
  }
  return { objects: counted, bytes, ...(oldest && { oldest }), ...(newest && { newest }), exact: true };
}

async function versions({ s3, Bucket, owner }: At, from: object): Promise<Page> {
  const page = await ask({ action: 's3:ListBucketVersions', on: `s3://${Bucket}` }, () =>
    s3.listObjectVersions({ Bucket, ExpectedBucketOwner: owner, ...from }),
  );
  return {
    entries: [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])],
    ...(page.IsTruncated === true && { next: { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } }),
  };
}

async function objects({ s3, Bucket, owner }: At, from: object): Promise<Page> {
  const page = await ask({ action: 's3:ListBucket', on: `s3://${Bucket}` }, () => s3.listObjectsV2({ Bucket, ExpectedBucketOwner: owner, ...from }));
  return { entries: page.Contents ?? [], ...(page.IsTruncated === true && { next: { ContinuationToken: page.NextContinuationToken } }) };
}
