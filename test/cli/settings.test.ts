/** Settings as the command line reads them: precedence, the file, what is missing, what is asked, and --print-config. */
import { describe, expect, it } from 'vitest';
import type { Settings } from '../../src/design/settings-type.ts';
import { stop } from '../../src/problems/problem.ts';
import { cli, ending, type Setup } from './fake-platform.ts';

const done = ending({ outcome: 'ok', exit: 0 });

/** What a run was given. */
async function settingsOf(line: string, setup: Setup = {}): Promise<Settings> {
  let seen: Settings | undefined;
  const outcome = await cli(line, { may: 'install', useCase: (told) => ((seen = told.run.settings), done(told)), ...setup });
  if (!seen) throw new Error(`not run: ${outcome.stderr}`);
  return seen;
}

describe('precedence', () => {
  const files = { 'loki-eks.yaml': 'cluster: from-file\nretentionDays: 7\nsize: medium\ntags:\n  team: platform\n' };
  it('is flag, environment, file, default', async () => {
    const env = { LOKI_EKS_RETENTION_DAYS: '14', LOKI_EKS_CLUSTER: 'from-env' };
    const settings = await settingsOf('install --cluster from-flag', { env, files });
    expect(settings).toMatchObject({ cluster: 'from-flag', retentionDays: 14, size: 'medium', namespace: 'loki', tags: { team: 'platform' } });
  });

  it('tells the use case what somebody has said, apart from defaults', async () => {
    let said: ReadonlySet<string> | undefined;
    await cli('install --cluster c', { may: 'install', files, useCase: (told) => ((said = told.run.said), done(told)) });
    expect(['cluster', 'retentionDays', 'size', 'namespace'].map((key) => said?.has(key))).toEqual([true, true, true, false]);
  });

  it('takes lists from repeated flags, maps as key=value, and switches in both directions', async () => {
    const line = 'install --cluster c --tags a=1 --tags b=2 --loki-values one,two.yaml --loki-values three.yaml --no-verify --no-create-oidc-provider';
    expect(await settingsOf(line)).toMatchObject({
      tags: { a: '1', b: '2' },
      lokiValues: ['one,two.yaml', 'three.yaml'],
      verify: false,
      createOidcProvider: false,
    });
    expect(await settingsOf('install --cluster c --verify', { env: { LOKI_EKS_VERIFY: 'false' } })).toMatchObject({ verify: true });
  });

  it('reads another file with --config, and standard input with -', async () => {
    expect(await settingsOf('install --config other.yaml', { files: { ...files, 'other.yaml': 'cluster: other' } })).toMatchObject({
      cluster: 'other',
      size: 'small',
    });
    expect(await settingsOf('install --config -', { files: { '-': '{"cluster": "piped"}' } })).toMatchObject({ cluster: 'piped' });
  });

  it('passes the flags of a command on', async () => {
    let options: unknown;
    await cli('uninstall --cluster c --delete-data --confirm-delete-data one --confirm-delete-data two', {
      may: 'uninstall',
      useCase: (told) => ((options = told.options), done(told)),
    });
    expect(options).toEqual({ deleteData: true, expireData: false, confirmDeleteData: ['one', 'two'] });
    await cli('plan --cluster c --show alloy', { may: 'plan', useCase: (told) => ((options = told.options), done(told)) });
    expect(options).toEqual({ detailedExitcode: false, show: 'alloy' });
    await cli('install --cluster c --dry-run', { may: 'install', useCase: (told) => ((options = told.options), done(told)) });
    expect(options).toEqual({ dryRun: true });
  });
});

