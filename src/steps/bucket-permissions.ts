/** The S3 permissions for the buckets of an installation. */
import { adoptedBucketArn, bucketArn, BY_STEPS } from '../design/permissions.ts';
import type { Occasion, Permission } from '../engine/types.ts';

const LOOK = [
  's3:GetBucketObjectLockConfiguration',
  's3:GetBucketPolicy',
  's3:GetBucketPublicAccessBlock',
  's3:GetBucketTagging',
  's3:GetBucketVersioning',
  's3:GetEncryptionConfiguration',
  's3:GetLifecycleConfiguration',
  's3:ListBucket',
];
const COUNT = ['s3:ListBucketMultipartUploads', 's3:ListBucketVersions'];
const SET_UP = ['s3:PutBucketPolicy', 's3:PutBucketPublicAccessBlock', 's3:PutBucketTagging', 's3:PutEncryptionConfiguration', 's3:PutLifecycleConfiguration'];
const EMPTY = ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:DeleteObjectVersion'];
/** A name does not reveal who owns the bucket. */
const OWN = { StringEquals: { 'aws:ResourceAccount': 'ACCOUNT' } };

export const bucketPermissions = (use: 'chunks' | 'ruler'): readonly Permission[] => {
  const made = bucketArn(use);
  const adopted = adoptedBucketArn(use);
  const makes: readonly Occasion[] = use === 'ruler' ? ['install', 'adopt'] : ['install'];
  return [
    { to: 'read what is set on the buckets', for: [...BY_STEPS, 'doctor'], actions: LOOK, on: [made] },
    {
      to: 'count what is in a bucket before it is deleted or emptied, or where Loki may have trouble with it',
      for: ['doctor', 'install', 'adopt', 'uninstall'],
      actions: COUNT,
      on: [made],
    },
    // A running Loki has a bucket for its chunks, and may have none for rules.
    { to: 'create the buckets', for: makes, actions: ['s3:CreateBucket', 's3:TagResource', ...SET_UP], on: [made] },
    {
      to: 'roll back a bucket that the same run has created, or its policy; and --existing-buckets recreate',
      for: makes,
      actions: ['s3:DeleteBucket', 's3:DeleteBucketPolicy'],
      on: [made],
      condition: OWN,
    },
    { to: 'empty that bucket', for: makes, actions: EMPTY, on: [`${made}/*`], condition: OWN },
    { to: 'tag the buckets', for: ['adopt'], actions: ['s3:PutBucketTagging'], on: [made] },
    { to: 'remove the tags from the buckets', for: ['orphan'], actions: ['s3:PutBucketTagging'], on: [made] },
    { to: 'delete the buckets', for: ['uninstall --delete-data'], actions: ['s3:DeleteBucket'], on: [made], condition: OWN },
    { to: 'delete all that is in them', for: ['uninstall --delete-data'], actions: EMPTY, on: [`${made}/*`], condition: OWN },
    { to: 'let S3 empty the buckets', for: ['uninstall --expire-data'], actions: ['s3:PutLifecycleConfiguration'], on: [made], condition: OWN },
    { to: 'read what is set on the buckets that are taken over, and what is in them', for: ['adopt'], actions: [...LOOK, ...COUNT], on: [adopted] },
    { to: 'set up the buckets that are taken over, and roll that back', for: ['adopt'], actions: [...SET_UP, 's3:DeleteBucketPolicy'], on: [adopted] },
  ];
};
