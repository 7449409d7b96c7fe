import { describe, expect, it } from 'vitest';
import { hoursIn } from './durations.ts';
import { keptFor, retentionOf, shortened } from './retention.ts';

interface Made {
  readonly config?: object;
  readonly runtime?: object;
  readonly args?: readonly string[];
  readonly in?: 'ConfigMap' | 'Secret';
}
const compactor = { retention_enabled: true };
const base = { compactor, limits_config: { retention_period: '672h' } };

function manifest({ config = base, runtime, args = [], in: kind = 'ConfigMap' }: Made = {}): string {
  const texts = { 'config.yaml': JSON.stringify(config), ...(runtime && { 'runtime-config.yaml': JSON.stringify(runtime) }) };
  const data = kind === 'Secret' ? Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')])) : texts;
  const pod = { containers: [{ name: 'loki', args: ['-config.file=/etc/loki/config/config.yaml', '-target=compactor', ...args] }] };
  return [
    { kind, metadata: { name: 'loki' }, data },
    { kind: 'StatefulSet', metadata: { name: 'loki-compactor' }, spec: { template: { spec: pod } } },
  ]
    .map((object) => JSON.stringify(object))
    .join('\n---\n');
}

const before = retentionOf(manifest());

describe('what makes Loki delete sooner', () => {
  const rows: readonly (readonly [string, Made, readonly string[]])[] = [
    ['a shorter period', { config: { compactor, limits_config: { retention_period: '24h' } } }, ['all logs 24']],
    ['the same in other words', { config: { compactor, limits_config: { retention_period: '4w' } } }, []],
    ['a longer period', { config: { compactor, limits_config: { retention_period: '1y' } } }, []],
    ['none at all', { config: { compactor, limits_config: { retention_period: 0 } } }, []],
    ['deletion switched off', { config: { compactor: { retention_enabled: false }, limits_config: { retention_period: '24h' } } }, []],
    ['a Secret', { in: 'Secret', config: { compactor, limits_config: { retention_period: '1d' } } }, ['all logs 24']],
    [
      'a stream',
      { config: { compactor, limits_config: { retention_period: '672h', retention_stream: [{ selector: '{app="x"}', priority: 1, period: '24h' }] } } },
      ['logs of {app="x"} 24'],
    ],
    [
      'a stream that is kept for longer',
      { config: { compactor, limits_config: { retention_period: '672h', retention_stream: [{ selector: '{app="x"}', priority: 1, period: '744h' }] } } },
      [],
    ],
    ['a tenant', { runtime: { overrides: { a: { retention_period: '48h' } } } }, ['logs of tenant a 48']],
    [
      'a stream of a tenant',
      { runtime: { overrides: { a: { retention_stream: [{ selector: '{app="x"}', period: '48h' }] } } } },
      ['logs of {app="x"} of tenant a 48'],
    ],
    ['a flag', { args: ['-store.retention=24h'] }, ['all logs 24']],
    ['a flag of two words', { args: ['--store.retention', '24h'] }, ['all logs 24']],
    ['a table manager', { config: { ...base, table_manager: { retention_deletes_enabled: true, retention_period: '168h' } } }, ['all logs 168']],
    ['a table manager that deletes nothing', { config: { ...base, table_manager: { retention_deletes_enabled: false, retention_period: '168h' } } }, []],
    ['flags of a table manager', { args: ['-table-manager.retention-deletes-enabled', '-table-manager.retention-period=168h'] }, ['all logs 168']],
  ];
  it.each(rows)('%s', (_, made, expected) => {
    const after = retentionOf(manifest(made));
    expect(shortened(before, after).map(({ of, to }) => `${of} ${to}`)).toEqual(expected);
    expect(after.unknown).toEqual([]);
  });

  it('what was kept for longer than everything, and falls back', () => {
    const audit = { compactor, limits_config: { retention_period: '672h', retention_stream: [{ selector: '{app="audit"}', priority: 1, period: '8760h' }] } };
    expect(shortened(retentionOf(manifest({ config: audit })), before)).toEqual([{ of: 'logs of {app="audit"}', from: 8760, to: 672 }]);
    const tenant = retentionOf(manifest({ runtime: { overrides: { a: { retention_period: '8760h' } } } }));
    expect(shortened(tenant, before)).toEqual([{ of: 'logs of tenant a', from: 8760, to: 672 }]);
  });

  it('deletion that was off before', () => {
    const off = retentionOf(manifest({ config: { compactor: { retention_enabled: false }, limits_config: { retention_period: '672h' } } }));
    expect(shortened(off, before)).toEqual([{ of: 'all logs', from: Number.POSITIVE_INFINITY, to: 672 }]);
    const byFlag = retentionOf(manifest({ config: { limits_config: { retention_period: '672h' } }, args: ['-compactor.retention-enabled=true'] }));
    expect(shortened(off, byFlag)).toHaveLength(1);
    expect(shortened(keptFor(28), before)).toEqual([]);
  });

  it.each<readonly [string, Made | string]>([
    ['another file', { args: ['-config.file=/etc/mine.yaml'] }],
    ['another runtime file', { args: ['-runtime-config.file=/x.yaml'] }],
    ['another runtime file, by configuration', { config: { ...base, runtime_config: { file: '/mine/x.yaml' } } }],
    ['overrides of the old kind', { config: { ...base, limits_config: { retention_period: '672h', per_tenant_override_config: '/x' } } }],
    ['a variable', { config: { compactor, limits_config: { retention_period: '${KEEP:24h}' } } }],
    ['a period that is none', { config: { compactor, limits_config: { retention_period: [] } } }],
    ['no configuration among the objects', 'kind: Service\nmetadata: {name: loki}\n'],
    ['no YAML', '{"a": [}\n---\n\t%'],
    ['nothing', ''],
  ])('what can not be read is said: %s', (_, made) => {
    const found = retentionOf(typeof made === 'string' ? made : manifest(made));
    expect(found.unknown.length).toBeGreaterThan(0);
  });
});

it.each([
  ['672h', 672],
  ['4w', 672],
  ['1d12h', 36],
  ['24h0m0s', 24],
  ['0', 0],
  ['0s', 0],
  [0, 0],
  ['', undefined],
  ['7', undefined],
  ['-24h', undefined],
  ['x', undefined],
  ['1h'.repeat(100), undefined],
  [undefined, undefined],
])('%j is %j hours', (text, hours) => expect(hoursIn(text)).toBe(hours));
