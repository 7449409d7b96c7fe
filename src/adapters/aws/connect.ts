/** The AWS ports, bound to one region and one set of credentials. */
import type { Aws } from '../../ports/aws.ts';
import { openExchanges, type Exchanges } from '../exchanges.ts';
import { associations } from './associations.ts';
import { buckets } from './buckets.ts';
import { callers, type LookUp } from './caller.ts';
import { clients } from './clients.ts';
import { clusters } from './clusters.ts';
import { credentials } from './credentials.ts';
import { kubeTokens } from './kube-token.ts';
import { oidcProviders } from './oidc-providers.ts';
import { readProfile, type Env } from './profiles.ts';
import { resolveRegion } from './region.ts';
import { roles } from './roles.ts';
import { webIdentity } from './web-identity.ts';

export interface Connection {
  /** From the settings; overrides the environment and the profile. */
  readonly region?: string;
  readonly profile?: string;
  readonly env: Env;
  /** Prompts for a code of this MFA device; absent in non-interactive runs. */
  readonly mfa?: (serial: string) => Promise<string>;
  readonly lookUp?: LookUp;
  /** Those of the run; without them each call still has its timeout. */
  readonly exchanges?: Exchanges;
}

/**
 * Resolves profile and region (AWS_PROFILE_UNKNOWN, AWS_REGION_MISSING, AWS_REGION_INVALID). Makes no call yet:
 * credentials are resolved, and each other SDK package loaded, on the first call that needs it.
 */
export async function connectAws(of: Connection): Promise<Aws> {
  quietSdk();
  const { exchanges = openExchanges() } = of;
  const profile = await readProfile(of.profile, of.env);
  const region = resolveRegion(of.region, { env: of.env, profile });
  const identity = credentials({ region, env: of.env, profile, explicit: Boolean(of.profile), mfa: of.mfa, exchanges });
  const made = clients({ region, env: of.env, credentials: identity, exchanges });
  // The caller's identity is always read first; its package is loaded before any other.
  await made.sts();
  const who = callers(made, { credentials: identity, lookUp: of.lookUp });
  return {
    region,
    callers: who,
    clusters: clusters(made),
    roles: roles(made, who),
    oidcProviders: oidcProviders(made),
    associations: associations(made),
    webIdentity: webIdentity(made, async () => (await who.whoami()).account),
    buckets: (owner) => buckets(made, owner),
    kubeToken: kubeTokens({ region, credentials: identity }),
  };
}

/**
 * The SDK reads these switches only from the process, when its first client is created: its notice about old Node versions
 * would end up in our output. The one place outside `main` that touches the process, and it only adds.
 */
function quietSdk(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
}
