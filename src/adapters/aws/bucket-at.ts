/** One bucket, whose it must be, and the client that asks for it. */
import type { S3 } from '@aws-sdk/client-s3';

/** What every bucket function is given. */
export interface At {
  readonly s3: S3;
  readonly region: string;
  readonly owner: string;
  readonly Bucket: string;
}
