/** The S3 server: finds bucket, key and operation of a REST request, authorizes it, and answers in S3's XML. */
import { AwsFault } from '../types.ts';
import type { PolicyDocument } from './policy.ts';
import { contextOf } from './policy.ts';
import type { Principal } from './principals.ts';
import { judge, refusalText } from './principals.ts';
import { bucketOperations } from './s3-buckets.ts';
import { listOperations } from './s3-listing.ts';
import { multipartOperations } from './s3-multipart.ts';
import { objectOperations } from './s3-object-operations.ts';
import type { S3Call, S3Operation } from './s3-operation.ts';
import { bucketArn, objectArn } from './s3-operation.ts';
import { settingOperations } from './s3-settings.ts';
import type { Bucket, S3State } from './s3-state.ts';
import { findBucket, S3Fault } from './s3-state.ts';
import type { Caller, ServiceCall, ServiceCodes, ServiceServer } from './service-server.ts';
import type { WireAnswer, WireRequest } from './wire.ts';
import { writeXml } from './xml.ts';

const operations: readonly S3Operation[] = [...bucketOperations, ...settingOperations, ...listOperations, ...objectOperations, ...multipartOperations];
const table = new Map(operations.map((operation) => [`${operation.level} ${operation.method} ${operation.sub}`, operation]));

/** Query parameters that select an operation; the others are arguments. */
const subResources = [
  'uploadId',
  'uploads',
  'versions',
  'delete',
  'list-type',
  'location',
  'tagging',
  'publicAccessBlock',
  'encryption',
  'lifecycle',
  'ownershipControls',
  'object-lock',
  'policy',
  'policyStatus',
  'versioning',
  'acl',
  'cors',
  'website',
  'logging',
  'notification',
  'replication',
  'accelerate',
  'requestPayment',
  'inventory',
  'metrics',
  'analytics',
  'retention',
  'legal-hold',
  'attributes',
  'restore',
  'torrent',
  'session',
  'intelligent-tiering',
];

