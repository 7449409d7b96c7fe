/** Lists the keys of objects below a prefix. */
import type { Buckets } from '../../ports/buckets.ts';
import type { At } from './bucket-at.ts';
import { askFor } from './failures.ts';

export async function bucketKeys({ s3, Bucket, owner }: At, { prefix, limit }: Parameters<Buckets['keys']>[1]): ReturnType<Buckets['keys']> {
  const keys: string[] = [];
  for (let ContinuationToken: string | undefined; ;) {
    const from = { Prefix: prefix, ...(ContinuationToken !== undefined && { ContinuationToken }) };
    const page = await askFor({ action: 's3:ListBucket', on: `s3://${Bucket}`, absent: ['NoSuchBucket'] }, () =>
      s3.listObjectsV2({ Bucket, ExpectedBucketOwner: owner, ...from }),
    );
    if (!page) return { keys, more: false };
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
    ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    if (ContinuationToken === undefined || keys.length >= limit)
      return { keys: keys.slice(0, limit), more: ContinuationToken !== undefined || keys.length > limit };
  }
}
