/** Whatever is wrong with what the user gave: one clear message that names it and says what to do, and nothing has happened. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';

let terminal: Terminal;
let pristine: string;
let files: Readonly<Record<'config' | 'broken' | 'list' | 'unknown' | 'values' | 'kubeconfig' | 'aws' | 'oldHelm' | 'empty', string>>;

beforeAll(async () => {
  terminal = await openTerminal();
  pristine = terminal.snapshot();
  const file = async (name: string, text: string) => {
    const path = join(terminal.folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return path;
  };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'other',
    contexts: [{ name: 'other', context: { cluster: 'other', user: 'me' } }],
    clusters: [{ name: 'other', cluster: { server: 'https://ABC.gr7.eu-west-1.eks.amazonaws.com' } }],
    users: [{ name: 'me', user: { token: 'x' } }],
  };
  files = {
    config: await file('typo.yaml', 'cluster: training-on-eks\nretentionDay: 30\n'),
    broken: await file('broken.yaml', 'cluster: [\n'),
    list: await file('list.yaml', '- one\n- two\n'),
    unknown: await file('values-unknown.yaml', 'loki:\n  ruler:\n    enable_api: true\nqueryfrontend:\n  replicas: 4\n'),
    values: await file('values-broken.yaml', 'loki: {\n'),
    kubeconfig: await file('other-cluster.json', JSON.stringify(kubeconfig)),
    aws: await file(
      'aws-config',
      '[profile base]\nregion = ap-northeast-2\n[profile mfa]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = base\nmfa_serial = arn:aws:iam::111122223333:mfa/me\n',
    ),
    oldHelm: await file('old/helm', '#!/bin/sh\necho v3.9.4\n'),
    empty: await file('none/.keep', ''),
  };
  await chmod(files.oldHelm, 0o755);
});
afterAll(() => terminal.close());

interface Case {
  readonly words: () => readonly string[];
  readonly env?: () => Readonly<Record<string, string>>;
  readonly exit: 2 | 3;
  readonly code: string;
  /** The wrong value, as the user wrote it. */
  readonly names: string;
}

