/** The user's consent to lose log data. */
import type { BucketContents } from '../ports/buckets.ts';

/** Log data that the user gives up in this run: named on the command line or typed. Never read from a file, the environment or the cluster. */
export interface Consent {
  /** Buckets, by name. */
  readonly buckets?: ReadonlyMap<string, BucketConsent>;
  /** Log lines that only ingesters hold, if they can't be flushed to S3. */
  readonly unflushed?: true;
  /** Older log lines, where values make Loki delete them sooner than before. */
  readonly retentionHours?: number;
}

/** `delete`: with the bucket. `expire`: by S3's lifecycle. `empty`: the objects only. */
export type BucketConsent =
  | { readonly how: 'empty' }
  | {
      readonly how: 'delete' | 'expire';
      /** Its contents when the user named it. */
      readonly contents: BucketContents;
      /** The command that deletes the bucket once S3 has emptied it. */
      readonly afterwards: string;
    };
