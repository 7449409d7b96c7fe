/** Buckets that encrypt with a KMS key: who may use the key, and what answers report about it. */
import type { S3Call } from './s3-operation.ts';
import type { Bucket } from './s3-state.ts';

/**
 * A customer key requires the caller to have permissions on the key itself; the key S3 manages (`alias/aws/s3`, or none named) does not. The key's
 * own policy is assumed to delegate to IAM, as the default one does.
 */
export function requireKmsUse(call: S3Call, bucket: Bucket, action: 'kms:GenerateDataKey' | 'kms:Decrypt'): void {
  const key = customerKey(bucket);
  if (key) call.require(action, key.startsWith('arn:') ? key : `arn:${call.state.partition}:kms:${bucket.region}:${call.state.accountId}:key/${key}`);
}

export function encryptionHeaders(bucket: Bucket): Readonly<Record<string, string>> {
  const algorithm = /<SSEAlgorithm>([^<]+)</.exec(bucket.settings.get('encryption') ?? '')?.[1] ?? 'AES256';
  const key = customerKey(bucket);
  return { 'x-amz-server-side-encryption': algorithm, ...(key ? { 'x-amz-server-side-encryption-aws-kms-key-id': key } : {}) };
}

function customerKey(bucket: Bucket): string | undefined {
  const key = /<KMSMasterKeyID>([^<]+)</.exec(bucket.settings.get('encryption') ?? '')?.[1];
  return key === undefined || key.endsWith('alias/aws/s3') ? undefined : key;
}
