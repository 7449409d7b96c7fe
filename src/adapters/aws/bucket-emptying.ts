/** Emptying a bucket: listing and deleting overlap, memory stays flat, and S3 is given the pace it asks for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListMultipartUploadsCommandOutput, ListObjectVersionsCommandOutput, ObjectIdentifier } from '@aws-sdk/client-s3';
import { stop } from '../../problems/problem.ts';
import type { At } from './buckets.ts';
import { ask, isCode } from './failures.ts';

export interface Emptying {
  readonly signal: AbortSignal;
  readonly progress: (deleted: number) => void;
}

interface Marker {
  readonly KeyMarker?: string;
  readonly VersionIdMarker?: string;
}

/** Codes that ask for patience, for a whole call or for one key. */
const passing = ['SlowDown', 'InternalError', 'ServiceUnavailable', 'RequestTimeout', 'TooManyRequestsException', 'Throttling'];
/** A bucket that is still not empty after so many rounds is being written to. */
const maxRounds = 20;

/** What one emptying keeps in mind; nothing of it grows with the bucket but the counters. */
interface Progress {
  deleted: number;
  refused: number;
  readonly reasons: string[];
}

/**
 * Deletes all versions, delete markers, objects and multipart uploads. Throws BUCKET_NOT_EMPTIED with the first refused
 * keys, BUCKET_STILL_WRITTEN when new objects keep coming, and the signal's reason when aborted.
 */
export async function emptyBucket(at: At, emptying: Emptying): Promise<void> {
  try {
    await emptyInRounds(at, emptying);
  } catch (thrown) {
    // The SDK says "Request aborted" where the caller wants its own reason back.
    emptying.signal.throwIfAborted();
    throw thrown;
  }
}

async function emptyInRounds(at: At, { signal, progress }: Emptying): Promise<void> {
  const total: Progress = { deleted: 0, refused: 0, reasons: [] };
  const pace = paced();
  for (let round = 1; ; round++) {
    if (round > maxRounds) throw stop('BUCKET_STILL_WRITTEN', { message: `The bucket ${at.Bucket} fills while it is emptied: something still writes to it` });
    const before = total.deleted;
    total.refused = 0;
    total.reasons.length = 0;
    const listed = await deleteRound(at, { signal, total, pace, progress });
    if (listed === 0) break;
    if (total.refused > 0 && total.deleted === before) throw notEmptied(at, total);
  }
  await abortUploads(at, signal);
}

const notEmptied = (at: At, total: Progress) =>
  stop('BUCKET_NOT_EMPTIED', {
    message: `S3 refuses to delete ${total.refused} object${total.refused === 1 ? '' : 's'} of ${at.Bucket}`,
    evidence: [`deleted ${total.deleted}`, ...total.reasons],
  });

interface Round extends Emptying {
  readonly total: Progress;
  readonly pace: Pace;
}

/**
 * One walk over the listing from its start; returns how many entries it saw. A listing that is deleted from while it is
 * paged may skip entries, hence the rounds.
 */
async function deleteRound(at: At, round: Round): Promise<number> {
  const running = new Set<Promise<void>>();
  let failure: { readonly thrown: unknown } | undefined;
  let seen = 0;
  let from: Marker | undefined = {};
  try {
    while (from !== undefined && failure === undefined) {
      round.signal.throwIfAborted();
      const marker: Marker = from;
      const page: ListObjectVersionsCommandOutput = await ask({ action: 's3:ListBucketVersions', on: `s3://${at.Bucket}` }, () =>
        at.s3.listObjectVersions({ Bucket: at.Bucket, ExpectedBucketOwner: at.owner, MaxKeys: 1000, ...marker }, { abortSignal: round.signal }),
      );
      const batch = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({ Key: Key!, VersionId }));
      from = page.IsTruncated === true ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined;
      if (batch.length === 0) continue;
      seen += batch.length;
      while (running.size >= round.pace.width()) await Promise.race(running);
      const work: Promise<void> = deleteBatch(at, batch, round)
        .catch((thrown: unknown) => {
          failure ??= { thrown };
        })
        .finally(() => running.delete(work));
      running.add(work);
    }
  } finally {
    // Nothing may still be deleting when this is over, however it ends.
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.thrown;
  return seen;
}

/** At most 1000 keys. HTTP 200 says nothing of the single key: each may have an error of its own. */
async function deleteBatch(at: At, batch: readonly ObjectIdentifier[], { signal, total, pace, progress }: Round): Promise<void> {
  let left = batch;
  for (let attempt = 0; left.length > 0; attempt++) {
    signal.throwIfAborted();
    if (attempt > 0) await sleep(Math.min(500 * 2 ** attempt, 20_000) * (0.5 + Math.random()), undefined, { signal });
    const outcome = await tryDelete(at, left, { signal, pace, last: attempt >= 8 });
    if (outcome === 'slow') continue;
    const again = attempt < 8 ? outcome.filter(({ Code }) => passing.includes(Code ?? '')) : [];
    for (const { Key, VersionId, Code, Message } of outcome) {
      if (attempt < 8 && passing.includes(Code ?? '')) continue;
      total.refused += 1;
      if (total.reasons.length < 20)
        total.reasons.push(`${Key}${VersionId === undefined || VersionId === 'null' ? '' : ` (version ${VersionId})`}: ${Code}: ${Message}`);
    }
    total.deleted += left.length - outcome.length;
    progress(total.deleted);
    if (again.length > 0) pace.slower();
    left = again.map(({ Key, VersionId }) => ({ Key: Key!, VersionId }));
  }
}

async function tryDelete(
  at: At,
  keys: readonly ObjectIdentifier[],
  { signal, pace, last }: { readonly signal: AbortSignal; readonly pace: Pace; readonly last: boolean },
) {
  const { s3, Bucket, owner } = at;
  try {
    const answer = await ask({ action: 's3:DeleteObject', on: `s3://${Bucket}/*` }, () =>
      s3.deleteObjects({ Bucket, ExpectedBucketOwner: owner, Delete: { Quiet: true, Objects: [...keys] } }, { abortSignal: signal }),
    );
    // The SDK's own retries are invisible but for their count, and mean the same.
    if ((answer.$metadata.attempts ?? 1) > 1) pace.slower();
    else pace.faster();
    return answer.Errors ?? [];
  } catch (thrown) {
    signal.throwIfAborted();
    if (last || !isCode(thrown, ...passing)) throw thrown;
    pace.slower();
    return 'slow' as const;
  }
}

/** S3 counts every key of a batch against its limit: begin with few batches at once, widen while it is content, halve when it is not. */
interface Pace {
  readonly width: () => number;
  readonly faster: () => void;
  readonly slower: () => void;
}
function paced(): Pace {
  let width = 4;
  let clean = 0;
  return {
    width: () => width,
    faster: () => {
      clean += 1;
      if (clean < width * 2) return;
      width = Math.min(width * 2, 16);
      clean = 0;
    },
    slower: () => {
      width = Math.max(1, Math.floor(width / 2));
      clean = 0;
    },
  };
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
          s3.abortMultipartUpload({ ...named, Key: Key!, UploadId: UploadId! }),
        ).catch((thrown: unknown) => {
          if (!isCode(thrown, 'NoSuchUpload')) throw thrown;
        }),
      ),
    );
    from = page.IsTruncated === true ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  }
}
