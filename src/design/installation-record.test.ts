import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { someSettings } from '../../test/support/facts.ts';
import { adoptable, adoptedIn, believedSettings, documentIn, periodFault, recordedSettings, settingsFrom, writtenIn } from './installation-record.ts';
import { conflicts } from './setting-conflicts.ts';
import { settingSpecs } from './setting-specs.ts';
import type { Settings } from './settings-type.ts';

const own = someSettings({});
const fields = settingSpecs.map(({ field }) => field);
const believed = settingSpecs.filter(({ record }) => record === 'believed').map(({ field }) => field);

/** A value that the rule of its setting allows. */
const SOME: Partial<Record<keyof Settings, unknown>> = {
  collectorNamespace: 'agents',
  tenant: 'team-a',
  clusterLabel: 'prod',
  retentionDays: 90,
  size: 'large',
  storageClass: 'gp3',
  alertmanagerUrl: 'http://alertmanager:9093',
  identity: 'pod-identity',
  bucketPrefix: 'logs',
  bucketNamespace: 'global',
  chunksBucket: 'chunks-1',
  rulerBucket: 'ruler-1',
  kmsKey: 'arn:aws:kms:ap-northeast-2:111122223333:key/1234abcd',
  roleName: 'loki',
  iamPath: '/logs/',
  permissionsBoundary: 'arn:aws:iam::aws:policy/ReadOnlyAccess',
  tags: { team: 'platform' },
  expose: 'internal',
  allowCidr: ['10.0.0.0/8'],
  certificate: 'arn:aws:acm:ap-northeast-2:111122223333:certificate/1234abcd',
  gatewayUser: 'writer',
  grafana: 'none',
  grafanaNamespace: 'monitoring',
};

it('takes what it has written, but for what is only to be read by people', () => {
  expect(Object.keys(SOME).toSorted()).toEqual(believed.toSorted());
  const settings = { ...own, ...(SOME as Partial<Settings>) };
  const written = recordedSettings(settings) as Readonly<Record<string, unknown>>;
  const { value, ignored } = settingsFrom(written, own);
  expect(ignored).toEqual([]);
  expect(value).toEqual({ ...settings, createOidcProvider: own.createOidcProvider });
});

it.each(fields)('%s moves nothing unless it is believed, and then only by its own rule', (field) => {
  const spec = settingSpecs.find((one) => one.field === field)!;
  for (const hostile of ['/etc/passwd', '-', './pwn.sh', 'oci://evil.example/loki', 'https://evil.example', ['/etc/passwd'], true, 31, { a: 'b' }, null]) {
    const { value, ignored } = settingsFrom({ [field]: hostile }, own);
    const moved = fields.filter((one) => JSON.stringify(value[one]) !== JSON.stringify(own[one]));
    if (spec.record === 'believed') {
      expect(moved.filter((one) => one !== field)).toEqual([]);
      expect(moved.length + ignored.length).toBeLessThanOrEqual(1);
    } else {
      // Without its address, the cluster's Grafana must not be mistaken for the one that was meant.
      expect(moved).toEqual(['grafanaUrl', 'gatewayUrl'].includes(field) ? ['grafana'] : []);
      expect(ignored.map(({ key }) => key)).toEqual(spec.record === 'written' && !['grafanaUrl', 'gatewayUrl'].includes(field) ? [] : [field]);
    }
  }
});

it('believes no setting that names a file, a program or a chart, that agrees to something, or that a login is sent to', () => {
  const never = [
    'passwordFile',
    'grafanaTokenFile',
    'kubeconfig',
    'context',
    'profile',
    'helm',
    'lokiChart',
    'alloyChart',
    'chartRepo',
    'lokiValues',
    'alloyValues',
    'existingBuckets',
    'confirmRecreate',
    'createOidcProvider',
    'grafanaUrl',
    'gatewayUrl',
    'grafanaAdmin',
    'cluster',
    'region',
    'namespace',
    'timeoutSeconds',
    'onFailure',
    'onUnfinished',
    'verify',
    'output',
  ];
  expect([...never, ...believed].toSorted()).toEqual(fields.toSorted());
  expect(adoptable.filter((key) => !believed.includes(key))).toEqual([]);
});

