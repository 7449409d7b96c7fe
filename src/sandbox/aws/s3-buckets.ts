/** S3 operations on buckets as a whole: create, head, list, locate, delete. */
import { AwsFault } from '../types.ts';
import { classicRegion } from './partition.ts';
import type { S3Call, S3Operation } from './s3-operation.ts';
import { bodyXml, bucketArn, header, parameter, xmlAnswer } from './s3-operation.ts';
import type { Bucket, S3State } from './s3-state.ts';
import { addBucket, removeBucket, S3Fault } from './s3-state.ts';
import { readTags } from './s3-tags.ts';
import type { WireAnswer } from './wire.ts';
import { childOf, textOf } from './xml.ts';

/** Bahrain and UAE have no account-regional bucket namespace. */
const regionsWithoutNamespace = ['me-south-1', 'me-central-1'];

export const bucketOperations: readonly S3Operation[] = [
  { name: 'ListBuckets', method: 'GET', level: 'service', sub: '', action: 's3:ListAllMyBuckets', write: false, run: listBuckets },
  { name: 'CreateBucket', method: 'PUT', level: 'bucket', sub: '', action: 's3:CreateBucket', write: true, noBucket: true, run: createBucket },
  { name: 'HeadBucket', method: 'HEAD', level: 'bucket', sub: '', action: 's3:ListBucket', write: false, run: headBucket },
  { name: 'DeleteBucket', method: 'DELETE', level: 'bucket', sub: '', action: 's3:DeleteBucket', write: true, run: deleteBucket },
  { name: 'GetBucketLocation', method: 'GET', level: 'bucket', sub: 'location', action: 's3:GetBucketLocation', write: false, run: location },
];

function createBucket(call: S3Call): WireAnswer {
  const { state, bucketName: name, region } = call;
  const wanted = call.request.body.length === 0 ? undefined : bodyXml(call, 'CreateBucketConfiguration');
  const constraint = textOf(wanted, 'LocationConstraint');
  const bucketRegion = regionFor(call, constraint);
  const accountRegional = header(call, 'x-amz-bucket-namespace') === 'account-regional';
  requireName(name);
  requireNamespace(call, { accountRegional, region: bucketRegion });
  const tags = readTags(childOf(wanted, 'Tags'));
  if (Object.keys(tags).length > 0) call.require('s3:TagResource', bucketArn(call, name));
  const headers = { location: locationOf(call, bucketRegion), 'x-amz-bucket-arn': bucketArn(call, name) };
  if (taken(state, name, region) === 'ours-in-us-east-1') return { status: 200, headers };
  addBucket(state, {
    name,
    owner: state.accountId,
    region: bucketRegion,
    accountRegional,
    tags,
    objectLock: header(call, 'x-amz-bucket-object-lock-enabled') === 'true',
  });
  return { status: 200, headers };
}

/** The region rules of CreateBucket: an endpoint creates buckets in its own region, and us-east-1 must not be named. */
function regionFor(call: S3Call, constraint: string | undefined): string {
  if (constraint === classicRegion || (constraint !== undefined && !/^(EU|[a-z]{2,4}(-[a-z]+)+-\d)$/.test(constraint))) {
    throw new S3Fault(
      { status: 400, code: 'InvalidLocationConstraint', message: 'The specified location-constraint is not valid' },
      { details: { LocationConstraint: constraint } },
    );
  }
  if (call.region === classicRegion) return constraint === 'EU' ? 'eu-west-1' : (constraint ?? classicRegion);
  if (constraint === call.region) return call.region;
  const message = `The ${constraint ?? 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`;
  throw new AwsFault(400, 'IllegalLocationConstraintException', message);
}

function requireName(name: string): void {
  const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(name);
  const reserved = /^(xn--|sthree-|amzn-s3-demo-)/.test(name) || /(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !isAddress && !reserved) return;
  throw new S3Fault({ status: 400, code: 'InvalidBucketName', message: 'The specified bucket is not valid.' }, { details: { BucketName: name } });
}

