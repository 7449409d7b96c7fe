/** The policy language: wildcards, principals, conditions, and that Deny wins. */
import { describe, expect, it } from 'vitest';
import type { Statement } from './policy-condition.ts';
import type { AccessRequest } from './policy.ts';
import { contextOf, decide } from './policy.ts';
import { readDocument } from './policy-document.ts';

const ask = (more: Partial<AccessRequest> = {}): AccessRequest => ({ action: 's3:GetObject', resource: 'arn:aws:s3:::b/k', context: contextOf({}), ...more });
const judge = (statements: readonly Statement[], more: Partial<AccessRequest> = {}) => decide([{ Statement: statements }], ask(more));
const allow: Statement = { Effect: 'Allow', Action: 's3:*', Resource: '*' };

describe('decide', () => {
  it('denies what nothing allows, and lets Deny win', () => {
    expect(judge([])).toBe('implicitDeny');
    expect(judge([allow])).toBe('allowed');
    expect(judge([allow, { Effect: 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*' }])).toBe('explicitDeny');
  });

  it.each([
    ['s3:get*', 'arn:aws:s3:::b/*', 'allowed'],
    ['s3:Get?bject', 'arn:aws:s3:::?/k', 'allowed'],
    ['s3:GetObject', 'arn:aws:s3:::B/k', 'implicitDeny'],
    ['s3:GetObject', 'arn:aws:s3:::b', 'implicitDeny'],
    ['s3:PutObject', '*', 'implicitDeny'],
  ])('%s on %s is %s', (Action, Resource, expected) => {
    expect(judge([{ Effect: 'Allow', Action, Resource }])).toBe(expected);
  });

  it('turns NotAction and NotResource around', () => {
    expect(judge([{ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }])).toBe('allowed');
    expect(judge([{ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::b/*' }])).toBe('implicitDeny');
  });

  it('fills in policy variables', () => {
    const context = contextOf({ 'aws:username': 'ann' });
    const home: Statement = { Effect: 'Allow', Action: '*', Resource: 'arn:aws:s3:::b/${aws:username}/*' };
    expect(judge([home], { context, resource: 'arn:aws:s3:::b/ann/x' })).toBe('allowed');
    expect(judge([home], { context, resource: 'arn:aws:s3:::b/bob/x' })).toBe('implicitDeny');
  });

  it('knows principals by ARN, account and kind', () => {
    const principal = {
      is: 'AWS',
      arn: 'arn:aws:sts::123456789012:assumed-role/r/s',
      roleArn: 'arn:aws:iam::123456789012:role/r',
      account: '123456789012',
    } as const;
    const with_ = (Principal: Statement['Principal']) => judge([{ ...allow, Principal }], { principal });
    expect([with_('*'), with_({ AWS: '*' }), with_({ AWS: '123456789012' }), with_({ AWS: ['arn:aws:iam::123456789012:role/r'] })]).toEqual(
      Array(4).fill('allowed'),
    );
    expect([with_({ AWS: 'arn:aws:iam::123456789012:role/other' }), with_({ Federated: 'x' }), with_({ Service: 'ec2.amazonaws.com' })]).toEqual(
      Array(3).fill('implicitDeny'),
    );
  });
});

describe('conditions', () => {
  const context = contextOf({ 'aws:SecureTransport': 'true', 'x:aud': ['a', 'b'], 's3:prefix': 'logs/1' });
  it.each([
    [{ Bool: { 'aws:securetransport': 'true' } }, true],
    [{ Bool: { 'aws:SecureTransport': 'false' } }, false],
    [{ Bool: { 'aws:Missing': 'false' } }, false],
    [{ BoolIfExists: { 'aws:Missing': 'false' } }, true],
    [{ StringEquals: { 's3:prefix': ['x', 'logs/1'] } }, true],
    [{ StringNotEquals: { 's3:prefix': ['x', 'logs/1'] } }, false],
    [{ StringNotEquals: { 'aws:Missing': 'x' } }, true],
    [{ StringLike: { 's3:prefix': 'logs/*' } }, true],
    [{ StringNotLike: { 's3:prefix': 'logs/*' } }, false],
    [{ Null: { 'aws:Missing': 'true' } }, true],
    [{ 'ForAnyValue:StringEquals': { 'x:aud': 'b' } }, true],
    [{ 'ForAllValues:StringEquals': { 'x:aud': 'b' } }, false],
    [{ NumericLessThan: { 's3:max-keys': '3' } }, false],
    [{ StringEquals: { 's3:prefix': 'logs/1' }, Bool: { 'aws:SecureTransport': 'false' } }, false],
  ] as const)('%j holds: %s', (Condition, holds) => {
    expect(judge([{ ...allow, Condition: Condition as unknown as Statement['Condition'] }], { context })).toBe(holds ? 'allowed' : 'implicitDeny');
  });
});

describe('readDocument', () => {
  const read = (statement: object, kind: 'identity' | 'trust' | 'bucket' = 'identity') => {
    const result = readDocument(JSON.stringify({ Version: '2012-10-17', Statement: statement }), kind);
    return 'refused' in result ? result.refused : 'ok';
  };
  it.each([
    ['identity', { Effect: 'Allow', Action: 's3:*', Resource: '*' }, 'ok'],
    ['identity', { Effect: 'allow', Action: 's3:*', Resource: '*' }, 'Invalid effect: allow'],
    ['identity', { Effect: 'Allow', Action: 's3:*' }, 'Policy statement must contain resources.'],
    ['identity', { Effect: 'Allow', Action: 'GetObject', Resource: '*' }, 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.'],
    ['identity', { Effect: 'Allow', Action: 's3:*', Resource: 'bucket' }, 'Resource bucket must be in ARN format or "*".'],
    ['identity', { Effect: 'Allow', Action: 's3:*', Resource: '*', Principal: '*' }, 'Policy document should not specify a principal.'],
    ['identity', { Effect: 'Allow', Action: 's3:*', Resource: '*', Condition: { Equals: {} } }, 'Invalid Condition type : Equals.'],
    ['trust', { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } }, 'ok'],
    ['trust', { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: '*', Resource: '*' }, 'Has prohibited field Resource'],
    ['bucket', { Effect: 'Deny', Action: 's3:*', Resource: 'arn:aws:s3:::b' }, 'Missing required field Principal'],
  ] as const)('%s %j: %s', (kind, statement, expected) => {
    expect(read(statement, kind)).toBe(expected);
  });
  it('refuses the same Sid twice', () => {
    const one = { Sid: 'a', Effect: 'Allow', Action: 's3:*', Resource: '*' };
    expect(read([one, one])).toBe('Statement IDs (SID) in a single policy must be unique.');
  });
});
