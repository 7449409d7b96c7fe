/** The buckets of the simulated S3, including other accounts': what a bucket holds, and how one is found, created and deleted. */
import { AwsFault } from '../types.ts';
import type { SandboxClock } from '../types.ts';
import type { ObjectTable } from './object-table.ts';
import { createObjectTable } from './object-table.ts';
import type { PolicyDocument } from './policy.ts';

export interface Bucket {
  readonly name: string;
  readonly owner: string;
  readonly region: string;
  readonly created: Date;
  readonly accountRegional: boolean;
  tags: Readonly<Record<string, string>>;
  /** Sub-resources by their query parameter, as the inner markup of their XML; absent means not set. */
  readonly settings: Map<string, string>;
  policy: { readonly text: string; readonly document: PolicyDocument } | undefined;
  versioning: 'off' | 'Enabled' | 'Suspended';
  objectLock: boolean;
  readonly objects: ObjectTable;
  readonly uploads: Map<string, Upload>;
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly started: Date;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly parts: Map<number, { readonly etag: string; readonly body: Uint8Array; readonly modified: Date }>;
}

export interface S3State {
  readonly clock: SandboxClock;
  readonly accountId: string;
  readonly partition: string;
  readonly hostSuffix: string;
  /** How long the name of a deleted global bucket is blocked. */
  readonly deletedNameMs: number;
  readonly buckets: Map<string, Bucket>;
  /** Recently deleted names, and until when they are blocked. */
  readonly deleted: Map<string, number>;
  /** Errors of single keys in a bulk delete, which still answers 200. */
  readonly keyFaults: KeyFault[];
  /** A counter for ids. */
  readonly nextId: () => number;
}

export interface KeyFault {
  /** A glob. */
  readonly key: string;
  readonly code: string;
  readonly message: string;
  /** How many more times; unlimited by default. */
  times?: number;
}

type S3Options = Pick<S3State, 'clock' | 'accountId' | 'partition' | 'hostSuffix' | 'deletedNameMs'>;

export function createS3State(options: S3Options): S3State {
  let id = 0;
  return { ...options, buckets: new Map(), deleted: new Map(), keyFaults: [], nextId: () => (id += 1) };
}

/** An S3 error with what its XML and headers carry beyond code and message. */
export class S3Fault extends AwsFault {
  readonly details: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  constructor(fault: { status: number; code: string; message: string }, extra: { details?: Record<string, string>; headers?: Record<string, string> }) {
    super(fault.status, fault.code, fault.message);
    this.details = extra.details ?? {};
    this.headers = extra.headers ?? {};
  }
}

/** What S3 enables for every new bucket (since April 2023). */
export const initialSettings: Readonly<Record<string, string>> = {
  publicAccessBlock:
    '<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>' +
    '<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>',
  encryption:
    '<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>' +
    '<BucketKeyEnabled>false</BucketKeyEnabled></Rule>',
  ownershipControls: '<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>',
};

interface NewBucket {
  readonly name: string;
  readonly owner: string;
  readonly region: string;
  readonly accountRegional?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  readonly objectLock?: boolean;
}

export function addBucket(state: S3State, bucket: NewBucket): Bucket {
  const added: Bucket = {
    name: bucket.name,
    owner: bucket.owner,
    region: bucket.region,
    created: state.clock.now(),
    accountRegional: bucket.accountRegional ?? false,
    tags: bucket.tags ?? {},
    settings: new Map(Object.entries(initialSettings)),
    policy: undefined,
    versioning: bucket.objectLock ? 'Enabled' : 'off',
    objectLock: bucket.objectLock ?? false,
    objects: createObjectTable(),
    uploads: new Map(),
  };
  state.buckets.set(bucket.name, added);
  return added;
}

/**
 * The bucket a call names, if it is the account's, in this region, and owned by the account the caller expects; otherwise throws S3's refusal.
 * `region` is the one the caller signed for; `undefined` for in-process calls, which have none.
 */
export function findBucket(state: S3State, name: string, asked: { readonly region?: string; readonly expectedOwner?: string }): Bucket {
  const bucket = state.buckets.get(name);
  if (bucket === undefined) {
    throw new S3Fault({ status: 404, code: 'NoSuchBucket', message: 'The specified bucket does not exist' }, { details: { BucketName: name } });
  }
  const headers = { 'x-amz-bucket-region': bucket.region };
  if (bucket.owner !== state.accountId || (asked.expectedOwner !== undefined && asked.expectedOwner !== bucket.owner)) {
    throw new S3Fault({ status: 403, code: 'AccessDenied', message: 'Access Denied' }, { headers });
  }
  if (asked.region !== undefined && asked.region !== bucket.region) {
    const message = 'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.';
    const details = { Endpoint: `${name}.s3.${bucket.region}.${state.hostSuffix}`, Bucket: name };
    throw new S3Fault({ status: 301, code: 'PermanentRedirect', message }, { headers, details });
  }
  return bucket;
}

export function removeBucket(state: S3State, bucket: Bucket): void {
  if (bucket.objects.size > 0) {
    const message =
      bucket.versioning === 'off'
        ? 'The bucket you tried to delete is not empty'
        : 'The bucket you tried to delete is not empty. You must delete all versions in the bucket.';
    throw new S3Fault({ status: 409, code: 'BucketNotEmpty', message }, { details: { BucketName: bucket.name } });
  }
  state.buckets.delete(bucket.name);
  if (!bucket.accountRegional) state.deleted.set(bucket.name, state.clock.now().getTime() + state.deletedNameMs);
}
