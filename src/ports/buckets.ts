/** S3 buckets: only the operations we need. Absence is a value, never an exception. Every call passes the expected owner. */
import type { Json } from '../engine/types.ts';

export type Tags = Readonly<Record<string, string>>;

/** The settings of a bucket; `undefined` means not set. */
export interface BucketState {
  readonly is: 'ours-to-read';
  readonly name: string;
  readonly region: string;
  readonly tags: Tags;
  /** All four switches of the public access block are on. */
  readonly publicAccessBlocked: boolean;
  readonly policy?: Json;
  readonly encryption?: Encryption;
  readonly lifecycle: readonly LifecycleRule[];
  readonly versioning: 'off' | 'on' | 'suspended';
  readonly objectLock: boolean;
}
/** `foreign`: another account owns the name (or we may not inspect it). `elsewhere`: ours, but in another region. */
export type BucketLook = BucketState | { readonly is: 'absent' } | { readonly is: 'foreign' } | { readonly is: 'elsewhere'; readonly region: string };

export type Encryption = { readonly algorithm: 'AES256' } | { readonly algorithm: 'aws:kms'; readonly key: string; readonly bucketKey: boolean };

/** A lifecycle rule as the S3 API shapes it (`ID`, `Status`, `Filter`, `AbortIncompleteMultipartUpload`, `Expiration`, …). */
export type LifecycleRule = { readonly ID?: string; readonly Status: string } & { readonly [key: string]: Json | undefined };

/** Contents, so that a human can decide. `exact: false` when counting stopped at a limit. */
export interface BucketContents {
  /** Everything that keeps it from being empty: current objects, older versions and delete markers. */
  readonly objects: number;
  /** Of these: noncurrent versions. */
  readonly older?: number;
  /** Of these: delete markers. */
  readonly markers?: number;
  /** Incomplete multipart uploads, in addition to the objects; absent when listing them is not allowed. */
  readonly uploads?: number;
  readonly bytes: number;
  readonly oldest?: Date;
  readonly newest?: Date;
  /** The first of them, in alphabetical order; at most fifty. */
  readonly keys?: readonly string[];
  readonly exact: boolean;
}

export interface Buckets {
  look(name: string): Promise<BucketLook>;
  /**
   * Creates it with tags, which some endpoints accept but do not store; throws BUCKET_EXISTS where it exists. `namespace` requests the
   * account-regional namespace; throws BUCKET_NAMESPACE_UNSUPPORTED where a region has none.
   */
  create(name: string, options: { readonly namespace: 'account-regional' | 'global'; readonly tags: Tags }): Promise<void>;
  /** Replaces the whole tag set. */
  setTags(name: string, tags: Tags): Promise<void>;
  blockPublicAccess(name: string): Promise<void>;
  /** `undefined` removes it. */
  setPolicy(name: string, policy: Json | undefined): Promise<void>;
  setEncryption(name: string, encryption: Encryption): Promise<void>;
  /** Replaces the whole rule set; an empty one removes it. */
  setLifecycle(name: string, rules: readonly LifecycleRule[]): Promise<void>;
  contents(name: string, limit?: number): Promise<BucketContents>;
  /** Keys of the objects below a prefix, in order; `more` when there are more than `limit`. None if the bucket does not exist. */
  keys(name: string, options: { readonly prefix: string; readonly limit: number }): Promise<{ readonly keys: readonly string[]; readonly more: boolean }>;
  /** Deletes every object, version, delete marker and multipart upload. Throws a ProblemError that lists per-key errors. */
  empty(name: string, options: { readonly signal: AbortSignal; readonly progress: (deleted: number) => void }): Promise<void>;
  /** Harmless if absent. Throws BUCKET_NOT_EMPTY. */
  delete(name: string): Promise<void>;
}
