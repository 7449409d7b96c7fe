/** S3 operations on bucket settings: access block, encryption, lifecycle, ownership, lock, tags, versioning, policy. */
import { AwsFault } from '../types.ts';
import { checkEncryption, checkLifecycle, checkObjectLock, checkOwnership, checkPublicAccessBlock } from './s3-setting-rules.ts';
import type { S3Call, S3Operation } from './s3-operation.ts';
import { bodyXml, bucketArn, xmlAnswer } from './s3-operation.ts';
import { isPublic, requireBucketPolicy } from './s3-policy.ts';
import type { Bucket } from './s3-state.ts';
import { initialSettings } from './s3-state.ts';
import { readTags, tagSetXml } from './s3-tags.ts';
import type { WireAnswer } from './wire.ts';
import { readPayload } from './wire.ts';
import type { XmlNode } from './xml.ts';
import { childOf, markup, textOf } from './xml.ts';

const done: WireAnswer = { status: 200 };
const gone: WireAnswer = { status: 204 };

interface Setting {
  readonly sub: string;
  readonly root: string;
  /** Operation names after Get, Put and Delete; absent where a setting has no such operation. */
  readonly names: { readonly get: string; readonly put: string; readonly delete?: string };
  readonly actions: { readonly get: string; readonly put: string };
  readonly absent: { readonly code: string; readonly message: string };
  /** The inner markup to store; throws S3's refusal. */
  readonly check: (node: XmlNode, bucket: Bucket) => string;
}

const settings: readonly Setting[] = [
  {
    sub: 'publicAccessBlock',
    root: 'PublicAccessBlockConfiguration',
    check: checkPublicAccessBlock,
    names: { get: 'GetPublicAccessBlock', put: 'PutPublicAccessBlock', delete: 'DeletePublicAccessBlock' },
    actions: { get: 's3:GetBucketPublicAccessBlock', put: 's3:PutBucketPublicAccessBlock' },
    absent: { code: 'NoSuchPublicAccessBlockConfiguration', message: 'The public access block configuration was not found' },
  },
  {
    sub: 'encryption',
    root: 'ServerSideEncryptionConfiguration',
    check: checkEncryption,
    names: { get: 'GetBucketEncryption', put: 'PutBucketEncryption' },
    actions: { get: 's3:GetEncryptionConfiguration', put: 's3:PutEncryptionConfiguration' },
    absent: { code: 'ServerSideEncryptionConfigurationNotFoundError', message: 'The server side encryption configuration was not found' },
  },
  {
    sub: 'lifecycle',
    root: 'LifecycleConfiguration',
    check: checkLifecycle,
    names: { get: 'GetBucketLifecycleConfiguration', put: 'PutBucketLifecycleConfiguration', delete: 'DeleteBucketLifecycle' },
    actions: { get: 's3:GetLifecycleConfiguration', put: 's3:PutLifecycleConfiguration' },
    absent: { code: 'NoSuchLifecycleConfiguration', message: 'The lifecycle configuration does not exist' },
  },
  {
    sub: 'ownershipControls',
    root: 'OwnershipControls',
    check: checkOwnership,
    names: { get: 'GetBucketOwnershipControls', put: 'PutBucketOwnershipControls', delete: 'DeleteBucketOwnershipControls' },
    actions: { get: 's3:GetBucketOwnershipControls', put: 's3:PutBucketOwnershipControls' },
    absent: { code: 'OwnershipControlsNotFoundError', message: 'The bucket ownership controls were not found' },
  },
  {
    sub: 'object-lock',
    root: 'ObjectLockConfiguration',
    check: checkObjectLock,
    names: { get: 'GetObjectLockConfiguration', put: 'PutObjectLockConfiguration' },
    actions: { get: 's3:GetBucketObjectLockConfiguration', put: 's3:PutBucketObjectLockConfiguration' },
    absent: { code: 'ObjectLockConfigurationNotFoundError', message: 'Object Lock configuration does not exist for this bucket' },
  },
];

export const settingOperations: readonly S3Operation[] = [
  ...settings.flatMap(operationsOf),
  {
    name: 'DeleteBucketEncryption',
    method: 'DELETE',
    level: 'bucket',
    sub: 'encryption',
    action: 's3:PutEncryptionConfiguration',
    write: true,
    run: (_call, bucket) => {
      bucket.settings.set('encryption', initialSettings['encryption'] as string);
      return gone;
    },
  },
  { name: 'GetBucketTagging', method: 'GET', level: 'bucket', sub: 'tagging', action: 's3:GetBucketTagging', write: false, run: getTags },
  { name: 'PutBucketTagging', method: 'PUT', level: 'bucket', sub: 'tagging', action: 's3:PutBucketTagging', write: true, run: putTags },
  { name: 'DeleteBucketTagging', method: 'DELETE', level: 'bucket', sub: 'tagging', action: 's3:PutBucketTagging', write: true, run: deleteTags },
  { name: 'GetBucketVersioning', method: 'GET', level: 'bucket', sub: 'versioning', action: 's3:GetBucketVersioning', write: false, run: getVersioning },
  { name: 'PutBucketVersioning', method: 'PUT', level: 'bucket', sub: 'versioning', action: 's3:PutBucketVersioning', write: true, run: putVersioning },
  { name: 'GetBucketPolicy', method: 'GET', level: 'bucket', sub: 'policy', action: 's3:GetBucketPolicy', write: false, run: getPolicy },
  { name: 'PutBucketPolicy', method: 'PUT', level: 'bucket', sub: 'policy', action: 's3:PutBucketPolicy', write: true, run: putPolicy },
  { name: 'DeleteBucketPolicy', method: 'DELETE', level: 'bucket', sub: 'policy', action: 's3:DeleteBucketPolicy', write: true, run: deletePolicy },
  { name: 'GetBucketPolicyStatus', method: 'GET', level: 'bucket', sub: 'policyStatus', action: 's3:GetBucketPolicyStatus', write: false, run: policyStatus },
  { name: 'GetBucketAcl', method: 'GET', level: 'bucket', sub: 'acl', action: 's3:GetBucketAcl', write: false, run: getAcl },
];

