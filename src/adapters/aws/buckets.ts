/** S3 buckets of one account in one region. Every call passes the expected owner, so a foreign bucket of that name returns 403. */
import type { BucketLifecycleConfiguration, LifecycleRule as SdkRule, S3 } from '@aws-sdk/client-s3';
import type { Buckets, LifecycleRule, Tags } from '../../ports/buckets.ts';
import { stop } from '../../problems/problem.ts';
import { bucketContents } from './bucket-contents.ts';
import { createBucket } from './bucket-creation.ts';
import { emptyBucket } from './bucket-emptying.ts';
import { bucketKeys } from './bucket-keys.ts';
import { lookAtBucket, readAtOnce, readTags } from './bucket-look.ts';
import type { Clients } from './clients.ts';
import { ask, askFor, isCode, slim } from './failures.ts';
import type { At } from './bucket-at.ts';
import { patiently } from './retry.ts';

/** How long a newly created bucket may still appear absent. */
const FRESH_MS = 20_000;

export function buckets(clients: Clients, account: string): Buckets {
  // A bucket created a moment ago may not be known everywhere yet.
  const fresh = new Set<string>();
  const at = async (name: string): Promise<At> => ({ s3: await clients.s3(), region: clients.region, owner: account, Bucket: name });
  const named = (name: string) => ({ Bucket: name, ExpectedBucketOwner: account });

  // S3 rejects a change of a bucket while another one is settling.
  const write = (action: string, name: string, call: (s3: S3) => Promise<unknown>): Promise<void> =>
    ask({ action, on: `s3://${name}` }, async () => {
      const s3 = await clients.s3();
      const codes = fresh.has(name) ? ['OperationAborted', 'NoSuchBucket'] : ['OperationAborted'];
      await patiently({ codes, forMs: 120_000, exchanges: clients.exchanges }, () => call(s3));
    });

  const setTags = async (name: string, tags: Tags): Promise<void> => {
    // AWS keeps tags of its own on a bucket (CloudFormation's) and rejects a set without them.
    const system = Object.entries(await readTags(await at(name))).filter(([key]) => key.startsWith('aws:'));
    const TagSet = Object.entries({ ...tags, ...Object.fromEntries(system) }).map(([Key, Value]) => ({ Key, Value }));
    await (TagSet.length === 0
      ? write('s3:PutBucketTagging', name, (s3) => s3.deleteBucketTagging(named(name)))
      : write('s3:PutBucketTagging', name, (s3) => s3.putBucketTagging({ ...named(name), Tagging: { TagSet } })));
  };

  return {
    async look(name) {
      const until = Date.now() + FRESH_MS;
      for (;;) {
        const found = await (fresh.has(name) ? readAtOnce(await at(name)) : lookAtBucket(await at(name), clients.otherS3));
        if (found.is !== 'absent' || !fresh.has(name) || Date.now() > until) return found;
        await clients.exchanges.pause(500);
      }
    },

    async create(name, options) {
      await createBucket(await at(name), options);
      fresh.add(name);
    },

    setTags,

    blockPublicAccess: (name) =>
      write('s3:PutBucketPublicAccessBlock', name, (s3) =>
        s3.putPublicAccessBlock({
          ...named(name),
          PublicAccessBlockConfiguration: { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true },
        }),
      ),

    setPolicy: (name, policy) =>
      policy === undefined
        ? write('s3:DeleteBucketPolicy', name, (s3) => s3.deleteBucketPolicy(named(name)))
        : write('s3:PutBucketPolicy', name, (s3) => s3.putBucketPolicy({ ...named(name), Policy: JSON.stringify(policy) })),

    setEncryption: (name, encryption) =>
      write('s3:PutEncryptionConfiguration', name, (s3) =>
        s3.putBucketEncryption({
          ...named(name),
          ServerSideEncryptionConfiguration: {
            Rules: [
              encryption.algorithm === 'AES256'
                ? { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }
                : {
                    ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: encryption.key },
                    BucketKeyEnabled: encryption.bucketKey,
                  },
            ],
          },
        }),
      ),

    setLifecycle: (name, rules) => setLifecycle(name, rules),

    contents: async (name, limit) => bucketContents(await at(name), limit),
    keys: async (name, options) => bucketKeys(await at(name), options),
    empty: async (name, options) => emptyBucket(await at(name), options),
    delete: deleteBucket,
  };

  async function setLifecycle(name: string, rules: readonly LifecycleRule[]): Promise<void> {
    if (rules.length === 0) return write('s3:PutLifecycleConfiguration', name, (s3) => s3.deleteBucketLifecycle(named(name)));
    const s3 = await clients.s3();
    const absent = ['NoSuchLifecycleConfiguration', 'NoSuchBucket'];
    const before = fresh.has(name)
      ? undefined
      : await askFor({ action: 's3:GetLifecycleConfiguration', on: `s3://${name}`, absent }, () => s3.getBucketLifecycleConfiguration(named(name)));
    const LifecycleConfiguration: BucketLifecycleConfiguration = { Rules: rules.map(toSdkRule) };
    await write('s3:PutLifecycleConfiguration', name, () =>
      s3.putBucketLifecycleConfiguration({
        ...named(name),
        LifecycleConfiguration,
        // Part of the whole configuration; it resets to its default if omitted.
        ...(before?.TransitionDefaultMinimumObjectSize && { TransitionDefaultMinimumObjectSize: before.TransitionDefaultMinimumObjectSize }),
      }),
    );
  }

  async function deleteBucket(name: string): Promise<void> {
    const s3 = await clients.s3();
    const asked = { action: 's3:DeleteBucket', on: `s3://${name}` };
    try {
      // A writer's last object may arrive between emptying and this.
      await patiently({ codes: ['OperationAborted'], forMs: 120_000, exchanges: clients.exchanges }, () => s3.deleteBucket(named(name)));
    } catch (thrown) {
      if (isCode(thrown, 'BucketNotEmpty')) {
        throw stop(
          'BUCKET_NOT_EMPTY',
          { message: `The bucket ${name} can't be deleted: it still contains objects, versions or delete markers` },
          { cause: slim(thrown) },
        );
      }
      await askFor({ ...asked, absent: ['NoSuchBucket'] }, () => Promise.reject(thrown));
    }
    fresh.delete(name);
  }
}

/** Dates are strings in our documents; the SDK expects Date objects. */
function toSdkRule(rule: LifecycleRule): SdkRule {
  const dated = <T>(part: T): T => {
    const date = (part as { readonly Date?: unknown } | undefined)?.Date;
    return typeof date === 'string' ? { ...part, Date: new Date(date) } : part;
  };
  const { Expiration, Transitions } = rule as { readonly Expiration?: object; readonly Transitions?: readonly object[] };
  return {
    ...(rule as object),
    ...(Expiration && { Expiration: dated(Expiration) }),
    ...(Transitions && { Transitions: Transitions.map(dated) }),
  } as SdkRule;
}
