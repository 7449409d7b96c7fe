/** A bucket that is left to S3's lifecycle: handed over after its writers are gone, taken back before anything writes, empty after two days. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { letDaysPass } from '../../src/sandbox/aws/s3-lifecycle.ts';
import type { Bucket } from '../../src/sandbox/aws/s3-state.ts';
import { openHarness, type Harness, type Ran } from '../fault-injection/harness.ts';

const theirs = '<Rule><ID>theirs</ID><Status>Enabled</Status><Filter><Prefix>backup/</Prefix></Filter><Expiration><Days>400</Days></Expiration></Rule>';

let harness: Harness;
let chunks: Bucket;
beforeAll(async () => {
  harness = await openHarness();
  await install();
  chunks = [...harness.world.account.state.s3.buckets.values()].find(({ name }) => name.includes('-chunks-'))!;
  harness.world.account.seedObjects(chunks.name, { count: 300, prefix: 'fake/', daysAgo: 3 });
  chunks.settings.set('lifecycle', `${rules()}${theirs}`);
});
afterAll(() => harness.close());

const s3 = () => harness.world.account.state.s3;
const rules = () => chunks.settings.get('lifecycle') ?? '';
const written = ({ writes }: Ran) => writes.map(({ call }) => call).filter((call) => !/leases|reviews|token|sts:/.test(call));
const install = async (flags = {}) => {
  const ran = await harness.run({ command: 'install', flags });
  expect(ran.exit, JSON.stringify(ran.events.at(-1))).toBe(0);
  return ran;
};
const expire = () => harness.run({ command: 'uninstall', flags: {}, expireData: true });
/** The configuration that Loki's pods were given. */
const lokiSays = () => JSON.stringify(harness.world.store.list('ConfigMap').filter(({ metadata }) => metadata.name === 'loki'));

describe('a bucket that is left to S3 to expire', () => {
  it('is handed over after the releases are gone, with its tags and the rules of others', async () => {
    const { tags } = chunks;
    const ran = await expire();
    expect(ran.exit).toBe(0);
    const made = written(ran);
    expect(made.filter((call) => call.startsWith('s3:'))).toEqual(['s3:PutBucketLifecycleConfiguration', 's3:PutBucketLifecycleConfiguration']);
    expect(made).toContain('kube:delete:statefulsets');
    expect(made.findLastIndex((call) => /^kube:delete:(statefulsets|deployments|daemonsets|pods)/.test(call))).toBeLessThan(
      made.indexOf('s3:PutBucketLifecycleConfiguration'),
    );
    expect(rules()).toContain('<ID>theirs</ID>');
    expect(rules()).toContain('<ID>loki-eks-expire-all</ID>');
    expect(chunks.tags).toEqual(tags);
    expect(ran.events.find((event) => event.type === 'step.kept' && event.step === 'bucket.chunks')).toMatchObject({
      why: 'S3 empties it within about two days; then it can be deleted',
      how: expect.stringContaining(`--delete-data --confirm-delete-data ${chunks.name}`),
    });
  });

  it('is not handed over twice, and a plain uninstall says what goes on there', async () => {
    const again = await expire();
    expect([again.exit, written(again)]).toEqual([0, []]);
    const plain = await harness.run({ command: 'uninstall', flags: {} });
    expect(JSON.stringify(plain.events)).toContain('S3 is emptying it');
  });

  it('is taken back by an install before anything writes, which says so', async () => {
    const ran = await install();
    expect(JSON.stringify(ran.events.find(({ type }) => type === 'plan.finished'))).toContain('S3 no longer empties it');
    const made = written(ran);
    const last = made.lastIndexOf('s3:PutBucketLifecycleConfiguration');
    expect(last).toBeGreaterThanOrEqual(0);
    expect(made.findIndex((call) => call === 's3:PutObject' || /^kube:(create|patch):(statefulsets|deployments|pods)/.test(call))).toBeGreaterThan(last);
    expect(rules()).not.toContain('loki-eks-expire');
    expect(rules()).toContain('<ID>theirs</ID>');
    letDaysPass(s3(), 3);
    expect([...chunks.objects.keys('fake/')].length).toBeGreaterThanOrEqual(300);
    expect(written(await install())).toEqual([]);
  });

  it('does not expire again when an install is rolled back, and the run says how to name it again', async () => {
    await expire();
    expect(rules()).toContain('<ID>loki-eks-expire-all</ID>');
    const ran = await harness.run({ command: 'install', flags: {}, faults: [{ call: 'kube:create:serviceaccounts', nth: 1, fault: 'before' }] });
    expect(ran.exit).toBe(4);
    // Lines may have come meanwhile, and nobody has named them.
    expect(rules()).not.toContain('<ID>loki-eks-expire-all</ID>');
    expect(rules()).toContain('<ID>theirs</ID>');
    const kept = ran.events.find(({ type }) => type === 'step.kept');
    expect(kept).toMatchObject({ why: 'S3 no longer empties it, and it may contain new logs', how: expect.stringContaining('--expire-data') });
    await install();
  });

  it('never expires by a changed retention, and a rule that is shorter than it bars the way', async () => {
    await install({ retentionDays: 90 });
    expect(rules()).not.toContain('<Days>90</Days>');
    expect(lokiSays()).toContain('retention_period: 2160h');
    const unsaid = await harness.run({ command: 'install', flags: {} });
    expect(unsaid.events.at(-1)).toMatchObject({
      exit: 3,
      problems: [{ code: 'RETENTION_WOULD_SHORTEN', fix: expect.stringContaining('--retention-days 90') }],
    });
    expect(written(unsaid)).toEqual([]);
    const kept = rules();
    chunks.settings.set('lifecycle', `${kept}${theirs.replace('theirs', 'short').replace('backup/', '').replace('400', '60')}`);
    const blockers = await harness.run({ command: 'install', flags: { retentionDays: 90 } });
    expect(blockers.exit).toBe(3);
    expect(blockers.events.at(-1)).toMatchObject({ problems: [{ code: 'BUCKET_EXPIRES_EARLY', message: expect.stringContaining('"short"') }] });
    expect(written(blockers)).toEqual([]);
    await install({ retentionDays: 59 });
    expect(lokiSays()).toContain('retention_period: 1416h');
    chunks.settings.set('lifecycle', kept);
  });

  it('is empty after two days, and then goes for good', async () => {
    chunks.uploads.set('u', { id: 'u', key: 'half', started: new Date(), headers: undefined, parts: new Map() });
    await expire();
    expect(chunks.objects.size).toBeGreaterThanOrEqual(300);
    letDaysPass(s3(), 2);
    expect([chunks.objects.size, chunks.uploads.size]).toEqual([0, 0]);
    const gone = await harness.run({ command: 'uninstall', flags: {}, deleteData: true });
    expect(gone.exit).toBe(0);
    expect(written(gone)).not.toContain('s3:DeleteObjects');
    expect([...s3().buckets.keys()]).toEqual([]);
  });
});