const cases: Readonly<Record<string, Case>> = {
  'an unknown flag': { words: () => ['install', '--retention-dayz', '3'], exit: 2, code: 'FLAG_UNKNOWN', names: '--retention-days' },
  'an unknown command': { words: () => ['instal'], exit: 2, code: 'COMMAND_UNKNOWN', names: 'instal' },
  'no cluster given': { words: () => ['install', '--yes'], env: () => ({ LOKI_EKS_CLUSTER: '' }), exit: 2, code: 'SETTING_EMPTY', names: 'LOKI_EKS_CLUSTER' },
  'a cluster that is not there': {
    words: () => ['install', '--yes', '--cluster', 'training-on-ekz'],
    exit: 3,
    code: 'CLUSTER_NOT_FOUND',
    names: 'training-on-eks',
  },
  'no region at all': { words: () => ['install', '--yes', '--region', 'seoul'], exit: 2, code: 'SETTING_INVALID', names: 'seoul' },
  'a bad CIDR': {
    words: () => ['install', '--yes', '--expose', 'internal', '--allow-cidr', '10.0.0.0/40'],
    exit: 2,
    code: 'SETTING_INVALID',
    names: '10.0.0.0/40',
  },
  'public without a certificate': {
    words: () => ['install', '--yes', '--expose', 'public', '--allow-cidr', '203.0.113.0/24'],
    exit: 2,
    code: 'SETTING_CONFLICT',
    names: 'certificate',
  },
  'a bad bucket prefix': { words: () => ['install', '--yes', '--bucket-prefix', 'My_Logs'], exit: 2, code: 'SETTING_INVALID', names: 'My_Logs' },
  'a retention of nothing': { words: () => ['install', '--yes', '--retention-days', '0'], exit: 2, code: 'SETTING_INVALID', names: 'retentionDays' },
  'an ARN that is none': { words: () => ['install', '--yes', '--kms-key', 'alias/mine'], exit: 2, code: 'SETTING_INVALID', names: 'alias/mine' },
  'a config file that is not there': {
    words: () => ['install', '--yes', '--config', 'nowhere.yaml'],
    exit: 2,
    code: 'CONFIG_UNREADABLE',
    names: 'nowhere.yaml',
  },
  'a config file that is no YAML': { words: () => ['install', '--yes', '--config', files.broken], exit: 2, code: 'CONFIG_INVALID', names: 'broken.yaml' },
  'an unknown key in the config file': { words: () => ['install', '--yes', '--config', files.config], exit: 2, code: 'SETTING_UNKNOWN', names: 'retentionDay' },
  'a values file that is not there': {
    words: () => ['install', '--yes', '--loki-values', 'nowhere.yaml'],
    exit: 2,
    code: 'FILE_UNREADABLE',
    names: 'nowhere.yaml',
  },
  'a values file that is no YAML': {
    words: () => ['install', '--yes', '--loki-values', files.values],
    exit: 2,
    code: 'VALUES_INVALID',
    names: 'values-broken.yaml',
  },
  'a values file that is a list': { words: () => ['install', '--yes', '--alloy-values', files.list], exit: 2, code: 'VALUES_INVALID', names: 'list.yaml' },
  'a values file with a key the chart ignores': {
    words: () => ['install', '--yes', '--loki-values', files.unknown],
    exit: 2,
    code: 'VALUES_UNKNOWN_KEY',
    names: 'queryFrontend',
  },
  'a password file that is not there': { words: () => ['install', '--yes', '--password-file', 'nowhere'], exit: 2, code: 'FILE_UNREADABLE', names: 'nowhere' },
  'a chart that is not there': { words: () => ['install', '--yes', '--loki-chart', './nowhere'], exit: 2, code: 'CHART_INVALID', names: 'nowhere' },
  'a kubeconfig of another cluster': {
    words: () => ['install', '--yes', '--kubeconfig', files.kubeconfig],
    exit: 2,
    code: 'KUBECONFIG_OTHER_CLUSTER',
    names: 'ABC.gr7.eu-west-1.eks.amazonaws.com',
  },
  'an unknown context': {
    words: () => ['install', '--yes', '--kubeconfig', files.kubeconfig, '--context', 'othr'],
    exit: 2,
    code: 'KUBE_CONTEXT_UNKNOWN',
    names: 'othr',
  },
  'no helm': {
    words: () => ['install', '--yes'],
    env: () => ({ LOKI_EKS_HELM: join(dirname(files.empty), 'helm') }),
    exit: 3,
    code: 'HELM_MISSING',
    names: 'helm',
  },
  'an old helm': { words: () => ['install', '--yes'], env: () => ({ LOKI_EKS_HELM: files.oldHelm }), exit: 3, code: 'HELM_TOO_OLD', names: '3.9.4' },
  'an unknown profile': { words: () => ['install', '--yes', '--profile', 'nobody'], exit: 2, code: 'AWS_PROFILE_UNKNOWN', names: 'nobody' },
  'no credentials': {
    words: () => ['install', '--yes'],
    env: () => ({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }),
    exit: 3,
    code: 'AWS_CREDENTIALS_MISSING',
    names: 'aws sso login',
  },
  'credentials that AWS does not know': {
    words: () => ['install', '--yes'],
    env: () => ({ AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' }),
    exit: 3,
    code: 'AWS_CREDENTIALS_INVALID',
    names: 'InvalidClientTokenId',
  },
  'MFA without a terminal': {
    words: () => ['install', '--yes', '--profile', 'mfa'],
    env: () => ({ AWS_CONFIG_FILE: files.aws, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }),
    exit: 3,
    code: 'AWS_MFA_NEEDS_TERMINAL',
    names: 'mfa',
  },
};

it.each(Object.entries(cases))('%s', async (_, { words, env, exit, code, names }) => {
  const ran = await terminal.cli(words(), { env: { ...env?.() } });
  const said = ran.stderr + ran.stdout;
  expect(said).toContain(`[${code}]`);
  expect(said).toContain(names);
  expect(said).toMatch(/fix {4}\S/);
  expect(said).not.toMatch(/\n\s+at .*\.js:\d+/);
  expect(ran.exit, said).toBe(exit);
  expect(terminal.snapshot()).toBe(pristine);
});
