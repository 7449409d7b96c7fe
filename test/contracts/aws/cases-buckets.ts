/** The contract on S3 buckets and their settings. */
import * as s3 from '@aws-sdk/client-s3';
import type { Bench, ContractCase } from './case.ts';
import { messageOf, outcome } from './case.ts';
import { accountId, region } from './target.ts';

async function bucket(api: Bench, more: Partial<s3.CreateBucketCommandInput> = {}): Promise<{ readonly Bucket: string; readonly send: s3.S3Client['send'] }> {
  const client = api.s3();
  const Bucket = more.Bucket ?? api.name();
  await client.send(new s3.CreateBucketCommand({ ...more, Bucket }));
  return { Bucket, send: client.send.bind(client) as s3.S3Client['send'] };
}

const tlsOnly = (name: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'TlsOnly',
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [`arn:aws:s3:::${name}`, `arn:aws:s3:::${name}/*`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ],
  });

export const bucketCases: readonly ContractCase[] = [
  {
    name: 'CreateBucket in its region, again, and where it is',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      return [await outcome(send(new s3.CreateBucketCommand({ Bucket }))), (await send(new s3.GetBucketLocationCommand({ Bucket }))).LocationConstraint];
    },
    expected: ['BucketAlreadyOwnedByYou 409', region],
  },
  {
    name: 'CreateBucket in us-east-1 twice, and named there',
    observe: async (api) => {
      const client = api.s3('us-east-1');
      const create = (Bucket: string, LocationConstraint?: string) =>
        outcome(
          client.send(
            new s3.CreateBucketCommand({
              Bucket,
              ...(LocationConstraint ? { CreateBucketConfiguration: { LocationConstraint: LocationConstraint as s3.BucketLocationConstraint } } : {}),
            }),
          ),
        );
      const name = api.name();
      return [await create(name), await create(name), await create(api.name(), 'us-east-1')];
    },
    expected: ['ok', 'ok', 'InvalidLocationConstraint 400'],
  },
  {
    name: 'CreateBucket in a region that is none',
    observe: (api) =>
      outcome(
        api
          .s3('us-east-1')
          .send(
            new s3.CreateBucketCommand({ Bucket: api.name(), CreateBucketConfiguration: { LocationConstraint: 'nowhere' as s3.BucketLocationConstraint } }),
          ),
      ),
    expected: 'InvalidLocationConstraint 400',
  },
  {
    name: 'CreateBucket with the constraint of another region',
    observe: (api) => outcome(bucket(api, { CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } })),
    expected: 'IllegalLocationConstraintException 400',
  },
  {
    name: "CreateBucket answers with the bucket's URL",
    observe: async (api) => {
      const Bucket = api.name();
      return (await api.s3().send(new s3.CreateBucketCommand({ Bucket }))).Location?.replace(Bucket, 'NAME');
    },
    expected: 'http://NAME.s3.amazonaws.com/',
  },
  {
    name: 'CreateBucket of a name another account has',
    observe: async (api) => {
      const Bucket = api.name();
      await api.target.seedForeignBucket(Bucket);
      return outcome(bucket(api, { Bucket }));
    },
    expected: 'BucketAlreadyExists 409',
  },
  {
    name: 'HeadBucket of a bucket another account has',
    observe: async (api) => {
      const Bucket = api.name();
      await api.target.seedForeignBucket(Bucket);
      return outcome(api.s3().send(new s3.HeadBucketCommand({ Bucket })));
    },
    expected: '403',
  },
  { name: 'CreateBucket with a bad name', observe: (api) => outcome(bucket(api, { Bucket: 'Bad_Name' })), expected: 'InvalidBucketName 400' },
  { name: 'CreateBucket with a short name', observe: (api) => outcome(bucket(api, { Bucket: 'ab' })), expected: 'InvalidBucketName 400' },
  {
    name: 'CreateBucket with tags',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api, { CreateBucketConfiguration: { LocationConstraint: region, Tags: [{ Key: 'by', Value: 'us' }] } });
      return (await send(new s3.GetBucketTaggingCommand({ Bucket }))).TagSet;
    },
    expected: [{ Key: 'by', Value: 'us' }],
  },
  {
    name: 'CreateBucket in the account-regional namespace',
    observe: async (api) => [
      await outcome(bucket(api, { Bucket: `${api.name('l')}-${accountId}-${region}-an`, BucketNamespace: 'account-regional' })),
      await outcome(bucket(api, { BucketNamespace: 'account-regional' })),
    ],
    expected: ['ok', 'InvalidNamespaceHeader 400'],
  },
  {
    name: 'CreateBucket with an account-regional name but without asking for it',
    observe: (api) => outcome(bucket(api, { Bucket: `${api.name('l')}-${accountId}-${region}-an` })),
    expected: 'MissingNamespaceHeader 400',
  },
  {
    name: 'HeadBucket of what is there and of what is not',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      return [(await send(new s3.HeadBucketCommand({ Bucket }))).BucketRegion, await outcome(send(new s3.HeadBucketCommand({ Bucket: api.name() })))];
    },
    expected: [region, 'NotFound 404'],
  },
  {
    name: 'HeadBucket from another region',
    observe: async (api) => {
      const { Bucket } = await bucket(api);
      return outcome(api.s3('eu-west-1').send(new s3.HeadBucketCommand({ Bucket })));
    },
    expected: '301',
  },
  {
    name: 'A call that expects another owner',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      const ask = (ExpectedBucketOwner: string) => outcome(send(new s3.GetBucketLocationCommand({ Bucket, ExpectedBucketOwner })));
      return [await ask(accountId), await ask('111111111111')];
    },
    expected: ['ok', 'AccessDenied 403'],
  },
  {
    name: 'A new bucket has its access block, encryption and ownership set',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      return [
        await outcome(send(new s3.GetPublicAccessBlockCommand({ Bucket }))),
        await outcome(send(new s3.GetBucketEncryptionCommand({ Bucket }))),
        await outcome(send(new s3.GetBucketOwnershipControlsCommand({ Bucket }))),
      ];
    },
    expected: ['ok', 'ok', 'ok'],
  },
  {
    name: 'What is not set says so by name',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      return [
        await outcome(send(new s3.GetBucketTaggingCommand({ Bucket }))),
        await outcome(send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket }))),
        await outcome(send(new s3.GetBucketPolicyCommand({ Bucket }))),
        await outcome(send(new s3.GetObjectLockConfigurationCommand({ Bucket }))),
        (await send(new s3.GetBucketVersioningCommand({ Bucket }))).Status ?? 'off',
      ];
    },
    expected: ['NoSuchTagSet 404', 'NoSuchLifecycleConfiguration 404', 'NoSuchBucketPolicy 404', 'ObjectLockConfigurationNotFoundError 404', 'off'],
  },
  {
    name: 'The access block is given back as it was put',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      const wanted = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: false, RestrictPublicBuckets: true };
      await send(new s3.PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: wanted }));
      const put = (await send(new s3.GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration;
      await send(new s3.DeletePublicAccessBlockCommand({ Bucket }));
      return [put, await outcome(send(new s3.GetPublicAccessBlockCommand({ Bucket })))];
    },
    expected: [
      { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: false, RestrictPublicBuckets: true },
      'NoSuchPublicAccessBlockConfiguration 404',
    ],
  },
  {
    name: 'KMS encryption is given back as it was put',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      const rule = {
        ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: `arn:aws:kms:${region}:${accountId}:key/1` },
        BucketKeyEnabled: true,
      };
      await send(new s3.PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [rule] } }));
      return (await send(new s3.GetBucketEncryptionCommand({ Bucket }))).ServerSideEncryptionConfiguration?.Rules;
    },
    expected: [
      { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: `arn:aws:kms:${region}:${accountId}:key/1` }, BucketKeyEnabled: true },
    ],
  },
  {
    name: 'Lifecycle rules are replaced, given back, and removed',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      const rule = { ID: 'abort', Status: 'Enabled' as const, Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } };
      await send(new s3.PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }));
      const rules = (await send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules;
      await send(new s3.DeleteBucketLifecycleCommand({ Bucket }));
      return [rules, await outcome(send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket })))];
    },
    expected: [
      [{ ID: 'abort', Status: 'Enabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }],
      'NoSuchLifecycleConfiguration 404',
    ],
  },
  {
    name: 'PutBucketTagging replaces the set and keeps aws: keys out',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      const put = (TagSet: s3.Tag[]) => outcome(send(new s3.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } })));
      const puts = [await put([{ Key: 'a', Value: '1' }]), await put([{ Key: 'b', Value: '2 + 3' }]), await put([{ Key: 'aws:x', Value: '1' }])];
      return [puts, (await send(new s3.GetBucketTaggingCommand({ Bucket }))).TagSet];
    },
    expected: [['ok', 'ok', 'InvalidTag 400'], [{ Key: 'b', Value: '2 + 3' }]],
  },
  {
    name: 'A policy that is no JSON is refused',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      return outcome(send(new s3.PutBucketPolicyCommand({ Bucket, Policy: '{not json' })));
    },
    expected: 'MalformedPolicy 400',
  },
  {
    name: 'A TLS-only policy is kept, and lets TLS callers work',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      await send(new s3.PutBucketPolicyCommand({ Bucket, Policy: tlsOnly(Bucket) }));
      const kept = JSON.parse((await send(new s3.GetBucketPolicyCommand({ Bucket }))).Policy ?? '') as { Statement: { Sid: string }[] };
      return [kept.Statement[0]?.Sid, await outcome(send(new s3.PutObjectCommand({ Bucket, Key: 'k', Body: 'v' })))];
    },
    expected: ['TlsOnly', 'ok'],
  },
  {
    name: 'A public policy is blocked',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      const open = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` }],
      });
      return outcome(send(new s3.PutBucketPolicyCommand({ Bucket, Policy: open })));
    },
    expected: 'AccessDenied 403',
  },
  {
    name: 'DeleteBucket with something in it, empty, and gone',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      await send(new s3.PutObjectCommand({ Bucket, Key: 'k', Body: 'v' }));
      const full = await outcome(send(new s3.DeleteBucketCommand({ Bucket })));
      await send(new s3.DeleteObjectCommand({ Bucket, Key: 'k' }));
      return [full, await outcome(send(new s3.DeleteBucketCommand({ Bucket }))), await outcome(send(new s3.DeleteBucketCommand({ Bucket })))];
    },
    expected: ['BucketNotEmpty 409', 'ok', 'NoSuchBucket 404'],
  },
  {
    name: 'A name just deleted cannot be taken at once',
    observe: async (api) => {
      const { Bucket, send } = await bucket(api);
      await send(new s3.DeleteBucketCommand({ Bucket }));
      return messageOf(send(new s3.CreateBucketCommand({ Bucket })));
    },
    expected: 'A conflicting conditional operation is currently in progress against this resource. Please try again.',
  },
];
