import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Problem } from '../../engine/types.ts';
import { ProblemError, stop } from '../../problems/problem.ts';
import { isCode, readDenial, translated } from './failures.ts';

const asked = { action: 'iam:CreateRole', on: 'role loki' };
const sdkError = (name: string, message = '', status = 400, more: object = {}): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status, attempts: 6 }, ...more });
const problemOf = (thrown: unknown): Problem => {
  const found = translated(thrown, asked);
  if (!(found instanceof ProblemError)) throw new Error(`not translated: ${String(thrown)}`);
  return found.problem;
};

describe('what the SDK throws becomes', () => {
  test.each([
    ['ExpiredToken', 'AWS_CREDENTIALS_EXPIRED'],
    ['ExpiredTokenException', 'AWS_CREDENTIALS_EXPIRED'],
    ['RequestExpired', 'AWS_CREDENTIALS_EXPIRED'],
    ['InvalidClientTokenId', 'AWS_CREDENTIALS_INVALID'],
    ['UnrecognizedClientException', 'AWS_CREDENTIALS_INVALID'],
    ['InvalidAccessKeyId', 'AWS_CREDENTIALS_INVALID'],
    ['SlowDown', 'AWS_THROTTLED'],
    ['Throttling', 'AWS_THROTTLED'],
    ['RequestTimeTooSkewed', 'AWS_CLOCK_SKEW'],
    ['OptInRequired', 'AWS_REGION_DISABLED'],
    ['LimitExceeded', 'AWS_LIMIT_EXCEEDED'],
    ['TooManyBuckets', 'AWS_LIMIT_EXCEEDED'],
    ['MalformedPolicyDocument', 'AWS_POLICY_REFUSED'],
    ['NoSuchBucket', 'BUCKET_GONE'],
    ['OperationAborted', 'BUCKET_BUSY'],
    ['PermanentRedirect', 'BUCKET_WRONG_REGION'],
    ['SomethingNew', 'AWS_CALL_FAILED'],
  ])('%s: %s', (name, code) => {
    expect(problemOf(sdkError(name, 'said so')).code).toBe(code);
  });

  test('an expired signature is the clock, not the key', () => {
    expect(problemOf(sdkError('SignatureDoesNotMatch', 'Signature expired: 20260101T000000Z is now earlier than …')).code).toBe('AWS_CLOCK_SKEW');
    expect(problemOf(sdkError('SignatureDoesNotMatch', 'The request signature we calculated does not match')).code).toBe('AWS_CREDENTIALS_INVALID');
  });

  test('a service that fails, and an answer of someone else', () => {
    expect(problemOf(sdkError('InternalFailure', '', 500)).code).toBe('AWS_UNAVAILABLE');
    expect(problemOf(sdkError('SyntaxError', 'Unexpected token <', 404)).code).toBe('AWS_ANSWER_UNREADABLE');
  });

  test.each([
    ['ENOTFOUND', 'AWS_HOST_UNKNOWN'],
    ['ECONNREFUSED', 'AWS_UNREACHABLE'],
    ['ETIMEDOUT', 'AWS_UNREACHABLE'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'AWS_TLS_UNTRUSTED'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'AWS_TLS_UNTRUSTED'],
    ['PROXY_REFUSED', 'AWS_PROXY_REFUSED'],
  ])('a network that answers %s: %s', (code, expected) => {
    expect(problemOf(Object.assign(new Error('no'), { code, hostname: 'iam.amazonaws.com' })).code).toBe(expected);
  });

  test('several addresses refused at once', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED', address: '::1' });
    expect(problemOf(new AggregateError([refused], '')).message).toContain('::1');
  });

  test('a defect stays a defect, a problem stays that problem', () => {
    const defect = new TypeError('x is not a function');
    expect(translated(defect, asked)).toBe(defect);
    const said = stop('AWS_SSO_EXPIRED');
    expect(translated(said, asked)).toBe(said);
    expect(translated(Object.assign(new Error('wrapped'), { cause: said }), asked)).toBe(said);
  });
});

describe('a denial', () => {
  const explicit =
    'User: arn:aws:sts::123456789012:assumed-role/dev/me is not authorized to perform: iam:CreateRole on resource: ' +
    'arn:aws:iam::123456789012:role/loki with an explicit deny in a service control policy';
  const implicit =
    'User: arn:aws:iam::123456789012:user/me is not authorized to perform: eks:DescribeCluster on resource: ' +
    'arn:aws:eks:ap-northeast-2:123456789012:cluster/demo because no identity-based policy allows the eks:DescribeCluster action';
  const short =
    'User: arn:aws:iam::123456789012:user/me is not authorized to perform: eks:ListClusters on resource: arn:aws:eks:ap-northeast-2:123456789012:cluster/*';

  test('is read to its end', () => {
    expect(readDenial(explicit)).toEqual({
      action: 'iam:CreateRole',
      resource: 'arn:aws:iam::123456789012:role/loki',
      why: 'explicit deny in a service control policy',
    });
    expect(readDenial(implicit)).toMatchObject({
      action: 'eks:DescribeCluster',
      resource: 'arn:aws:eks:ap-northeast-2:123456789012:cluster/demo',
      why: 'no identity-based policy allows the eks:DescribeCluster action',
    });
    expect(readDenial(short)).toMatchObject({ action: 'eks:ListClusters', resource: 'arn:aws:eks:ap-northeast-2:123456789012:cluster/*' });
    expect(readDenial('Access Denied')).toEqual({});
  });

  test('names action, resource and who has to be asked', () => {
    const found = problemOf(sdkError('AccessDenied', explicit, 403));
    expect(found.message).toBe('AWS denies iam:CreateRole on arn:aws:iam::123456789012:role/loki: explicit deny in a service control policy');
    expect(found.fix).toContain('service control policy');
  });

  test('without a text names what was asked', () => {
    expect(problemOf(sdkError('AccessDenied', 'Access Denied', 403)).message).toBe('AWS denies iam:CreateRole on role loki');
    expect(problemOf(sdkError('403', 'UnknownError', 403)).code).toBe('AWS_ACCESS_DENIED');
  });
});

test('the cause keeps the name and drops the request', () => {
  const request = { headers: { 'x-amz-security-token': 'TOKEN', authorization: 'AWS4 …' } };
  const thrown = sdkError('AccessDenied', 'no', 403, { $response: { statusCode: 403, headers: {}, body: { req: request } }, $request: request });
  const found = translated(thrown, asked) as ProblemError;
  expect((found.cause as Error).name).toBe('AccessDenied');
  expect(isCode(found, 'AccessDenied')).toBe(true);
  expect(inspect(found, { depth: 20, showHidden: true })).not.toContain('TOKEN');
});

test('evidence never carries what AWS echoes of a signature', () => {
  const found = problemOf(sdkError('SignatureDoesNotMatch', 'The Canonical String should have been … AKIAIOSFODNN7EXAMPLE', 403));
  expect(JSON.stringify(found)).not.toContain('AKIA');
});
