/** Deleting by the thousand: HTTP 200 says nothing of the single key, and a busy S3 is asked again at its own pace. */
import type { ObjectIdentifier, _Error } from '@aws-sdk/client-s3';
import type { At } from './buckets.ts';
import { ask } from './failures.ts';
import { paced, type Pace } from './pace.ts';
import { bytesOf, onAnswer } from './raw-answer.ts';

export interface Deletes {
  /** Takes them into the next batch; resolves when the caller may go on. Throws the first failure of a batch. */
  add(objects: readonly ObjectIdentifier[]): Promise<void>;
  /** Resolves when nothing is under way any more. */
  flush(): Promise<void>;
  readonly deleted: number;
  readonly refused: readonly Refusal[];
  /** All that were refused: `refused` holds the first ones only. */
  readonly refusals: number;
}

export interface Refusal {
  readonly key: string;
  readonly versionId: string;
  readonly code: string;
  readonly message: string;
}

/** S3 takes no more at once. */
const BATCH = 1000;
/** So many refusals are kept to be shown. */
const SHOWN = 20;
const ATTEMPTS = 12;
/** Codes that ask for patience, for a whole call or for one key. */
const PASSING = new Set(['SlowDown', 'InternalError', 'ServiceUnavailable', 'RequestTimeout', 'TooManyRequestsException', 'Throttling']);
/** What a whole call may be answered with when S3 is too busy for it. */
const BUSY = new Set([429, 500, 503]);
/** What no XML 1.0 can carry, so that such a key has to be deleted by its address. */
// eslint-disable-next-line no-control-regex
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

export function deletes(at: At, { signal, progress, pace = paced() }: { signal: AbortSignal; progress: (deleted: number) => void; pace?: Pace }): Deletes {
  const running = new Set<Promise<void>>();
  const refused: Refusal[] = [];
  let pending: ObjectIdentifier[] = [];
  let deleted = 0;
  let refusals = 0;
  let failure: { readonly thrown: unknown } | undefined;

  const settle = ({ Key = '', VersionId = 'null', Code = '', Message = '' }: _Error) => {
    refusals += 1;
    if (refused.length < SHOWN) refused.push({ key: Key, versionId: VersionId, code: Code, message: Message });
  };
  const deleteAll = async (batch: readonly ObjectIdentifier[]): Promise<void> => {
    let left = batch;
    for (let attempt = 1; left.length > 0; attempt += 1) {
      const turn = await pace.begin(signal);
      try {
        const errors = await tryDelete(at, left, { signal, last: attempt >= ATTEMPTS });
        if (errors === 'busy') {
          turn.slow();
          continue;
        }
        const again = attempt < ATTEMPTS ? errors.filter(({ Code }) => PASSING.has(Code ?? '')) : [];
        for (const error of errors) if (!again.includes(error)) settle(error);
        if (again.length > 0) turn.slow();
        else turn.fine();
        deleted += left.length - errors.length;
        progress(deleted);
        left = again.map(({ Key, VersionId }) => ({ Key: Key!, VersionId }));
      } finally {
        turn.over();
      }
    }
  };
  const send = async (batch: readonly ObjectIdentifier[]): Promise<void> => {
    // One batch more than may run is made ready; the listing waits with the rest.
    while (running.size > pace.width) await Promise.race(running);
    const work: Promise<void> = deleteAll(batch)
      .catch((thrown: unknown) => {
        failure ??= { thrown };
      })
      .finally(() => running.delete(work));
    running.add(work);
  };
  return {
    async add(objects) {
      if (failure !== undefined) throw failure.thrown;
      pending.push(...objects);
      while (pending.length >= BATCH) await send(pending.splice(0, BATCH));
    },
    async flush() {
      const rest = pending;
      pending = [];
      if (rest.length > 0 && failure === undefined) await send(rest);
      await Promise.all(running);
      if (failure !== undefined) throw failure.thrown;
    },
    refused,
    get deleted() {
      return deleted;
    },
    get refusals() {
      return refusals;
    },
  };
}

/** The errors of single keys, or `busy` when S3 had no time for any of them. The last attempt is left to the SDK, which says why it failed. */
async function tryDelete(
  at: At,
  keys: readonly ObjectIdentifier[],
  { signal, last }: { readonly signal: AbortSignal; readonly last: boolean },
): Promise<readonly _Error[] | 'busy'> {
  const strange = keys.filter(({ Key }) => NOT_IN_XML.test(Key!));
  if (strange.length > 0) return deleteApart(at, keys, { strange, signal, last });
  const { DeleteObjectsCommand } = await import('@aws-sdk/client-s3');
  const command = new DeleteObjectsCommand({ Bucket: at.Bucket, ExpectedBucketOwner: at.owner, Delete: { Quiet: true, Objects: [...keys] } });
  let busy = false;
  onAnswer(command, async (answer) => {
    if (last || !BUSY.has(answer.statusCode)) return;
    // The pace is ours to keep: the SDK would ask again by itself, and as often as before.
    busy = true;
    await bytesOf(answer.body);
    answer.statusCode = 200;
    answer.body = Buffer.from('<DeleteResult/>');
  });
  const answer = await ask({ action: 's3:DeleteObject', on: `s3://${at.Bucket}/*` }, () => at.s3.send(command, { abortSignal: signal }));
  return busy ? 'busy' : (answer.Errors ?? []);
}

async function deleteApart(
  at: At,
  keys: readonly ObjectIdentifier[],
  { strange, ...how }: { readonly strange: readonly ObjectIdentifier[]; readonly signal: AbortSignal; readonly last: boolean },
): Promise<readonly _Error[] | 'busy'> {
  for (const { Key, VersionId } of strange) {
    await ask({ action: 's3:DeleteObject', on: `s3://${at.Bucket}/*` }, () =>
      at.s3.deleteObject({ Bucket: at.Bucket, ExpectedBucketOwner: at.owner, Key, VersionId }, { abortSignal: how.signal }),
    );
  }
  const others = keys.filter((key) => !strange.includes(key));
  return others.length === 0 ? [] : tryDelete(at, others, how);
}
