import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openExchanges } from '../exchanges.ts';
import { ProblemError } from '../../problems/problem.ts';
import { connectAws } from './connect.ts';
import { credentials } from './credentials.ts';
import { readProfile } from './profiles.ts';

const home = mkdtempSync(join(tmpdir(), 'loki-eks-'));
// The chain's inner clients read endpoints only from the process; nothing listens on this one.
beforeAll(() => void vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9'));
afterAll(() => void vi.unstubAllEnvs());
afterAll(() => rmSync(home, { recursive: true }));
writeFileSync(
  join(home, 'config'),
  `
[profile keys]
region = eu-west-1
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/admin
mfa_serial = arn:aws:iam::123456789012:mfa/me
source_profile = keys
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = dev
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
[profile over-sso]
role_arn = arn:aws:iam::123456789012:role/admin
source_profile = sso
[profile process]
credential_process = false
[profile region-only]
region = eu-west-3
`,
);
writeFileSync(join(home, 'credentials'), '[keys]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret\n');

const files = {
  HOME: home,
  AWS_CONFIG_FILE: join(home, 'config'),
  AWS_SHARED_CREDENTIALS_FILE: join(home, 'credentials'),
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
};
const keys = { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'secret' };

const resolve = async (env: Record<string, string>, options: { readonly profile?: string; readonly mfa?: (serial: string) => Promise<string> } = {}) => {
  const profile = await readProfile(options.profile, env);
  return credentials({ region: 'eu-west-1', env, profile, explicit: Boolean(options.profile), mfa: options.mfa, exchanges: openExchanges() })();
};
const problemOf = async (work: Promise<unknown>) => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ProblemError)) throw new Error(`not a problem: ${String(thrown)}`);
  return thrown.problem;
};

describe('credentials', () => {
  test('of the environment beat AWS_PROFILE, as with the CLI', async () => {
    expect((await resolve({ ...files, ...keys, AWS_PROFILE: 'keys' })).accessKeyId).toBe('AKIAENV');
  });

  test('of a profile that a setting names beat the environment', async () => {
    expect((await resolve({ ...files, ...keys }, { profile: 'keys' })).accessKeyId).toBe('AKIAPROFILE');
  });

  test('of AWS_PROFILE, when nothing else is there', async () => {
    expect((await resolve({ ...files, AWS_PROFILE: 'keys' })).accessKeyId).toBe('AKIAPROFILE');
  });

  test('that need an MFA code nobody can be asked for', async () => {
    const found = await problemOf(resolve(files, { profile: 'mfa' }));
    expect(found.code).toBe('AWS_MFA_NEEDS_TERMINAL');
    expect(found.message).toContain('arn:aws:iam::123456789012:mfa/me');
  });

  test('that need an MFA code ask for it, by the device', async () => {
    const asked: string[] = [];
    const mfa = async (serial: string) => {
      asked.push(serial);
      return '123456';
    };
    // Nothing listens on the endpoint: only the AssumeRole request with the code can be observed here.
    expect((await problemOf(resolve(files, { profile: 'mfa', mfa }))).code).toBe('AWS_UNREACHABLE');
    expect(asked).toEqual(['arn:aws:iam::123456789012:mfa/me']);
  });

  test('of an SSO session that was never begun name the command that begins it', async () => {
    const found = await problemOf(resolve(files, { profile: 'sso' }));
    expect(found).toMatchObject({ code: 'AWS_SSO_EXPIRED', fix: 'Run `aws sso login --profile sso`' });
  });

  test('of a role behind that session name the profile to log in with', async () => {
    expect(await problemOf(resolve(files, { profile: 'over-sso' }))).toMatchObject({ code: 'AWS_SSO_EXPIRED', fix: 'Run `aws sso login --profile sso`' });
  });

  test('of a process that fails say why', async () => {
    const found = await problemOf(resolve(files, { profile: 'process' }));
    expect(found.code).toBe('AWS_CREDENTIALS_MISSING');
    expect(found.evidence?.join()).toContain('false');
  });
});

describe('a profile', () => {
  test('that is not there is met with the one that was meant', async () => {
    const found = await problemOf(readProfile('kyes', files));
    expect(found).toMatchObject({ code: 'AWS_PROFILE_UNKNOWN', fix: expect.stringContaining('--profile keys') });
    expect(found.message).toContain('"kyes"');
  });

  test('of AWS_PROFILE is looked for as well', async () => {
    expect((await problemOf(readProfile(undefined, { ...files, AWS_PROFILE: 'zzz' }))).code).toBe('AWS_PROFILE_UNKNOWN');
  });

  test('gives its region to the connection', async () => {
    expect((await connectAws({ profile: 'region-only', env: files })).region).toBe('eu-west-3');
    expect((await connectAws({ profile: 'region-only', env: { ...files, AWS_DEFAULT_REGION: 'us-west-2' } })).region).toBe('us-west-2');
  });

  test('need not be there when it is only the default', async () => {
    expect(await readProfile(undefined, { ...files, AWS_CONFIG_FILE: join(home, 'none'), AWS_SHARED_CREDENTIALS_FILE: join(home, 'none') })).toEqual({
      name: 'default',
      named: false,
      keys: {},
    });
  });
});
