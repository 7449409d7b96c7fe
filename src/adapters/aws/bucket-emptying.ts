/** Emptying a bucket: listing and deleting overlap, memory stays flat, and the pace follows S3. */
import { setMaxListeners } from 'node:events';
import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import { stop } from '../../problems/problem.ts';
import { deletes, type Deletes } from './bucket-deletes.ts';
import { pageReader } from './bucket-page.ts';
import { walkBucket } from './bucket-walk.ts';
import type { At } from './bucket-at.ts';
import { ask, isCode } from './failures.ts';
import { paced, type Pace } from './throttle.ts';

export interface Emptying {
  readonly signal: AbortSignal;
  readonly progress: (deleted: number) => void;
}

const LISTERS = 6;
/** A bucket that is still not empty after this many rounds is being written to. */
const MAX_ROUNDS = 20;

/**
 * Deletes all versions, delete markers, objects and multipart uploads. Throws BUCKET_NOT_EMPTIED or BUCKET_LOCKED with the first refused
 * keys, BUCKET_STILL_WRITTEN_TO when new objects keep coming, and the signal's reason when aborted.
 */
export async function emptyBucket(at: At, emptying: Emptying): Promise<void> {
  // Every call in flight listens to it; Node would report that many as a leak.
  setMaxListeners(0, emptying.signal);
  try {
    await emptyInRounds(at, emptying);
  } catch (thrown) {
    // The SDK says "Request aborted" where the caller expects its own reason.
    emptying.signal.throwIfAborted();
    throw thrown;
  }
}

/** A listing may skip entries if it is deleted from while being paged, and a writer may be active: the last round must find nothing. */
async function emptyInRounds(at: At, { signal, progress }: Emptying): Promise<void> {
  const pace = paced();
  let deleted = 0;
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const before = deleted;
    const told = (count: number) => progress(before + count);
    const [{ listed, batches }] = await Promise.all([deleteRound(at, { signal, progress: told, pace }), abortUploads(at, signal)]);
    if (listed === 0) return;
    deleted += batches.deleted;
    if (batches.refusals > 0 && batches.deleted === 0) throw notEmptied(at, { deleted, batches });
  }
  throw stop('BUCKET_STILL_WRITTEN_TO', { message: `Another program keeps writing to the bucket ${at.Bucket} while it is being emptied` });
}

async function deleteRound(at: At, options: Emptying & { readonly pace: Pace }): Promise<{ readonly listed: number; readonly batches: Deletes }> {
  const { signal } = options;
  const batches = deletes(at, options);
  let listed = 0;
  try {
    await walkBucket(pageReader(at, signal), {
      listers: LISTERS,
      signal,
      take: (entries) => {
        listed += entries.length;
        return batches.add(entries).then(() => 'more');
      },
    });
  } finally {
    // No delete may still be in flight when this returns, however it ends.
    await batches.flush();
  }
  return { listed, batches };
}

const LOCKED = /object lock|retention|legal hold/i;

function notEmptied(at: At, { deleted, batches }: { readonly deleted: number; readonly batches: Deletes }) {
  const { refusals, refused } = batches;
  const what = `${refusals} object${refusals === 1 ? '' : 's'} of ${at.Bucket}`;
  const evidence = [
    `deleted ${deleted}`,
    ...refused.map(({ key, versionId, code, message }) => `${key}${versionId === 'null' ? '' : ` (version ${versionId})`}: ${code}: ${message}`),
  ];
  const locked = refused.find(({ message }) => LOCKED.test(message));
  if (locked === undefined) return stop('BUCKET_NOT_EMPTIED', { message: `S3 refuses to delete ${what}`, evidence });
  const object = `--bucket ${at.Bucket} --key '${locked.key}' --version-id ${locked.versionId}`;
  return stop('BUCKET_LOCKED', {
    message: `S3 Object Lock prevents deleting ${what}`,
    fix: `Run \`aws s3api get-object-retention ${object}\` to see the retention date, then run the command again after it`,
    evidence,
  });
}

/** They are invisible in listings and cost money. */
async function abortUploads({ s3, Bucket, owner }: At, signal: AbortSignal): Promise<void> {
  const named = { Bucket, ExpectedBucketOwner: owner };
  for (let from: object | undefined = {}; from !== undefined;) {
    signal.throwIfAborted();
    const marker: object = from;
    const page: ListMultipartUploadsCommandOutput = await ask({ action: 's3:ListBucketMultipartUploads', on: `s3://${Bucket}` }, () =>
      s3.listMultipartUploads({ ...named, ...marker }, { abortSignal: signal }),
    );
    await Promise.all(
      (page.Uploads ?? []).map(({ Key, UploadId }) =>
        ask({ action: 's3:AbortMultipartUpload', on: `s3://${Bucket}/${Key}` }, () =>
          s3.abortMultipartUpload({ ...named, Key: Key!, UploadId: UploadId! }, { abortSignal: signal }),
        ).catch((thrown: unknown) => {
          if (!isCode(thrown, 'NoSuchUpload')) throw thrown;
        }),
      ),
    );
    from = page.IsTruncated === true ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  }
}
