import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ruleOf } from './rule-of.ts';
import { readSettings, settingSpecs, type SettingSources } from './settings.ts';

const read = (sources: SettingSources, need?: readonly string[]) => {
  const result = readSettings(sources, { need });
  if (result.is === 'invalid') throw new Error(result.problems.map(({ code, message }) => `${code} ${message}`).join('\n'));
  return result;
};
const wrong = (sources: SettingSources, need?: readonly string[]) => {
  const result = readSettings(sources, { need });
  if (result.is === 'read') throw new Error('read, but should be invalid');
  return result.problems.map(({ code, message, fix }) => `${code} ${message} | ${fix}`);
};
const cluster = 'training-on-eks';
const flags = (given: Record<string, unknown>) => ({ flags: { cluster, ...given } });
const certificate = 'arn:aws:acm:ap-northeast-2:111122223333:certificate/0a-1b';

describe('names', () => {
  it('every setting has one name everywhere', () => {
    for (const { key, flag, env } of settingSpecs) {
      expect(flag).toBe(`--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
      expect(env).toBe(`LOKI_EKS_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`);
    }
    expect(settingSpecs.find(({ key }) => key === 'retentionDays')).toMatchObject({ flag: '--retention-days', env: 'LOKI_EKS_RETENTION_DAYS' });
  });

  it('every default is a valid value of its own rule', () => {
    for (const spec of settingSpecs) if (spec.default !== undefined) expect(ruleOf(spec).safeParse(spec.default).success, spec.key).toBe(true);
  });
});

describe('precedence', () => {
  const file = { retentionDays: 3 };
  const env = { LOKI_EKS_RETENTION_DAYS: '2' };
  it.each([
    [{ flags: { retentionDays: '1' }, env, file, answers: { retentionDays: 4 } }, 1, 'flag --retention-days'],
    [{ env, file, answers: { retentionDays: 4 } }, 2, 'environment LOKI_EKS_RETENTION_DAYS'],
    [{ file, answers: { retentionDays: 4 }, fileName: 'loki-eks.yaml' }, 3, 'file loki-eks.yaml'],
    [{ answers: { retentionDays: 4 } }, 4, 'question'],
    [{}, 28, 'default'],
  ])('%#', (sources, value, from) => {
    const { settings, origins } = read(sources as SettingSources);
    expect(settings.retentionDays).toBe(value);
    expect(origins['retentionDays']).toEqual({ value, from });
  });

  it('defaults make a whole', () => {
    expect(read(flags({})).settings).toEqual({
      cluster,
      namespace: 'loki',
      collectorNamespace: 'alloy',
      retentionDays: 28,
      size: 'small',
      identity: 'irsa',
      createOidcProvider: false,
      bucketPrefix: 'loki',
      bucketNamespace: 'account-regional',
      existingBuckets: 'reuse',
      confirmRecreate: [],
      iamPath: '/',
      tags: {},
      expose: 'none',
      allowCidr: [],
      gatewayUser: 'loki',
      grafana: 'auto',
      grafanaAdmin: false,
      lokiValues: [],
      alloyValues: [],
      timeoutSeconds: 900,
      onFailure: 'rollback',
      onUnfinished: 'ask',
      verify: true,
    });
  });
});

describe('what is said', () => {
  it('everything that is wrong, at once, with the value, its source and the rule', () => {
    const found = wrong(
      {
        flags: { retentionDays: '0', size: 'huge' },
        env: { LOKI_EKS_REGION: 'seoul' },
        file: { namespace: 'Loki', retenionDays: 5, timeout: '1s' },
        fileName: 'my.yaml',
      },
      ['cluster'],
    );
    expect(found).toEqual([
      'SETTING_UNKNOWN my.yaml: unknown key "retenionDays"; did you mean retentionDays? | Use retentionDays in my.yaml',
      'SETTING_MISSING cluster is missing: EKS cluster, by name or ARN | Add `--cluster NAME`, or set LOKI_EKS_CLUSTER',
      'SETTING_INVALID region "seoul" (environment LOKI_EKS_REGION) must look like a region, for example ap-northeast-2 | Correct the environment variable LOKI_EKS_REGION, or unset it',
      expect.stringMatching(/^SETTING_INVALID namespace "Loki" \(file my\.yaml\) must be a Kubernetes namespace/),
      'SETTING_INVALID retentionDays "0" (flag --retention-days) must be a whole number of days from 1 to 3650 | Correct `--retention-days`',
      'SETTING_INVALID size "huge" (flag --size) must be one of small, medium, large | Correct `--size`',
      'SETTING_INVALID timeout "1s" (file my.yaml) must be a time from 30s to 4h, like 10m, 90s, 1h30m or a number of seconds | Correct timeout in my.yaml',
    ]);
  });

  it('all missing ones, by key', () => {
    const result = readSettings({}, { need: ['cluster', 'region'] });
    expect(result.is === 'invalid' && result.missing).toEqual(['cluster', 'region']);
  });

  it('an empty value names what is empty', () => {
    expect(wrong({ flags: { cluster: '' }, env: { LOKI_EKS_REGION: ' ' }, file: { size: null } })).toEqual([
      expect.stringMatching(/^SETTING_EMPTY flag --cluster is empty/),
      expect.stringMatching(/^SETTING_EMPTY environment variable LOKI_EKS_REGION is empty/),
      expect.stringMatching(/^SETTING_EMPTY size in the settings file is empty/),
    ]);
  });

  it('a stray variable only warns', () => {
    const { warnings } = read({ env: { LOKI_EKS_RETENTION_DAY: '3', LOKI_EKS_ZZZZZZZZZZZZZZ: '1', PATH: '/bin' } });
    expect(warnings.map(({ message }) => message)).toEqual(['Unknown environment variable LOKI_EKS_RETENTION_DAY; did you mean LOKI_EKS_RETENTION_DAYS?']);
  });

  it("a stray variable beside the right one is somebody else's", () =>
    expect(read({ env: { LOKI_EKS_HELM: '/bin/helm', TOOLS_HELM3: '/bin/helm3' } }).warnings).toEqual([]));

  it('a file that is no map', () => expect(wrong({ file: ['a'], fileName: 'x.yaml' })[0]).toMatch(/^CONFIG_INVALID x\.yaml/));
});

describe('forms', () => {
  it('an ARN gives cluster and region', () => {
    const arn = 'arn:aws-cn:eks:cn-north-1:111122223333:cluster/my_cluster';
    const { settings, origins } = read({ flags: { cluster: arn } });
    expect(settings).toMatchObject({ cluster: 'my_cluster', region: 'cn-north-1' });
    expect(origins['region']).toEqual({ value: 'cn-north-1', from: 'cluster ARN' });
    expect(wrong({ flags: { cluster: arn, region: 'us-east-1' } })[0]).toMatch(/SETTING_CONFLICT .*cn-north-1.*us-east-1/);
  });

  it('lists and maps from flags, environment and file', () => {
    expect(read(flags({ expose: 'internal', allowCidr: ['10.0.0.0/8, 192.168.0.0/16', 'fd00::/8'] })).settings.allowCidr).toEqual([
      '10.0.0.0/8',
      '192.168.0.0/16',
      'fd00::/8',
    ]);
    expect(read({ env: { LOKI_EKS_EXPOSE: 'internal', LOKI_EKS_ALLOW_CIDR: '10.0.0.0/8,10.1.0.0/16' } }).settings.allowCidr).toHaveLength(2);
    expect(read(flags({ tags: ['team=a b', 'cost=x=y'] })).settings.tags).toEqual({ team: 'a b', cost: 'x=y' });
    expect(read({ file: { tags: { team: 'platform' } } }).settings.tags).toEqual({ team: 'platform' });
    expect(read(flags({ lokiValues: ['a,b.yaml'] })).settings.lokiValues).toEqual(['a,b.yaml']);
    expect(read({ flags: { allowCidr: [] }, file: { expose: 'internal', allowCidr: ['10.0.0.0/8'] } }).settings.allowCidr).toEqual(['10.0.0.0/8']);
  });

  it.each([
    ['10m', 600],
    ['90s', 90],
    ['1h30m', 5400],
    ['120', 120],
    [45, 45],
  ])('timeout %s is %i seconds', (timeout, seconds) => {
    expect(read(flags({ timeout })).settings.timeoutSeconds).toBe(seconds);
  });

  it.each([
    [true, true],
    ['false', false],
    ['no', false],
    ['1', true],
  ])('verify %s is %s', (verify, value) => {
    expect(read(flags({ verify })).settings.verify).toBe(value);
  });

  it.each<[string, unknown]>([
    ['cluster', '-x'],
    ['cluster', 'a/b'],
    ['cluster', 'x'.repeat(101)],
    ['region', 'us-east'],
    ['namespace', 'a.b'],
    ['namespace', 'x'.repeat(64)],
    ['tenant', 'a|b'],
    ['tenant', 'a/b'],
    ['tenant', '..'],
    ['clusterLabel', 'a{{b'],
    ['clusterLabel', 'a"b'],
    ['retentionDays', '1.5'],
    ['retentionDays', 3651],
    ['retentionDays', '1e2'],
    ['kmsKey', 'alias/x'],
    ['kmsKey', 'arn:aws:kms:us-east-1:1:key/x'],
    ['iamPath', 'platform'],
    ['iamPath', '/a b/'],
    ['iamPath', '/a'],
    ['permissionsBoundary', 'arn:aws:iam::111122223333:role/x'],
    ['certificate', 'arn:aws:iam::111122223333:server-certificate/x'],
    ['bucketPrefix', 'Loki'],
    ['bucketPrefix', 'a.b'],
    ['bucketPrefix', '-a'],
    ['bucketPrefix', 'xn--a'],
    ['allowCidr', ['10.0.0.0']],
    ['allowCidr', ['10.0.0.0/33']],
    ['allowCidr', ['10.0.0/8']],
    ['allowCidr', ['fd00::/129']],
    ['allowCidr', ['10.0.0.0/08']],
    ['tags', ['aws:x=1']],
    ['tags', ['loki-eks/x=1']],
    ['tags', ['x']],
    ['tags', ['=x']],
    ['tags', [`k=${'x'.repeat(257)}`]],
    ['gatewayUser', 'a:b'],
    ['alertmanagerUrl', 'alertmanager:9093'],
    ['alertmanagerUrl', 'http://u:p@x'],
    ['chartRepo', 'file:///x'],
    ['timeout', '1d'],
    ['timeout', 1.5],
    ['timeout', '5s'],
    ['verify', 'maybe'],
    ['size', 'xl'],
    ['profile', 'a\nb'],
  ])('%s %j is refused', (key, value) => {
    const found = wrong(flags({ expose: 'internal', [key]: value }));
    expect(found.join()).toMatch(new RegExp(`SETTING_INVALID ${key}\\b`));
  });

  it.each<[string, unknown]>([
    ['region', 'us-gov-west-1'],
    ['region', 'eusc-de-east-1'],
    ['region', 'us-iso-east-1'],
    ['tenant', "a!-_.*'()1"],
    ['kmsKey', 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1a'],
    ['iamPath', '/a/b/'],
    ['permissionsBoundary', 'arn:aws:iam::aws:policy/PowerUserAccess'],
    ['permissionsBoundary', 'arn:aws-cn:iam::111122223333:policy/a/b'],
    ['allowCidr', ['2001:db8::/32']],
    ['tags', { 'my:key': '' }],
    ['chartRepo', 'oci://r.example/charts'],
  ])('%s %j is taken', (key, value) => expect(() => read(flags({ expose: 'internal', [key]: value }))).not.toThrow());
});

describe('together', () => {
  it('a public gateway needs named ranges and a certificate', () => {
    expect(wrong(flags({ expose: 'public' })).map((one) => one.split(' |')[0])).toEqual([
      'SETTING_CONFLICT expose public requires allowCidr, the source ranges that can reach the load balancer',
      'SETTING_CONFLICT expose public requires certificate: credentials would cross the internet in clear text',
    ]);
    expect(wrong(flags({ expose: 'public', certificate, allowCidr: ['0.0.0.0/0', '::/0'] }))).toHaveLength(2);
    expect(read(flags({ expose: 'public', certificate, allowCidr: ['203.0.113.0/24'] })).settings.expose).toBe('public');
  });

  it('what would have no effect is refused', () => expect(wrong(flags({ allowCidr: ['10.0.0.0/8'], certificate }))).toHaveLength(2));

  it('the bucket prefix must leave room for the rest of the name', () => {
    expect(wrong(flags({ bucketPrefix: 'x'.repeat(17) }))[0]).toMatch(/has 17 characters; at most 16 fit/);
    expect(read(flags({ bucketPrefix: 'x'.repeat(16) })).settings.bucketPrefix).toHaveLength(16);
    expect(read(flags({ bucketPrefix: 'x'.repeat(21), region: 'us-east-1' })).settings.bucketPrefix).toHaveLength(21);
    expect(read(flags({ bucketPrefix: 'x'.repeat(47), bucketNamespace: 'global' })).settings.bucketPrefix).toHaveLength(47);
  });

  it("key and certificate must be of the cluster's region", () => {
    expect(wrong(flags({ region: 'us-east-1', expose: 'internal', certificate, kmsKey: 'arn:aws:kms:eu-west-1:111122223333:key/a' }))).toHaveLength(2);
  });
});

describe('junk', () => {
  const value = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
    fc.string(),
    fc.array(fc.string()),
    fc.dictionary(fc.string(), fc.anything()),
  );
  const keys = settingSpecs.map(({ key }) => key);
  const bag = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), value);

  it('never throws, and every problem names a key, a variable or the file', () => {
    fc.assert(
      fc.property(bag, bag, fc.oneof(bag, fc.anything()), (given, answers, file) => {
        const env = Object.fromEntries(
          Object.entries(given).map(([key, one]) => [settingSpecs.find((spec) => spec.key === key)?.env ?? key, typeof one === 'string' ? one : undefined]),
        );
        const result = readSettings({ flags: given, answers, file, env, fileName: 'the-file' }, { need: ['cluster'] });
        if (result.is === 'read') return;
        expect(result.problems.length).toBeGreaterThan(0);
        for (const { message, fix } of result.problems) {
          expect(keys.some((key) => message.includes(key)) || /LOKI_EKS_|flag --|the-file/.test(message), message).toBe(true);
          expect(fix).not.toBe('');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a single junk value makes a problem that names it, or is a value the rule allows', () => {
    fc.assert(
      fc.property(fc.constantFrom(...settingSpecs), value, (spec, junk) => {
        const result = readSettings({ file: { expose: 'internal', [spec.key]: junk } });
        if (result.is === 'invalid') expect(result.problems.every(({ message }) => message.includes(spec.key))).toBe(true);
        else if (junk !== undefined) expect(result.origins[spec.key]?.from).toMatch(/^file|^cluster ARN/);
      }),
      { numRuns: 1000 },
    );
  });
});