function operationsOf(setting: Setting): readonly S3Operation[] {
  const { sub, names, actions } = setting;
  const get: S3Operation = {
    name: names.get,
    method: 'GET',
    level: 'bucket',
    sub,
    action: actions.get,
    write: false,
    run: (_call, bucket) => {
      const kept = bucket.settings.get(sub);
      if (kept === undefined) throw new AwsFault(404, setting.absent.code, setting.absent.message);
      return xmlAnswer(setting.root, markup(kept));
    },
  };
  const put: S3Operation = {
    name: names.put,
    method: 'PUT',
    level: 'bucket',
    sub,
    action: actions.put,
    write: true,
    run: (call, bucket) => {
      bucket.settings.set(sub, setting.check(bodyXml(call, setting.root), bucket));
      return done;
    },
  };
  if (names.delete === undefined) return [get, put];
  const remove = (_call: S3Call, bucket: Bucket) => {
    bucket.settings.delete(sub);
    return gone;
  };
  return [get, put, { name: names.delete, method: 'DELETE', level: 'bucket', sub, action: actions.put, write: true, run: remove }];
}

function getTags(_call: S3Call, bucket: Bucket): WireAnswer {
  if (Object.keys(bucket.tags).length === 0) throw new AwsFault(404, 'NoSuchTagSet', 'The TagSet does not exist');
  return xmlAnswer('Tagging', tagSetXml(bucket.tags));
}

function putTags(call: S3Call, bucket: Bucket): WireAnswer {
  bucket.tags = readTags(childOf(bodyXml(call, 'Tagging'), 'TagSet'));
  return gone;
}

function deleteTags(_call: S3Call, bucket: Bucket): WireAnswer {
  bucket.tags = {};
  return gone;
}

function getVersioning(_call: S3Call, bucket: Bucket): WireAnswer {
  return xmlAnswer('VersioningConfiguration', { Status: bucket.versioning === 'off' ? undefined : bucket.versioning });
}

function putVersioning(call: S3Call, bucket: Bucket): WireAnswer {
  const status = textOf(bodyXml(call, 'VersioningConfiguration'), 'Status');
  if (status !== 'Enabled' && status !== 'Suspended')
    throw new AwsFault(400, 'IllegalVersioningConfigurationException', 'The Versioning element must be specified');
  if (status === 'Suspended' && bucket.objectLock) {
    throw new AwsFault(409, 'InvalidBucketState', 'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.');
  }
  bucket.versioning = status;
  return done;
}

function getPolicy(_call: S3Call, bucket: Bucket): WireAnswer {
  if (!bucket.policy) throw new AwsFault(404, 'NoSuchBucketPolicy', 'The bucket policy does not exist');
  return { status: 200, headers: { 'content-type': 'application/json' }, body: bucket.policy.text };
}

function putPolicy(call: S3Call, bucket: Bucket): WireAnswer {
  const text = readPayload(call.request).bytes.toString('utf8');
  const document = requireBucketPolicy(text, bucketArn(call, bucket.name));
  if (isPublic(document) && bucket.settings.get('publicAccessBlock')?.includes('<BlockPublicPolicy>true<')) {
    const why = 'because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.';
    throw new AwsFault(
      403,
      'AccessDenied',
      `User: ${call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "${bucketArn(call, bucket.name)}" ${why}`,
    );
  }
  bucket.policy = { text, document };
  return gone;
}

function deletePolicy(_call: S3Call, bucket: Bucket): WireAnswer {
  bucket.policy = undefined;
  return gone;
}

function policyStatus(_call: S3Call, bucket: Bucket): WireAnswer {
  if (!bucket.policy) throw new AwsFault(404, 'NoSuchBucketPolicy', 'The bucket policy does not exist');
  return xmlAnswer('PolicyStatus', { IsPublic: isPublic(bucket.policy.document) });
}

function getAcl(call: S3Call): WireAnswer {
  const owner = { ID: call.state.accountId.padStart(64, '0') };
  const grantee = markup(
    `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>${owner.ID}</ID></Grantee><Permission>FULL_CONTROL</Permission>`,
  );
  return xmlAnswer('AccessControlPolicy', { Owner: owner, AccessControlList: { Grant: grantee } });
}
