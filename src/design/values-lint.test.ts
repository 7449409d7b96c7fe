/** Values linted without a cluster: what loses logs is reported, and valid values are not. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { periods, invalidPeriod } from './schema.ts';
import { lintValues } from './values-lint.ts';

const codes = (values: object, chart: 'loki' | 'alloy'): readonly string[] =>
  lintValues({ file: 'values.yaml', values: values as Readonly<Record<string, unknown>> }, chart).faults.map(({ code }) => code);
const cache = { chunksCache: { allocatedMemory: 512 } };
const pipeline = (content: string, more: object = {}) => ({
  controller: { tolerations: [], ...more },
  alloy: { mounts: { varlog: true }, configMap: { content } },
});

describe('values for Loki', () => {
  it('that are right have no fault', () => {
    expect(
      codes(
        {
          ...cache,
          loki: {
            storage: { type: 's3', bucketNames: { chunks: 'my-chunks', ruler: 'my-ruler' } },
            schemaConfig: { configs: [{ from: '2024-04-01', store: 'tsdb', schema: 'v13', index: { period: '24h' } }] },
            querier: { query_ingesters_within: '3h' },
            ingester: { max_chunk_age: '2h', wal: { replay_memory_ceiling: '500MB' } },
          },
          ingester: { resources: { limits: { memory: '1Gi' } } },
        },
        'loki',
      ),
    ).toEqual([]);
  });

  it.each([
    ['no bucket', { loki: { storage: { type: 's3' }, schemaConfig: {} } }, 'LOKI_BUCKET_NOT_SET'],
    ['a path in its name', { loki: { storage: { bucketNames: { chunks: 'loki-con/loki-chunks', ruler: 'r-r' } } } }, 'LOKI_BUCKET_NAME'],
    ['a variable that was not replaced', { loki: { storage: { bucketNames: { chunks: '${BUCKET}', ruler: 'r-r' } } } }, 'LOKI_BUCKET_NAME'],
    [
      'a period of a week',
      { loki: { schemaConfig: { configs: [{ from: '2024-04-01', store: 'tsdb', schema: 'v13', index: { period: '168h' } }] } } },
      'LOKI_CONFIG_INVALID',
    ],
    [
      'a schema of tomorrow',
      { loki: { schemaConfig: { configs: [{ from: new Date(Date.now() + 864e5).toISOString(), store: 'tsdb', schema: 'v13' }] } } },
      'LOKI_SCHEMA_STARTS_LATE',
    ],
    ['a limit below the replay', { ingester: { resources: { limits: { memory: '1Gi' } } } }, 'LOKI_WAL_CEILING'],
    ['a gap', { loki: { querier: { query_ingesters_within: '30m' } } }, 'QUERY_GAP'],
    ['old chunks', { loki: { ingester: { max_chunk_age: '12h' } } }, 'QUERY_GAP'],
  ])('%s', (_, values, code) => {
    expect(codes({ ...cache, ...values }, 'loki')).toContain(code);
  });
});

describe('values for Alloy', () => {
  it.each([
    ['a Deployment that reads files', pipeline('loki.source.file "a" {\n}\n', { type: 'deployment' }), 'COLLECTOR_NOT_DAEMONSET'],
    ['the API server', pipeline('loki.source.kubernetes "a" {\n}\n'), 'ALLOY_API_TAIL'],
    ['no rights', { ...pipeline('discovery.kubernetes "a" {\n}\n'), rbac: { create: false } }, 'ALLOY_RBAC'],
  ])('%s', (_, values, code) => {
    expect(codes(values, 'alloy')).toContain(code);
  });
});

describe('values of any shape', () => {
  const leaf = fc.oneof(fc.constantFrom(null, '', 0, -1, 1e21, true, 'x', '2024-04-01', 'never', '{{ x }}'), fc.string(), fc.double());
  const key = fc.oneof(
    fc.constantFrom(
      ...'loki alloy schemaConfig configs from storage bucketNames chunks ruler storage_config aws gateway service type basicAuth chunksCache ingester querier limits_config'.split(
        ' ',
      ),
      ...'controller configMap content mounts extra securityContext constructor __proto__ valueOf toString hasOwnProperty structuredConfig resources limits memory wal'.split(
        ' ',
      ),
    ),
    fc.string(),
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 5, withCrossShrink: true }, leaf, fc.array(tie('node'), { maxLength: 3 }), fc.dictionary(key, tie('node'), { maxKeys: 4 })),
  })).node;
  const values = fc.dictionary(key, tree);

  it.each(['loki', 'alloy', undefined] as const)('are judged, for %s', (chart) => {
    fc.assert(
      fc.property(values, (some) => void lintValues({ file: 'f', values: some }, chart)),
      { numRuns: 2000, seed: 11 },
    );
  });

  it('are judged where something strange stands at every known place', () => {
    const strange = [null, '', 0, [], {}, [null], [[]], 'x', { a: null }];
    for (const path of [
      'loki.schemaConfig.configs',
      'loki.schemaConfig',
      'loki.storage',
      'loki.storage.bucketNames',
      'gateway.service',
      'alloy.configMap',
      'alloy.mounts.extra',
      'controller',
    ])
      for (const value of strange)
        for (const chart of ['loki', 'alloy'] as const) {
          const some = path.split('.').reduceRight<unknown>((below, name) => ({ [name]: below }), value) as Readonly<Record<string, unknown>>;
          lintValues({ file: 'f', values: some }, chart);
        }
    expect(codes({ loki: { schemaConfig: { configs: [null] } } }, 'loki')).toContain('LOKI_CONFIG_INVALID');
  });

  it.each([
    [[null], 'configs[0] is null'],
    [[{ from: '2024-04-01' }, 'x'], 'configs[1] is "x"'],
    [[{ from: '2024-13-41' }], 'configs[0].from is "2024-13-41"'],
    [[{}], 'configs[0].from is null'],
    ['x', 'not a list'],
  ])('periods that are none are said: %j', (configs, words) => {
    expect(invalidPeriod({ loki: { schemaConfig: { configs } } })).toContain(words);
  });

  it('periods go on from whatever is there', () => {
    const from = fc.oneof(fc.constantFrom('', 'x', '2024-04-01', '9999-12-31', '2024-02-30', null, 7), fc.string());
    const period = fc.record({ from, store: fc.constantFrom('tsdb', 'boltdb'), schema: fc.oneof(fc.constantFrom('v13', 'v11'), fc.string()) });
    fc.assert(
      fc.property(fc.array(period, { maxLength: 3 }), (kept) => {
        const ours = [{ from: '2024-04-01', store: 'tsdb', schema: 'v13' }];
        expect(periods({ ours, kept: kept as never, today: '2026-01-31' }).length).toBeGreaterThan(0);
      }),
      { numRuns: 2000, seed: 12 },
    );
  });
});
