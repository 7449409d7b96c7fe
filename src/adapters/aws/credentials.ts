/** Where credentials come from, and what each way of lacking them means. */
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Exchanges } from '../exchanges.ts';
import { wholeAnswers } from './bounds.ts';
import { credentialHosts, withinBounds } from './credential-bounds.ts';
import { handlerOptions } from './handler-options.ts';
import { readError, slim, translated } from './failures.ts';
import { Unreadable } from './readable.ts';
import { sharedFiles, type Env, type Profile } from './profiles.ts';

export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}
/** Returns credentials that are valid for some minutes; resolves again when they are not. Throws AWS_CREDENTIALS_* and the like. */
export type Credentials = () => Promise<Identity>;

export interface CredentialOptions {
  readonly region: string;
  readonly env: Env;
  readonly profile: Profile;
  /** Whether a setting names the profile: then it overrides keys in the environment, as with the AWS CLI. */
  readonly explicit: boolean;
  readonly mfa?: (serial: string) => Promise<string>;
  readonly exchanges: Exchanges;
}

/** Renewed this long before they expire, so that a slow call still has valid ones. */
const leeway = 5 * 60_000;

/** A chain of profiles, a login command, a metadata service. */
const RESOLVE_MS = 60_000;
/** The user has to find a device and type its code. */
const MFA_MS = 10 * 60_000;

export function credentials(options: CredentialOptions): Credentials {
  const resolve = resolver(options);
  let held: Promise<Identity> | undefined;
  let ends = Number.POSITIVE_INFINITY;
  return async () => {
    if (held === undefined || ends - Date.now() < leeway) {
      // Concurrent callers share one resolution: the user is asked for an MFA code once.
      ends = Number.POSITIVE_INFINITY;
      held = resolve().then(
        (identity) => {
          ends = identity.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
          return identity;
        },
        (thrown) => {
          held = undefined;
          throw whyNone(thrown, options);
        },
      );
    }
    return held;
  };
}

function resolver(options: CredentialOptions): Credentials {
  const { env, profile, explicit } = options;
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  // The SDK prefers AWS_PROFILE to keys next to it and warns; the CLI prefers the keys. Both tools should have the same identity.
  if (!explicit && accessKeyId && secretAccessKey) {
    const sessionToken = env['AWS_SESSION_TOKEN'] || undefined;
    return async () => ({ accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) });
  }
  const init = async () => ({
    ...sharedFiles(env),
    profile: profile.name,
    ignoreCache: true,
    mfaCodeProvider: options.mfa ?? noTerminal(profile),
    // Neither region nor endpoint: the chain would also use them for its SSO client, which has a region of its own.
    clientConfig: { requestHandler: await handler(env), maxAttempts: 4 },
    parentClientConfig: { region: async () => options.region },
  });
  return async () => {
    const { fromIni, fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
    // Through the chain, a profile's own failure would be lost in "could not load from any provider".
    const own = profile.named && hasCredentials(profile);
    const chain = await init();
    const provide = own ? fromIni(chain) : fromNodeProviderChain(chain);
    const ms = options.mfa ? MFA_MS : RESOLVE_MS;
    return options.exchanges.run({ name: 'AWS credentials', of: 'AWS credentials', ms, usualMs: ms - RESOLVE_MS }, () =>
      withinBounds({ hosts: credentialHosts(env) }, () => provide()),
    );
  };
}

/** The SDK's own, which is loaded by then: the caller's identity is always read first. */
async function handler(env: Env) {
  const { STS } = await import('@aws-sdk/client-sts');
  return wholeAnswers(new STS({ requestHandler: handlerOptions(env) }).config.requestHandler);
}

const hasCredentials = ({ keys }: Profile): boolean =>
  ['aws_access_key_id', 'role_arn', 'sso_session', 'sso_start_url', 'credential_process', 'web_identity_token_file', 'login_session'].some(
    (key) => keys[key] !== undefined,
  );

const noTerminal =
  (profile: Profile) =>
  async (serial: string): Promise<string> => {
    throw stop('AWS_MFA_NEEDS_TERMINAL', {
      message: `Profile ${JSON.stringify(profile.name)} requires a code from the MFA device ${serial}, but prompts are disabled`,
    });
  };

/** Maps what the chain threw to the user's problem. */
function whyNone(thrown: unknown, { profile }: CredentialOptions): unknown {
  if (thrown instanceof ProblemError) return thrown;
  if (thrown instanceof Unreadable) {
    return stop(
      'AWS_ANSWER_UNREADABLE',
      { message: `The endpoint that hands out credentials gives no readable answer: ${thrown.message}` },
      { cause: slim(thrown) },
    );
  }
  const { name, message } = readError(thrown);
  const evidence = [`${name}: ${message.replaceAll(/\s+/g, ' ').slice(0, 300)}`];
  // Logging in concerns the profile that holds the session, which may be another profile's source.
  const session = profileIsSso(profile) ? profile.name : (profile.keys['source_profile'] ?? profile.name);
  const called = profile.named ? ` --profile ${session}` : '';
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|getaddrinfo/.test(message)) {
    return stop(
      'AWS_UNREACHABLE',
      { message: `The credentials of profile ${JSON.stringify(profile.name)} can't be fetched`, evidence },
      { cause: slim(thrown) },
    );
  }
  if (/ForbiddenException|No access/.test(message)) {
    return stop(
      'AWS_ACCESS_DENIED',
      { message: `The SSO user is not allowed to assume the role of profile ${JSON.stringify(profile.name)}`, evidence },
      { cause: slim(thrown) },
    );
  }
  if (/requires multi-factor authentication/.test(message)) {
    return stop('AWS_MFA_NEEDS_TERMINAL', { message: `Profile ${JSON.stringify(profile.name)} requires an MFA code`, evidence }, { cause: slim(thrown) });
  }
  if (/\bSSO\b|sso login/i.test(message) || name === 'TokenProviderError' || profileIsSso(profile)) {
    return stop(
      'AWS_SSO_EXPIRED',
      {
        message: `The SSO session of profile ${JSON.stringify(profile.name)} has expired or was never started`,
        fix: `Run \`aws sso login${called}\``,
        evidence,
      },
      { cause: slim(thrown) },
    );
  }
  if (/aws login|login session/i.test(message)) {
    return stop(
      'AWS_CREDENTIALS_EXPIRED',
      { message: `The login session of profile ${JSON.stringify(profile.name)} has expired`, fix: `Run \`aws login${called}\``, evidence },
      { cause: slim(thrown) },
    );
  }
  if (name === 'CredentialsProviderError' || name === 'ProviderError') {
    const of = profile.named ? ` in profile ${JSON.stringify(profile.name)}` : '';
    return stop('AWS_CREDENTIALS_MISSING', { message: `No AWS credentials found${of}`, evidence }, { cause: slim(thrown) });
  }
  return translated(thrown, { action: 'sts:AssumeRole', on: profile.keys['role_arn'] ?? `profile ${profile.name}` });
}

const profileIsSso = ({ keys }: Profile): boolean => keys['sso_session'] !== undefined || keys['sso_start_url'] !== undefined;
