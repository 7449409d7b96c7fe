import { describe, expect, it } from 'vitest';
import type { BucketPlan } from '../design/blueprint.ts';
import type { BucketState } from '../ports/buckets.ts';
import { bucketGaps, foreignKey } from './bucket-gaps.ts';

const ours = { Sid: 'TlsOnly', Effect: 'Deny' };
const plan: BucketPlan = {
  use: 'chunks',
  name: 'b',
  namespace: 'global',
  tags: { mine: 'yes' },
  policy: { Version: '2012-10-17', Statement: [ours] },
  encryption: { algorithm: 'AES256' },
  lifecycle: [{ ID: 'abort', Status: 'Enabled' }],
  whenExists: 'reuse',
};
const found: BucketState = {
  is: 'ours-to-read',
  name: 'b',
  region: 'r',
  tags: { mine: 'yes', theirs: 'too' },
  publicAccessBlocked: true,
  policy: plan.policy,
  encryption: { algorithm: 'AES256' },
  lifecycle: plan.lifecycle,
  versioning: 'off',
  objectLock: false,
};

describe('bucketGaps', () => {
  it('is empty where all of ours is there, whatever else is', () => {
    expect(bucketGaps(found, plan)).toEqual([]);
  });

  it('adds ours beside the statements and rules of others', () => {
    const theirs = { Sid: 'Theirs', Effect: 'Allow' };
    const gaps = bucketGaps({ ...found, policy: { Version: '2012-10-17', Statement: [theirs] }, lifecycle: [{ ID: 'theirs', Status: 'Enabled' }] }, plan);
    expect(gaps.map(({ slice, after }) => [slice, after])).toEqual([
      [
        'lifecycle',
        [
          { ID: 'theirs', Status: 'Enabled' },
          { ID: 'abort', Status: 'Enabled' },
        ],
      ],
      ['policy', { Version: '2012-10-17', Statement: [theirs, ours] }],
    ]);
  });

  it('reads a policy whose only statement stands without a list', () => {
    expect(bucketGaps({ ...found, policy: { Version: '2012-10-17', Statement: ours } }, plan)).toEqual([]);
    const theirs = { Sid: 'Theirs', Effect: 'Allow' };
    expect(bucketGaps({ ...found, policy: { Statement: theirs } }, plan)).toMatchObject([{ slice: 'policy', after: { Statement: [theirs, ours] } }]);
  });

  it('never weakens encryption, and names a key that would be missing', () => {
    const withKey: BucketState = { ...found, encryption: { algorithm: 'aws:kms', key: 'arn:aws:kms:r:1:key/k', bucketKey: true } };
    expect(bucketGaps(withKey, plan)).toEqual([]);
    expect(foreignKey(withKey, plan)).toBe('arn:aws:kms:r:1:key/k');
    expect(foreignKey(withKey, { ...plan, encryption: { algorithm: 'aws:kms', key: 'arn:aws:kms:r:1:key/k', bucketKey: true } })).toBeUndefined();
    expect(foreignKey({ ...found, encryption: { algorithm: 'aws:kms', key: '', bucketKey: true } }, plan)).toBeUndefined();
  });
});