it('never ends up with settings that contradict each other more than the caller’s own', () => {
  const anything = fc.dictionary(
    fc.constantFrom(...believed),
    fc.oneof(fc.constantFrom(...Object.values(SOME), '0.0.0.0/0', ['0.0.0.0/0'], 'public', 'x'.repeat(47)), fc.jsonValue()),
  );
  fc.assert(
    fc.property(anything, (document) => {
      const { value } = settingsFrom(document, own);
      expect(conflicts(value)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

it('reads any JSON without an error, as settings and as what was adopted', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const read = documentIn(text);
      if ('why' in read) return;
      settingsFrom(read.document, own);
      believedSettings(read.document, adoptable);
      const { value, faults } = adoptedIn(read.document);
      for (const key of Object.keys(value.settings)) expect(adoptable).toContain(key);
      expect(Array.isArray(faults)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it.each([
  ['', 'is not JSON'],
  ['{', 'is not JSON'],
  ['null', 'is null, not a map'],
  ['7', 'is 7, not a map'],
  ['[]', 'is a list, not a map'],
  ['"text"', 'is "text", not a map'],
  [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'is nested more than 64 levels deep'],
  [`{"a":"${'x'.repeat(1 << 20)}"}`, 'has 1048584 characters; a record has at most 1048576'],
])('of %.20s says what it is', (text, why) => {
  expect(documentIn(text)).toEqual({ why: expect.stringContaining(why) });
});

it('keeps keys that JavaScript has a meaning for out of everything', () => {
  const read = documentIn('{"__proto__":{"helm":"/pwn"},"constructor":{"helm":"/pwn"},"toString":1}');
  const { value, ignored } = settingsFrom('document' in read ? read.document : {}, own);
  expect(value.helm).toBeUndefined();
  expect(Object.keys(value)).toEqual(Object.keys(own));
  expect(ignored.map(({ key }) => key)).toEqual(['__proto__', 'constructor', 'toString']);
  const adopted = adoptedIn(JSON.parse('{"__proto__":{"settings":{}},"toString":[],"settings":{"helm":"/pwn","__proto__":1}}') as Record<string, unknown>);
  expect(adopted.value).toEqual({ settings: {} });
  expect(adopted.ignored.map(({ key }) => key)).toEqual(['__proto__', 'toString', 'helm', '__proto__']);
});

const PERIOD = { from: '2024-04-01', store: 'tsdb', object_store: 's3', schema: 'v13', index: { prefix: 'loki_index_', period: '24h' } };

it.each([
  [{ settings: { chunksBucket: 'Not A Bucket' } }, 'chunksBucket'],
  [{ settings: { tenant: '{{ lookup }}' } }, 'tenant'],
  [{ settings: 'none' }, 'settings'],
  [{ passwordSecret: '../other' }, 'passwordSecret'],
  [{ otherUsers: ['evil:{SHA}x'] }, 'otherUsers.0'],
  [{ schema: [{ ...PERIOD, index: { prefix: '{{ (lookup "v1" "Secret" "kube-system" "x").data }}' } }] }, 'schema.0.index.prefix'],
  [{ schema: [{ ...PERIOD, from: 7 }] }, 'schema.0'],
  [{ schema: {} }, 'schema'],
])('of %j says that it can not be, since logs are found by it', (document, key) => {
  expect(adoptedIn(document).faults.map((one) => one.key)).toEqual([key]);
});

it('takes periods as Loki has them, and none that helm would fill in', () => {
  expect(periodFault([PERIOD, { ...PERIOD, chunks: { prefix: 'chunks_', period: '168h', tags: { a: 'b' } }, row_shards: 16 }])).toBeUndefined();
  for (const hostile of ['{{ .Values }}', '"quoted"', 'a\nb', '$(x)', '`x`'])
    for (const key of ['store', 'object_store', 'extra'])
      expect(periodFault([{ ...PERIOD, [key]: hostile }]), `${key} ${hostile}`).toContain('schema_config.configs.0');
});

it('is no difference to itself, whatever of it is not believed', () => {
  const settings = { ...own, createOidcProvider: true, grafanaUrl: 'https://grafana.example', gatewayUrl: 'https://gateway.example' };
  const written = recordedSettings(settings) as Readonly<Record<string, unknown>>;
  const { value } = settingsFrom(written, own);
  expect(value).toMatchObject({ createOidcProvider: false, grafana: 'none' });
  expect({ ...(recordedSettings(value) as object), ...writtenIn(written, own) }).toEqual(written);
});
