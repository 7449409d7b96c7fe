/** Lifecycle rules applied to a bucket as days pass. */
import { describe, expect, it } from 'vitest';
import { createClock } from '../clock.ts';
import { letDaysPass } from './s3-lifecycle.ts';
import { addBucket, createS3State, type Bucket } from './s3-state.ts';
import { removeObject, writeObject } from './s3-objects.ts';

const open = (versioning: Bucket['versioning'], rules: string) => {
  const state = createS3State({ clock: createClock(), accountId: '1', partition: 'aws', hostSuffix: 'h', deletedNameMs: 0 });
  const bucket = addBucket(state, { name: 'b', owner: '1', region: 'r' });
  bucket.versioning = versioning;
  bucket.settings.set('lifecycle', rules);
  const put = (key: string, headers?: Record<string, string>) => writeObject(state, bucket, { key, body: Buffer.from(key), ...(headers && { headers }) });
  const left = () =>
    Object.fromEntries([...bucket.objects.keys('')].map((key) => [key, bucket.objects.get(key)!.map(({ marker }) => (marker ? 'marker' : 'version'))]));
  return { state, bucket, put, left };
};
const rule = (inner: string, filter = '<Filter><Prefix></Prefix></Filter>', status = 'Enabled') => `<Rule><Status>${status}</Status>${filter}${inner}</Rule>`;
const expireAll =
  rule(
    '<Expiration><Days>1</Days></Expiration><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
  ) + rule('<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>');

describe('letDaysPass', () => {
  it('expires objects and uploads a day after they were written, at the next midnight', () => {
    const { state, bucket, put, left } = open('off', expireAll);
    put('a');
    bucket.uploads.set('u', { id: 'u', key: 'a', started: new Date(), headers: undefined, parts: new Map() });
    letDaysPass(state, 1);
    expect([left(), bucket.uploads.size]).toEqual([{ a: ['version'] }, 1]);
    expect(letDaysPass(state, 1)).toEqual({ objects: 1, versions: 0, markers: 0, uploads: 1 });
    expect([left(), bucket.uploads.size]).toEqual([{}, 0]);
  });

  it('lays markers first where versions are kept, and takes the rest within four days', () => {
    const { state, bucket, put, left } = open('Enabled', expireAll);
    put('a');
    put('a');
    put('gone');
    removeObject(state, bucket, { key: 'gone' });
    letDaysPass(state, 2);
    expect(left()).toMatchObject({ a: expect.arrayContaining(['marker']) });
    letDaysPass(state, 2);
    expect(left()).toEqual({});
  });

  it('keeps what rules do not mean: other prefixes, tags, rules that are off, newer versions, and what is locked', () => {
    const days = '<Expiration><Days>1</Days></Expiration>';
    const rules = [
      rule(days, '<Filter><Prefix>a/</Prefix></Filter>'),
      rule(days, '<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>'),
      rule(days, undefined, 'Disabled'),
      rule('<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>1</NewerNoncurrentVersions></NoncurrentVersionExpiration>'),
    ];
    const { state, put, left } = open('Enabled', rules.join(''));
    put('b');
    for (const _ of [1, 2, 3]) put('c');
    put('c/locked', { 'x-amz-object-lock-mode': 'COMPLIANCE', 'x-amz-object-lock-retain-until-date': new Date(Date.now() + 10 * 86_400_000).toISOString() });
    for (const _ of [1, 2]) put('c/locked');
    letDaysPass(state, 5);
    expect(left()).toEqual({ b: ['version'], c: ['version', 'version'], 'c/locked': ['version', 'version', 'version'] });
    letDaysPass(state, 10);
    expect(left()['c/locked']).toHaveLength(2);
  });
});
