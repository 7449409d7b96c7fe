/** One bucket, its expected owner, and the client for it. */
import type { S3 } from '@aws-sdk/client-s3';

/** The arguments of every bucket function. */
export interface At {
  readonly s3: S3;
  readonly region: string;
  readonly owner: string;
  readonly Bucket: string;
}
