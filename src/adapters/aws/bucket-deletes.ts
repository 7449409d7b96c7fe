/** Batch deletes: HTTP 200 says nothing about a single key, and a busy S3 is retried at its own pace. */
import type { _Error } from '@aws-sdk/client-s3';
import type { At } from './bucket-at.ts';
import { ask } from './failures.ts';
import { paced, type Pace } from './throttle.ts';
import { bytesOf, onAnswer, withBody } from './raw-http.ts';

export interface Version {
  readonly key: string;
  readonly versionId: string;
}

export interface Deletes {
  /** Adds them to the next batches; resolves when the caller may continue. Throws the first failure of a batch. */
  add(versions: readonly Version[]): Promise<void>;
  /** Resolves when nothing is in flight any more. */
  flush(): Promise<void>;
  readonly deleted: number;
  /** The first ones. */
  readonly refused: readonly Refusal[];
  /** How many in total. */
  readonly refusals: number;
}

export interface Refusal extends Version {
  readonly code: string;
  readonly message: string;
}

/** The maximum per request. */
const BATCH = 1000;
/** The number of refusals to keep for display. */
const SHOWN = 20;
const ATTEMPTS = 12;
/** Error codes that ask to retry a single key later. */
const PASSING = new Set(['SlowDown', 'InternalError', 'ServiceUnavailable', 'RequestTimeout', 'TooManyRequestsException', 'Throttling']);
/** Responses to a whole call when S3 is too busy for it. */
const BUSY = new Set([429, 500, 503]);
/** Characters that XML 1.0 can't represent, so that such a key has to be deleted by its URL. */
const NOT_IN_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** Off-heap: what waits for S3 would be promoted out of the young generation, and the old generation is collected late. */
interface Batch {
  readonly body: Buffer;
  readonly size: number;
}

export function deletes(at: At, { signal, progress, pace = paced() }: { signal: AbortSignal; progress: (deleted: number) => void; pace?: Pace }): Deletes {
  const running = new Set<Promise<void>>();
  const ready: Batch[] = [];
  const apart: Version[] = [];
  const refused: Refusal[] = [];
  let pending: string[] = [];
  let deleted = 0;
  let refusals = 0;
  let failure: { readonly thrown: unknown } | undefined;

  const refuse = ({ Key = '', VersionId = 'null', Code = '', Message = '' }: _Error) => {
    refusals += 1;
    if (refused.length < SHOWN) refused.push({ key: Key, versionId: VersionId, code: Code, message: Message });
  };
  const deleteBatch = async (batch: Batch): Promise<void> => {
    let left: Batch | undefined = batch;
    for (let attempt = 1; left !== undefined; attempt += 1) {
      const turn = await pace.begin(signal);
      try {
        const errors = await tryDelete(at, left, { signal, last: attempt >= ATTEMPTS });
        if (errors === 'busy') {
          turn.slow();
          continue;
        }
        const again: Version[] = [];
        for (const error of errors) {
          if (attempt < ATTEMPTS && PASSING.has(error.Code ?? '')) again.push({ key: error.Key!, versionId: error.VersionId ?? 'null' });
          else refuse(error);
        }
        if (again.length > 0) turn.slow();
        else turn.fine();
        deleted += left.size - errors.length;
        progress(deleted);
        left = again.length > 0 ? batchOf(again.map(asXml)) : undefined;
      } finally {
        turn.over();
      }
    }
  };
  const send = async (): Promise<void> => {
    while (ready.length + apart.length > 0) {
      if (failure !== undefined) throw failure.thrown;
      // One batch more than may run is prepared; the listing waits with the rest.
      while (running.size > pace.width) await Promise.race(running);
      const [batch, single] = [ready.shift(), apart.shift()];
      const work = Promise.all([batch && deleteBatch(batch), single && deleteApart(at, single, signal).then(() => (deleted += 1))]).then(
        () => void running.delete(work),
        (thrown: unknown) => {
          failure ??= { thrown };
          running.delete(work);
        },
      );
      running.add(work);
    }
  };
  return {
    // Not async: the arguments must not be kept alive while waiting for S3.
    add(versions) {
      for (const version of versions) {
        if (NOT_IN_XML.test(version.key)) apart.push(version);
        else if (pending.push(asXml(version)) === BATCH) {
          ready.push(batchOf(pending));
          pending = [];
        }
      }
      return send();
    },
    async flush() {
      if (pending.length > 0) ready.push(batchOf(pending));
      pending = [];
      await send().catch(() => undefined);
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

const asXml = ({ key, versionId }: Version): string => `<Object><Key>${escaped(key)}</Key><VersionId>${escaped(versionId)}</VersionId></Object>`;
const MARKS: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;', '\n': '&#10;', '\t': '&#9;' };
const escaped = (text: string): string => text.replaceAll(/[&<>\r\n\t]/g, (mark) => MARKS[mark]!);

const batchOf = (objects: readonly string[]): Batch => ({
  body: Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${objects.join('')}</Delete>`,
  ),
  size: objects.length,
});

/** The errors of single keys, or `busy` if S3 had no time for any of them. The last attempt is left to the SDK, which says why it failed. */
async function tryDelete(
  at: At,
  { body }: Batch,
  { signal, last }: { readonly signal: AbortSignal; readonly last: boolean },
): Promise<readonly _Error[] | 'busy'> {
  const { DeleteObjectsCommand } = await import('@aws-sdk/client-s3');
  const command = new DeleteObjectsCommand({ Bucket: at.Bucket, ExpectedBucketOwner: at.owner, Delete: { Objects: [] } });
  withBody(command, body);
  let busy = false;
  onAnswer(command, async (answer) => {
    if (last || !BUSY.has(answer.statusCode)) return;
    // We control the pace: the SDK would retry by itself, and as often as before.
    busy = true;
    await bytesOf(answer.body);
    answer.statusCode = 200;
    answer.body = Buffer.from('<DeleteResult/>');
  });
  const answer = await ask({ action: 's3:DeleteObject', on: `s3://${at.Bucket}/*` }, () => at.s3.send(command, { abortSignal: signal }));
  return busy ? 'busy' : (answer.Errors ?? []);
}

async function deleteApart({ s3, Bucket, owner }: At, { key, versionId }: Version, signal: AbortSignal): Promise<void> {
  await ask({ action: 's3:DeleteObject', on: `s3://${Bucket}/*` }, () =>
    s3.deleteObject({ Bucket, ExpectedBucketOwner: owner, Key: key, VersionId: versionId }, { abortSignal: signal }),
  );
}
