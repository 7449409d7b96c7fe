/** Creating a bucket: region and namespace rules, and the ways in which a name can be rejected. */
import type { Tags } from '../../ports/buckets.ts';
import { stop, type ProblemCode } from '../../problems/problem.ts';
import { readTags } from './bucket-look.ts';
import type { At } from './bucket-at.ts';
import { readError, slim, translated } from './failures.ts';

export interface NewBucket {
  readonly namespace: 'account-regional' | 'global';
  readonly tags: Tags;
}

/** How an endpoint that does not know the account-regional namespace rejects it. */
const unsupported = ['InvalidRequest', 'NotImplemented', 'InvalidBucketNamespace', 'InvalidNamespaceHeader', 'InvalidArgument'];
/** Regions where it is known not to exist. */
const withoutNamespace = new Set(['me-south-1', 'me-central-1']);

export async function createBucket(at: At, options: NewBucket): Promise<void> {
  const regional = options.namespace === 'account-regional';
  if (regional && withoutNamespace.has(at.region)) throw noNamespace(at);
  await refuseWhereMakingProvesNothing(at);
  try {
    await at.s3.createBucket({
      Bucket: at.Bucket,
      ...(regional && { BucketNamespace: 'account-regional' }),
      CreateBucketConfiguration: {
        // S3 rejects us-east-1's own name here; every other region has to be given.
        ...(at.region !== 'us-east-1' && { LocationConstraint: at.region as 'eu-west-1' }),
        Tags: Object.entries(options.tags).map(([Key, Value]) => ({ Key, Value })),
      },
    });
  } catch (thrown) {
    if (await madeByLostAttempt(thrown, at, options.tags)) return;
    throw refused(thrown, at, regional);
  }
}

/** us-east-1 alone reports success for an existing bucket that we own: a bucket that was not created here must not be rolled back later. */
async function refuseWhereMakingProvesNothing(at: At): Promise<void> {
  if (at.region !== 'us-east-1') return;
  const there = await at.s3.headBucket({ Bucket: at.Bucket, ExpectedBucketOwner: at.owner }).then(
    () => true,
    () => false,
  );
  if (there) throw stop('BUCKET_EXISTS', { message: madeMeanwhile(at) });
}

const madeMeanwhile = (at: At) => `Another client has just created the bucket ${at.Bucket}`;

/** The SDK retried after a lost response, and met the bucket it had created: then it has our tags, or none yet. */
async function madeByLostAttempt(thrown: unknown, at: At, tags: Tags): Promise<boolean> {
  const error = readError(thrown);
  if (error.name !== 'BucketAlreadyOwnedByYou') return false;
  const kept = await readTags(at).catch(() => undefined);
  if (kept === undefined) return false;
  const ours = Object.entries(tags).every(([key, value]) => kept[key] === value);
  return ours || ((error.attempts ?? 1) > 1 && Object.keys(kept).length === 0);
}

const noNamespace = (at: At, cause?: unknown) =>
  stop(
    'BUCKET_NAMESPACE_UNSUPPORTED',
    {
      message: `Region ${at.region} does not support the account-regional namespace of the bucket name ${at.Bucket}`,
      evidence: cause === undefined ? [] : [readError(cause).message],
    },
    { ...(cause !== undefined && { cause: slim(cause) }) },
  );

function refused(thrown: unknown, at: At, regional: boolean): unknown {
  const { name, message } = readError(thrown);
  const say = (code: ProblemCode, text: string) => stop(code, { message: text, evidence: [`${name}: ${message}`] }, { cause: slim(thrown) });
  // The last one is returned for a name with an account-regional suffix that is requested in the global namespace.
  if (regional ? unsupported.includes(name) : name === 'MissingNamespaceHeader') return noNamespace(at, thrown);
  switch (name) {
    case 'BucketAlreadyExists':
      return say('BUCKET_TAKEN', `The bucket name ${at.Bucket} belongs to another account`);
    case 'BucketAlreadyOwnedByYou':
      return say('BUCKET_EXISTS', madeMeanwhile(at));
    case 'OperationAborted':
      return say('BUCKET_RECENTLY_DELETED', `The bucket name ${at.Bucket} is not available yet: a bucket of that name was deleted recently`);
    case 'InvalidBucketName':
      return say('BUCKET_NAME_INVALID', `S3 rejects ${JSON.stringify(at.Bucket)} as a bucket name`);
    default:
      return translated(thrown, { action: 's3:CreateBucket', on: `s3://${at.Bucket}` });
  }
}