function requireNamespace(call: S3Call, asked: { readonly accountRegional: boolean; readonly region: string }): void {
  const suffix = `-${call.state.accountId}-${asked.region}-an`;
  const { accountRegional } = asked;
  if (accountRegional && regionsWithoutNamespace.includes(asked.region)) {
    throw new AwsFault(400, 'InvalidRequest', `The account-regional namespace is not supported in the ${asked.region} region.`);
  }
  if (accountRegional && !(call.bucketName.endsWith(suffix) && call.bucketName.length > suffix.length)) {
    const message = `The bucket name lacks the suffix of the account-regional namespace, but the x-amz-bucket-namespace header asks for it. Specify ${suffix} as the suffix, or remove the header.`;
    throw new AwsFault(400, 'InvalidNamespaceHeader', message);
  }
  if (!accountRegional && /-\d{12}-[a-z]{2,4}(-[a-z]+)+-\d-an$/.test(call.bucketName)) {
    throw new AwsFault(
      400,
      'MissingNamespaceHeader',
      'The requested bucket is an account-regional namespace bucket, but the request lacks the x-amz-bucket-namespace header.',
    );
  }
}

function taken(state: S3State, name: string, region: string): 'free' | 'ours-in-us-east-1' {
  const details = { BucketName: name };
  const present = state.buckets.get(name);
  if (present?.owner === state.accountId) {
    if (region === classicRegion && present.region === classicRegion) return 'ours-in-us-east-1';
    const message = 'Your previous request to create the named bucket succeeded and you already own it.';
    throw new S3Fault({ status: 409, code: 'BucketAlreadyOwnedByYou', message }, { details });
  }
  if (present) {
    const message =
      'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.';
    throw new S3Fault({ status: 409, code: 'BucketAlreadyExists', message }, { details });
  }
  if ((state.deleted.get(name) ?? 0) > state.clock.now().getTime()) {
    throw new AwsFault(409, 'OperationAborted', 'A conflicting conditional operation is currently in progress against this resource. Please try again.');
  }
  return 'free';
}

function locationOf(call: S3Call, region: string): string {
  if (region === classicRegion) return `/${call.bucketName}`;
  const host = call.state.partition === 'aws' ? `s3.${call.state.hostSuffix}` : `s3.${region}.${call.state.hostSuffix}`;
  return `http://${call.bucketName}.${host}/`;
}

function headBucket(call: S3Call, bucket: Bucket): WireAnswer {
  const headers = { 'x-amz-bucket-region': bucket.region, 'x-amz-bucket-arn': bucketArn(call, bucket.name), 'x-amz-access-point-alias': 'false' };
  return { status: 200, headers: { ...headers, 'content-type': 'application/xml' } };
}

function deleteBucket(call: S3Call, bucket: Bucket): WireAnswer {
  removeBucket(call.state, bucket);
  return { status: 204 };
}

function location(_call: S3Call, bucket: Bucket): WireAnswer {
  return xmlAnswer('LocationConstraint', bucket.region === classicRegion ? '' : bucket.region);
}

function listBuckets(call: S3Call): WireAnswer {
  const prefix = parameter(call, 'prefix') ?? '';
  const region = parameter(call, 'bucket-region');
  const after = Buffer.from(parameter(call, 'continuation-token') ?? '', 'base64').toString('utf8');
  const max = Number(parameter(call, 'max-buckets') ?? '10000');
  const ours = [...call.state.buckets.values()]
    .filter((bucket) => bucket.owner === call.state.accountId && bucket.name.startsWith(prefix) && (region === undefined || bucket.region === region))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .filter((bucket) => bucket.name > after);
  const page = ours.slice(0, max);
  return xmlAnswer('ListAllMyBucketsResult', {
    Owner: { ID: call.state.accountId.padStart(64, '0') },
    Buckets: {
      Bucket: page.map((bucket) => ({
        Name: bucket.name,
        CreationDate: bucket.created.toISOString(),
        BucketRegion: bucket.region,
        BucketArn: bucketArn(call, bucket.name),
      })),
    },
    ContinuationToken: ours.length > max ? Buffer.from(page.at(-1)?.name ?? '').toString('base64') : undefined,
    Prefix: prefix === '' ? undefined : prefix,
  });
}
