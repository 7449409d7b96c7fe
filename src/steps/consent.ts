/** Log data that the user gives up. */
import type { BucketContents } from '../ports/buckets.ts';

/** Log data that the user gives up in this run: named on its command line, or typed. Never read from a file, the environment or the cluster. */
export interface Consent {
  /** Buckets, by name. */
  readonly buckets?: ReadonlyMap<string, BucketConsent>;
  /** Lines that only ingesters hold, where they can't be put into S3. */
  readonly unflushed?: true;
  /** Log lines that are older, where values let Loki delete them sooner than before. */
  readonly retentionHours?: number;
}

/** `delete`: with the bucket. `expire`: by S3's lifecycle. `empty`: the objects only. */
export type BucketConsent =
  | { readonly how: 'empty' }
  | {
      readonly how: 'delete' | 'expire';
      /** What was in it when the user named it. */
      readonly contents: BucketContents;
      /** The command that deletes the bucket once S3 has emptied it. */
      readonly afterwards: string;
    };