describe('what is wrong', () => {
  it('reports every invalid setting at once, from every source, and calls nothing', async () => {
    const { exit, stdout, stderr } = await cli('install --cluster c --retention-days 0', {
      env: { LOKI_EKS_SIZE: 'huge' },
      files: { 'loki-eks.yaml': 'allowCidr: [300.0.0.0/8]\nretentionDay: 3\n' },
      columns: 400,
    });
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toContain('retentionDays "0" (flag --retention-days)');
    expect(stderr).toContain('size "huge" (environment LOKI_EKS_SIZE)');
    expect(stderr).toContain('300.0.0.0/8');
    expect(stderr).toMatch(/unknown key "retentionDay"; did you mean\s+retentionDays\?/);
    expect(stderr.trim().split('\n').at(-1)).toBe('✖ Not started; nothing changed.');
  });

  it.each([
    ['cluster: [a', /loki-eks\.yaml:1:\d+: /, 'CONFIG_INVALID'],
    ['cluster: [a\n\n', /loki-eks\.yaml:1:11: /, 'CONFIG_INVALID'],
    ['cluster: a\ncluster: b', /loki-eks\.yaml:2:1: Map keys must be unique/, 'CONFIG_INVALID'],
    ['just words', /loki-eks\.yaml is not a map of settings/, 'CONFIG_INVALID'],
    ['cluster: &a x\ntenant: *a', /aliases \(\*name\) can't be used/, 'CONFIG_INVALID'],
  ])('file %j', async (text, message, code) => {
    const { exit, stderr } = await cli('install --cluster c', { files: { 'loki-eks.yaml': text } });
    expect(exit).toBe(2);
    expect(stderr.replace(/\s+/g, ' ')).toMatch(message);
    expect(stderr).toContain(`[${code}]`);
  });

  it('names a file that is not there', async () => {
    const { exit, stderr } = await cli('status --cluster c --config missing.yaml');
    expect(exit).toBe(2);
    expect(stderr).toContain("✖ The settings file missing.yaml can't be read");
    expect(stderr).toContain('  saw    missing.yaml: there is no such file');
  });

  it('does not read standard input twice', async () => {
    const { exit, stderr } = await cli('install --cluster c --config - --password-file -', { files: { '-': 'size: small' } });
    expect(exit).toBe(2);
    expect(stderr).toContain('[STDIN_TAKEN]');
  });
});

describe('what is missing', () => {
  it.each([
    ['without a terminal', { terminal: false }, 'install'],
    ['in CI', { terminal: true, env: { CI: 'true' } }, 'install'],
    ['with --yes', { terminal: true }, 'install --yes'],
    ['with stderr in a file', { terminal: true, platform: { stderr: { write: () => true } } }, 'install --output json'],
  ] as const)('is listed, not asked, %s', async (_, setup, line) => {
    const { exit, stdout, stderr } = await cli(line, setup);
    expect(exit).toBe(2);
    expect(stdout + stderr).toContain('SETTING_MISSING');
    expect(stdout + stderr).toContain('--cluster NAME');
  });

  it('leaves the cluster to discovery on a terminal, with questions at hand', async () => {
    const choose = async () => 'prod';
    let answer = '';
    const { exit } = await cli('install', {
      terminal: true,
      questions: { choose },
      may: 'install',
      useCase: async (told) => {
        answer = (await told.run.deps.questions?.choose('Which cluster?', [])) ?? '';
        expect(told.run.settings.cluster).toBe('');
        expect(told.run.yes).toBe(false);
        return done(told);
      },
    });
    expect({ exit, answer }).toEqual({ exit: 0, answer: 'prod' });
  });

  it('is 130 when a question is interrupted', async () => {
    const interrupted = async () => Promise.reject(stop('INTERRUPTED'));
    const { exit, stderr } = await cli('install', {
      terminal: true,
      questions: { choose: interrupted },
      may: 'install',
      useCase: async ({ run }) => (await run.deps.questions?.choose('Which cluster?', []), 0),
    });
    expect(exit).toBe(130);
    expect(stderr).toContain('Interrupted before changing anything.');
  });
});

describe('--print-config', () => {
  it('shows each value and where it came from, as YAML, and runs nothing', async () => {
    const { exit, stdout, stderr } = await cli('install --cluster prod --tags a=b --print-config', {
      env: { LOKI_EKS_SIZE: 'large' },
      files: { 'loki-eks.yaml': 'retentionDays: 7' },
    });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const line = (key: string) =>
      stdout
        .split('\n')
        .find((text) => text.replace('# ', '').startsWith(`${key}:`))
        ?.replace(/ {2,}/, '  ');
    expect(line('cluster')).toBe('cluster: prod  # flag --cluster');
    expect(line('size')).toBe('size: large  # environment LOKI_EKS_SIZE');
    expect(line('retentionDays')).toBe('retentionDays: 7  # file loki-eks.yaml');
    expect(line('namespace')).toBe('namespace: loki  # default');
    expect(line('tags')).toBe('tags: {"a":"b"}  # flag --tags');
    expect(line('kmsKey')).toBe('# kmsKey:  # not set');
  });

  it('can be read back as a settings file', async () => {
    const { stdout } = await cli('install --cluster prod --size large --tags on=no --print-config');
    expect(await settingsOf('install', { files: { 'loki-eks.yaml': stdout } })).toMatchObject({
      cluster: 'prod',
      size: 'large',
      tags: { on: 'no' },
      iamPath: '/',
      timeoutSeconds: 900,
    });
  });

  it('is one JSON object with --output json', async () => {
    const { stdout } = await cli('plan --cluster prod --print-config --output json');
    expect(JSON.parse(stdout).settings.cluster).toEqual({ value: 'prod', from: 'flag --cluster' });
  });
});
