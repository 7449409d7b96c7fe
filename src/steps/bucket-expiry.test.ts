/** Buckets handed over to S3's lifecycle, and foreign rules that would delete objects Loki still needs. */
import { describe, expect, it } from 'vitest';
import type { Buckets, BucketState, LifecycleRule } from '../ports/buckets.ts';
import { earlyExpiry, EXPIRY, expireBucket, howLong, isExpiring } from './bucket-expiry.ts';

const abort = { ID: 'loki-eks-abort-multipart', Status: 'Enabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } };
const theirs: LifecycleRule = { ID: 'theirs', Status: 'Enabled', Filter: { Prefix: 'backup/' }, Expiration: { Days: 3 } };
const found: BucketState = {
  is: 'ours-to-read',
  name: 'b',
  region: 'r',
  tags: { mine: 'yes' },
  publicAccessBlocked: true,
  lifecycle: [theirs, abort],
  versioning: 'off',
  objectLock: false,
};

describe('expireBucket', () => {
  const writes: (readonly LifecycleRule[])[] = [];
  const buckets = { setLifecycle: async (_: string, rules: readonly LifecycleRule[]) => void writes.push(rules) } as unknown as Buckets;
  const say = () => undefined;

  it("puts its two rules beside others' once, and says how long S3 takes", async () => {
    expect(await expireBucket(buckets, found, { say, how: 'cmd' })).toEqual({
      is: 'kept',
      target: 's3://b',
      logs: true,
      why: 'S3 empties it within about two days; then it can be deleted',
      how: 'cmd',
      changed: true,
    });
    expect(writes).toEqual([[theirs, abort, ...EXPIRY]]);
    const handed = { ...found, lifecycle: writes[0]! };
    expect(isExpiring(handed)).toBe(true);
    expect(await expireBucket(buckets, handed, { say })).not.toHaveProperty('changed');
    const off = { ...handed, lifecycle: handed.lifecycle.map((rule) => ({ ...rule, Status: 'Disabled' })), objectLock: true, versioning: 'on' as const };
    expect(await expireBucket(buckets, off, { say })).toMatchObject({ changed: true, why: expect.stringContaining('except objects under Object Lock') });
    expect(writes).toHaveLength(2);
    expect(howLong(off)).toBe('about four days');
  });
});

describe('earlyExpiry', () => {
  const plan = { retentionDays: 28, tenant: 'fake' };
  const early = (rule: object, use: 'chunks' | 'ruler' = 'chunks') =>
    earlyExpiry({ ...found, lifecycle: [abort, { ID: 'theirs', Status: 'Enabled', ...rule } as LifecycleRule] }, use, plan)?.message;

  it.each([
    ['a blanket rule that is shorter', { Filter: { Prefix: '' }, Expiration: { Days: 28 } }, true],
    ['one that leaves Loki its time', { Filter: { Prefix: '' }, Expiration: { Days: 29 } }, false],
    ['one for the index', { Filter: { Prefix: 'index/loki' }, Expiration: { Days: 7 } }, true],
    ['one for the tenant, in the old form', { Prefix: 'fake', Expiration: { Days: 7 } }, true],
    ['one for something else', { Filter: { Prefix: 'backup/' }, Expiration: { Days: 1 } }, false],
    ['one for tagged objects', { Filter: { And: { Prefix: '', Tags: [{ Key: 'a', Value: 'b' }] } }, Expiration: { Days: 1 } }, false],
    ['one with a date', { Filter: {}, Expiration: { Date: '2026-01-01T00:00:00.000Z' } }, true],
    ['one that is off', { Status: 'Disabled', Filter: {}, Expiration: { Days: 1 } }, false],
    ['one for older versions', { Filter: {}, NoncurrentVersionExpiration: { NoncurrentDays: 1 } }, false],
    ['one for left-over markers', { Filter: {}, Expiration: { ExpiredObjectDeleteMarker: true } }, false],
  ])('%s', (_, rule, bars) => {
    expect(early(rule) !== undefined).toBe(bars);
  });

  it('names the rule, both times, and what to do; alert rules may never expire', () => {
    const rule = { Filter: { Prefix: '' }, Expiration: { Days: 10 } };
    expect(early(rule)).toBe('The lifecycle rule "theirs" of s3://b expires objects after 10 days, but Loki keeps logs for 28 days');
    expect(early({ ...rule, Expiration: { Days: 400 } }, 'ruler')).toContain('alert rules are kept forever');
    expect(earlyExpiry({ ...found, lifecycle: [{ Status: 'Enabled', ...rule }] }, 'chunks', plan)?.fix).toContain('--retention-days 9');
    expect(earlyExpiry({ ...found, lifecycle: EXPIRY }, 'chunks', plan)).toBeUndefined();
  });
});
