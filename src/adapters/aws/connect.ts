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
  /** What the settings say; beats the environment and the profile. */
  readonly region?: string;
  readonly profile?: string;
  readonly env: Env;
  /** Asks for a code of this MFA device; absent when nobody can be asked. */
  readonly mfa?: (serial: string) => Promise<string>;
  readonly lookUp?: LookUp;
  /** The run's; without them each call still has its end. */
  readonly exchanges?: Exchanges;
}

/**
 * Resolves profile and region (AWS_PROFILE_UNKNOWN, AWS_REGION_MISSING, AWS_REGION_INVALID). Calls nothing yet:
 * credentials are found, and each other SDK package loaded, with the first call that needs it.
 */
export async function connectAws(of: Connection): Promise<Aws> {
  quietSdk();
  const { exchanges = openExchanges() } = of;
  const profile = await readProfile(of.profile, of.env);
  const region = resolveRegion(of.region, { env: of.env, profile });
  const identity = credentials({ region, env: of.env, profile, explicit: Boolean(of.profile), mfa: of.mfa, exchanges });
  const made = clients({ region, env: of.env, credentials: identity, exchanges });
  // Who calls is always the first question; its package is loaded before anything else may be.
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
 * The SDK reads these switches from the process alone, when its first client is made: its notice about old Node versions
 * would be written into our output. The one place outside `main` that touches the process, and it only adds.
 */
function quietSdk(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
}
