/** Inspects a bucket's settings, with parallel reads. */
import type { ServerSideEncryptionConfiguration } from '@aws-sdk/client-s3';
import type { Json } from '../../engine/types.ts';
import type { BucketLook, Encryption, LifecycleRule, Tags } from '../../ports/buckets.ts';
import type { At } from './bucket-at.ts';
import type { Clients } from './clients.ts';
import { readDocument } from './documents.ts';
import { askFor, isCode, readError, translated } from './failures.ts';

export async function lookAtBucket(at: At, otherS3: Clients['otherS3']): Promise<BucketLook> {
  const head = await headBucket(at);
  if (head.is === 'there' && (head.region ?? at.region) === at.region) {
    // It may be deleted while we are reading.
    return readAtOnce(at);
  }
  if (head.is === 'there') return { is: 'elsewhere', region: head.region! };
  if (head.is !== 'redirected') return { is: head.is };
  // S3 redirects before it checks the owner, so the bucket's owner has to be checked in the region of the redirect.
  const s3 = await otherS3({ region: head.region });
  try {
    const there = await headBucket({ ...at, s3, region: head.region });
    return there.is === 'there' ? { is: 'elsewhere', region: head.region } : { is: there.is === 'absent' ? 'absent' : 'foreign' };
  } finally {
    s3.destroy();
  }
}

/** Skips the check of region and owner: for a bucket that was created here a moment ago. `absent` if it is gone. */
export async function readAtOnce(at: At): Promise<BucketLook> {
  try {
    return await readBucket(at);
  } catch (thrown) {
    if (isCode(thrown, 'NoSuchBucket')) return { is: 'absent' };
    throw thrown;
  }
}

type Head =
  | { readonly is: 'there'; readonly region?: string }
  | { readonly is: 'absent' }
  | { readonly is: 'foreign' }
  | { readonly is: 'redirected'; readonly region: string };

async function headBucket(at: At): Promise<Head> {
  const { s3, region, owner, Bucket } = at;
  try {
    const { BucketRegion } = await s3.headBucket({ Bucket, ExpectedBucketOwner: owner });
    return { is: 'there', region: BucketRegion };
  } catch (thrown) {
    // HEAD has no body and thus no error code: only the status and the region header.
    const { status, headers } = readError(thrown);
    const elsewhere = headers['x-amz-bucket-region'];
    if (status === 404) return { is: 'absent' };
    if ((status === 301 || status === 400) && elsewhere !== undefined && elsewhere !== region) return { is: 'redirected', region: elsewhere };
    if (status === 400 || status === 403) return askAgain(at);
    throw translated(thrown, { action: 's3:ListBucket', on: `s3://${Bucket}` });
  }
}

/** 403 is a foreign bucket, but also a missing s3:ListBucket or an expired session: a response with a body tells them apart. */
async function askAgain(at: At): Promise<Head> {
  try {
    await readVersioning(at);
    return { is: 'there' };
  } catch (thrown) {
    if (isCode(thrown, 'NoSuchBucket')) return { is: 'absent' };
    if (isCode(thrown, 'AccessDenied', 'AllAccessDisabled')) return { is: 'foreign' };
    throw thrown;
  }
}

async function readBucket(at: At): Promise<BucketLook> {
  const [tags, publicAccessBlocked, policy, encryption, lifecycle, versioning, objectLock] = await Promise.all([
    readTags(at),
    readPublicAccess(at),
    readPolicy(at),
    readEncryption(at),
    readLifecycle(at),
    readVersioning(at),
    readObjectLock(at),
  ]);
  return {
    is: 'ours-to-read',
    name: at.Bucket,
    region: at.region,
    tags,
    publicAccessBlocked,
    ...(policy !== undefined && { policy }),
    ...(encryption !== undefined && { encryption }),
    lifecycle,
    versioning,
    objectLock,
  };
}

/** A single read for which this code means "not set". */
function read<T>(
  { Bucket, owner }: At,
  of: { readonly action: string; readonly absent: readonly string[] },
  call: (named: { readonly Bucket: string; readonly ExpectedBucketOwner: string }) => Promise<T>,
): Promise<T | undefined> {
  return askFor({ ...of, on: `s3://${Bucket}` }, () => call({ Bucket, ExpectedBucketOwner: owner }));
}

export async function readTags(at: At): Promise<Tags> {
  const answer = await read(at, { action: 's3:GetBucketTagging', absent: ['NoSuchTagSet'] }, (named) => at.s3.getBucketTagging(named));
  return Object.fromEntries((answer?.TagSet ?? []).map(({ Key, Value }) => [Key!, Value ?? '']));
}

async function readPublicAccess(at: At): Promise<boolean> {
  const answer = await read(at, { action: 's3:GetBucketPublicAccessBlock', absent: ['NoSuchPublicAccessBlockConfiguration'] }, (named) =>
    at.s3.getPublicAccessBlock(named),
  );
  const set = answer?.PublicAccessBlockConfiguration;
  return [set?.BlockPublicAcls, set?.IgnorePublicAcls, set?.BlockPublicPolicy, set?.RestrictPublicBuckets].every((on) => on === true);
}

async function readPolicy(at: At): Promise<Json | undefined> {
  const answer = await read(at, { action: 's3:GetBucketPolicy', absent: ['NoSuchBucketPolicy'] }, (named) => at.s3.getBucketPolicy(named));
  return answer?.Policy === undefined ? undefined : readDocument(answer.Policy);
}

async function readEncryption(at: At): Promise<Encryption | undefined> {
  const answer = await read(at, { action: 's3:GetEncryptionConfiguration', absent: ['ServerSideEncryptionConfigurationNotFoundError'] }, (named) =>
    at.s3.getBucketEncryption(named),
  );
  return toEncryption(answer?.ServerSideEncryptionConfiguration);
}

/** Double-layer KMS counts as KMS: like KMS, and unlike AES256, it needs the key's permissions. */
function toEncryption(set: ServerSideEncryptionConfiguration | undefined): Encryption | undefined {
  const rule = set?.Rules?.[0];
  const by = rule?.ApplyServerSideEncryptionByDefault;
  if (by?.SSEAlgorithm === undefined) return undefined;
  if (by.SSEAlgorithm === 'AES256') return { algorithm: 'AES256' };
  return { algorithm: 'aws:kms', key: by.KMSMasterKeyID ?? 'alias/aws/s3', bucketKey: rule?.BucketKeyEnabled === true };
}

async function readLifecycle(at: At): Promise<readonly LifecycleRule[]> {
  const answer = await read(at, { action: 's3:GetLifecycleConfiguration', absent: ['NoSuchLifecycleConfiguration'] }, (named) =>
    at.s3.getBucketLifecycleConfiguration(named),
  );
  // Through JSON: dates become strings, and undefined fields are dropped.
  return JSON.parse(JSON.stringify(answer?.Rules ?? [])) as readonly LifecycleRule[];
}

async function readVersioning(at: At): Promise<'off' | 'on' | 'suspended'> {
  const answer = await read(at, { action: 's3:GetBucketVersioning', absent: [] }, (named) => at.s3.getBucketVersioning(named));
  if (answer?.Status === 'Enabled') return 'on';
  return answer?.Status === 'Suspended' ? 'suspended' : 'off';
}

async function readObjectLock(at: At): Promise<boolean> {
  const answer = await read(
    at,
    { action: 's3:GetBucketObjectLockConfiguration', absent: ['ObjectLockConfigurationNotFoundError', 'NotImplemented', 'MethodNotAllowed'] },
    (named) => at.s3.getObjectLockConfiguration(named),
  );
  return answer?.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
}
