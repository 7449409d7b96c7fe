import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketName, bucketNamespace, longestPrefix, roleName } from './names.ts';
import { installIdOf, ownership } from './ownership.ts';

const arn = 'arn:aws:eks:ap-northeast-2:111122223333:cluster/training-on-eks';

describe('installIdOf', () => {
  it('is eight hex digits that stay the same and differ by cluster, region, account and namespace', () => {
    const ids = [arn, arn.replace('ap-', 'us-'), arn.replace('1111', '2222'), `${arn}2`].map((one) => installIdOf(one, 'loki'));
    ids.push(installIdOf(arn, 'other'));
    expect(new Set(ids).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}$/);
    expect(installIdOf(arn, 'loki')).toBe(ids[0]);
  });

  it('marks are of the allowed form', () => {
    const { tags, labels, annotations } = ownership(arn, 'loki');
    expect(tags).toEqual({ 'loki-eks/managed-by': 'loki-eks', 'loki-eks/cluster-arn': arn, 'loki-eks/install-id': installIdOf(arn, 'loki') });
    for (const value of Object.values(labels)) expect(value).toMatch(/^[a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?$/);
    expect(Object.values(annotations)).toEqual([arn]);
  });
});

describe('buckets', () => {
  const parts = { prefix: 'loki', use: 'chunks', installId: '0a1b2c3d', account: '111122223333', region: 'ap-northeast-2' } as const;

  it('carry account and region where S3 demands it', () => {
    expect(bucketName({ ...parts, namespace: 'account-regional' })).toBe('loki-chunks-0a1b2c3d-111122223333-ap-northeast-2-an');
    expect(bucketName({ ...parts, namespace: 'global' })).toBe('loki-chunks-0a1b2c3d');
  });

  it('fall back to the global namespace where S3 has no other', () => {
    expect(bucketNamespace({ wanted: 'account-regional', region: 'me-south-1' })).toBe('global');
    expect(bucketNamespace({ wanted: 'account-regional', region: 'eu-west-1' })).toBe('account-regional');
  });

  it('fit into 63 characters with the longest prefix, and with one more they do not', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('us-east-1', 'ap-northeast-2', 'us-gov-west-1', 'me-south-1', 'cn-north-1'),
        fc.constantFrom('global', 'account-regional'),
        (region, wanted) => {
          const most = longestPrefix({ bucketNamespace: wanted as 'global', region });
          const name = (length: number) =>
            bucketName({ ...parts, region, prefix: 'x'.repeat(length), namespace: bucketNamespace({ wanted: wanted as 'global', region }) });
          expect(name(most)).toHaveLength(63);
          expect(name(most + 1).length).toBeGreaterThan(63);
        },
      ),
    );
    expect(longestPrefix({ bucketNamespace: 'account-regional' })).toBe(16);
  });
});

it('role names never exceed what IAM allows', () => {
  expect(roleName('training-on-eks', '0a1b2c3d')).toBe('loki-eks-training-on-eks-0a1b2c3d');
  expect(roleName('x'.repeat(100), '0a1b2c3d').length).toBeLessThanOrEqual(64);
});