const codes: ServiceCodes = {
  unknownKey: [403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.'],
  badSignature: [
    403,
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  ],
  expired: [400, 'ExpiredToken', 'The provided token has expired.'],
  badToken: [400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.'],
  skewed: [403, 'RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.'],
  unsigned: [403, 'AccessDenied', 'Access Denied'],
  internal: [500, 'InternalError', 'We encountered an internal error. Please try again.'],
  throttled: [503, 'SlowDown', 'Please reduce your request rate.'],
  denied: 'AccessDenied',
};

export function s3Server(state: S3State): ServiceServer {
  return { codes, renderError, route: (request) => route(state, request) };
}

function route(state: S3State, request: WireRequest): ServiceCall {
  const { bucketName, key } = address(request);
  const level = bucketName === '' ? 'service' : key === '' ? 'bucket' : 'object';
  const sub = subResources.find((name) => request.query.has(name)) ?? '';
  const operation = table.get(`${level} ${request.method} ${sub}`);
  if (operation === undefined) {
    const run = (): never => {
      throw new AwsFault(501, 'NotImplemented', `The sandbox does not simulate ${request.method} ?${sub} on a ${level === 'service' ? 'service' : level}.`);
    };
    return { call: `s3:${request.method}${sub === '' ? '' : `?${sub}`}`, write: request.method !== 'GET' && request.method !== 'HEAD', run };
  }
  const copies = operation.name === 'PutObject' && request.headers['x-amz-copy-source'] !== undefined;
  const run = (caller: Caller) => runOperation({ state, request, bucketName, key, operation }, caller);
  return { call: `s3:${copies ? 'CopyObject' : operation.name}`, write: operation.write, run };
}

/** Path style, or virtual-host style on `<bucket>.localhost`, `<bucket>.s3.<region>.amazonaws.com` and the like. */
export function address(request: Pick<WireRequest, 'path' | 'headers'>): { readonly bucketName: string; readonly key: string } {
  const host = (request.headers['host'] ?? '').replace(/:\d+$/, '');
  const [, virtual] = /^(.+?)\.(?:localhost|s3[.-][a-z0-9.-]*amazonaws\.(?:com|com\.cn|eu))$/.exec(host) ?? [];
  const path = request.path.replace(/^\//, '');
  if (virtual !== undefined) return { bucketName: virtual, key: decode(path) };
  const slash = path.indexOf('/');
  return slash < 0 ? { bucketName: decode(path), key: '' } : { bucketName: decode(path.slice(0, slash)), key: decode(path.slice(slash + 1)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsFault(400, 'InvalidURI', "Couldn't parse the specified URI.");
  }
}

interface Routed {
  readonly state: S3State;
  readonly request: WireRequest;
  readonly bucketName: string;
  readonly key: string;
  readonly operation: S3Operation;
}

function runOperation(routed: Routed, caller: Caller): WireAnswer {
  const { state, request, bucketName, key, operation } = routed;
  const principal = caller.principal as Principal;
  const expectedOwner = request.headers['x-amz-expected-bucket-owner'];
  const bucket = operation.level === 'service' || operation.noBucket ? undefined : findBucket(state, bucketName, { region: caller.region, expectedOwner });
  const may = permissionOf(routed, { principal, policy: bucket?.policy?.document });
  const require = (action: string, resource: string) => {
    const refusal = may(action, resource);
    // S3 reveals a bucket's region even to callers without any permission on it.
    const headers: Record<string, string> = bucket === undefined ? {} : { 'x-amz-bucket-region': bucket.region };
    if (refusal !== undefined) throw new S3Fault({ status: 403, code: 'AccessDenied', message: refusal }, { headers });
  };
  const call: S3Call = {
    state,
    request,
    principal,
    region: caller.region,
    bucketName,
    key,
    require,
    may: (action, resource) => may(action, resource) === undefined,
  };
  if (operation.action !== '') require(operation.action, resourceOf(call, operation));
  return operation.run(call, bucket as Bucket);
}

function resourceOf(call: S3Call, operation: S3Operation): string {
  if (operation.level === 'service') return '*';
  return operation.level === 'bucket' ? bucketArn(call, call.bucketName) : objectArn(call, call.bucketName, call.key);
}

/** Returns the message of the refusal, or `undefined` when allowed. The loopback server counts as TLS, since it stands for a TLS endpoint. */
function permissionOf(
  routed: Routed,
  by: { readonly principal: Principal; readonly policy: PolicyDocument | undefined },
): (action: string, resource: string) => string | undefined {
  const { state, request } = routed;
  const context = contextOf({
    'aws:SecureTransport': 'true',
    's3:TlsVersion': '1.3',
    'aws:PrincipalArn': by.principal.roleArn ?? by.principal.arn,
    'aws:PrincipalAccount': state.accountId,
    'aws:ResourceAccount': state.accountId,
    'aws:SourceIp': '127.0.0.1',
    's3:prefix': request.query.get('prefix') ?? undefined,
    's3:delimiter': request.query.get('delimiter') ?? undefined,
    's3:x-amz-bucket-namespace': request.headers['x-amz-bucket-namespace'],
    's3:x-amz-server-side-encryption': request.headers['x-amz-server-side-encryption'],
  });
  return (action, resource) => {
    const asked = { action, resource, context };
    const { decision, why } = judge({ principal: by.principal, account: state.accountId, resourcePolicy: by.policy }, asked);
    return decision === 'allowed' ? undefined : refusalText(by.principal, { ...asked, resource: `"${resource}"` }, why);
  };
}

function renderError(fault: AwsFault, request: WireRequest): WireAnswer {
  const extra = fault instanceof S3Fault ? fault : undefined;
  const headers = { 'content-type': 'application/xml', ...extra?.headers };
  if (request.method === 'HEAD' || fault.status === 304) return { status: fault.status, headers };
  const body = writeXml('Error', { Code: fault.code, Message: fault.message, ...extra?.details, RequestId: 'SANDBOX', HostId: 'sandbox' });
  return { status: fault.status, headers, body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}` };
}
