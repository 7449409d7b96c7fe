/** Values judged without a cluster: what loses logs is told, and what is right is not. */
import { describe, expect, it } from 'vitest';
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
    ['no bucket', { loki: { storage: { type: 's3' }, schemaConfig: {} } }, 'LOKI_BUCKET_UNNAMED'],
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
      'LOKI_SCHEMA_LATE',
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
    ['a Deployment that reads files', pipeline('loki.source.file "a" {\n}\n', { type: 'deployment' }), 'COLLECTOR_NOT_DAEMON'],
    ['the API server', pipeline('loki.source.kubernetes "a" {\n}\n'), 'ALLOY_API_TAIL'],
    ['no rights', { ...pipeline('discovery.kubernetes "a" {\n}\n'), rbac: { create: false } }, 'ALLOY_RBAC'],
  ])('%s', (_, values, code) => {
    expect(codes(values, 'alloy')).toContain(code);
  });
});
