import { describe, expect, it } from 'vitest';
import { someFacts, someSettings } from '../../test/support/facts.ts';
import { templates } from '../../test/support/templates.ts';
import { logsKept } from '../checks/logs-kept.ts';
import type { CheckContext } from '../checks/context.ts';
import { withAdopted } from './installation-record.ts';
import { design } from './design.ts';
import { keptInConfig, keptInValues, lostPeriods, periods, takesMetadata, type Period } from './schema.ts';

const index = { prefix: 'loki_index_', period: '24h' };
const ours: Period = { from: '2024-04-01', store: 'tsdb', object_store: 's3', schema: 'v13', index };
const older: Period = { from: '2022-01-01', store: 'boltdb-shipper', object_store: 's3', schema: 'v11', index: { prefix: 'old_', period: '24h' } };
const today = '2026-11-22';

describe('the periods of the schema', () => {
  it('are ours where nothing is stored, and those that are there where something is', () => {
    expect(periods({ ours: [ours], kept: [], today })).toEqual([ours]);
    const theirs = { ...ours, from: '2025-06-01', index: { prefix: 'theirs_', period: '24h' } };
    expect(periods({ ours: [ours], kept: [theirs], today })).toEqual([theirs]);
    expect(periods({ ours: [ours], kept: [older, theirs], today })).toEqual([older, theirs]);
  });

  it('go on with ours from a day in the future where theirs is older, once', () => {
    const next = periods({ ours: [ours], kept: [older], today });
    expect(next).toEqual([older, { ...ours, from: '2026-11-24' }]);
    expect(periods({ ours: [ours], kept: next, today: '2026-11-23' })).toEqual(next);
    expect(lostPeriods({ before: [older], after: next, today })).toEqual([]);
    expect([takesMetadata([ours]), takesMetadata(next)]).toEqual([true, false]);
  });

  it('that have begun may neither change nor go, nor may one start in the past', () => {
    expect(lostPeriods({ before: [older, ours], after: [ours], today })).toEqual([expect.stringContaining('2022-01-01')]);
    expect(lostPeriods({ before: [ours], after: [{ ...ours, schema: 'v12' }], today })).toHaveLength(2);
    expect(lostPeriods({ before: [ours], after: [ours, { ...ours, from: '2026-11-22' }], today })).toEqual([expect.stringContaining('start in the past')]);
    const planned = { ...ours, from: '2027-01-01' };
    expect(lostPeriods({ before: [ours, planned], after: [ours, { ...planned, from: '2027-02-01' }], today })).toEqual([]);
  });
});

describe('a running Loki', () => {
  const inUse = { schema: [older, ours], chunksBucket: 'their-chunks', rulerBucket: 'their-ruler' };
  const check = async (flags: Readonly<Record<string, unknown>>, values: Readonly<Record<string, unknown>> = {}) => {
    const facts = someFacts({ inUse, today });
    const userValues = { loki: [{ file: 'mine.yaml', values }], alloy: [] };
    const blueprint = design(someSettings(flags), facts, { templates, userValues });
    return { blueprint, verdict: await logsKept.run({ blueprint, facts } as unknown as CheckContext, new AbortController().signal) };
  };
  const its = { chunksBucket: 'their-chunks', rulerBucket: 'their-ruler' };

  it('keeps its periods and buckets whatever else is changed', async () => {
    const { blueprint, verdict } = await check({ ...its, retentionDays: 3, size: 'large', bucketPrefix: 'another' });
    expect(verdict).toMatchObject({ is: 'pass' });
    expect(keptInValues(blueprint.loki.values as never)).toEqual(inUse);
    expect(blueprint.loki.values).toMatchObject({ loki: { limits_config: { allow_structured_metadata: false, retention_period: '72h' } } });
    expect(JSON.stringify(blueprint.role.policy)).toContain('arn:aws:s3:::their-chunks/*');
  });

  it('is moved to no other bucket, and loses no period to a values file', async () => {
    expect((await check({})).verdict).toMatchObject({
      is: 'fail',
      problem: { code: 'STORAGE_MOVED', fix: expect.stringContaining('--chunks-bucket their-chunks') },
    });
    const values = { loki: { schemaConfig: { configs: [ours] } } };
    expect((await check(its, values)).verdict).toMatchObject({
      is: 'fail',
      problem: { code: 'SCHEMA_CHANGED', message: expect.stringContaining('2022-01-01') },
    });
  });
});

it("reads Loki's own file, in which sections win over what is common", () => {
  const config = { common: { storage: { s3: { bucketnames: 'a' } } }, storage_config: { aws: { bucketnames: 'b' } }, schema_config: { configs: [older] } };
  expect(keptInConfig(config as never)).toEqual({ schema: [older], chunksBucket: 'b', rulerBucket: 'a' });
  expect(keptInConfig(undefined)).toEqual({ schema: [] });
});

it('what was adopted holds until somebody says otherwise', () => {
  const adopted = { settings: { tenant: 'foo', retentionDays: 90, chunksBucket: 'theirs' } };
  const settings = someSettings({ retentionDays: 7 });
  expect(withAdopted(settings, { adopted, said: new Set() })).toMatchObject({ tenant: 'foo', retentionDays: 90, chunksBucket: 'theirs' });
  expect(withAdopted(settings, { adopted, said: new Set(['retentionDays']) })).toMatchObject({ tenant: 'foo', retentionDays: 7 });
  expect(withAdopted(settings, { adopted: undefined, said: undefined })).toEqual(settings);
});
