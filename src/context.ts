/** Everything a step may be given. A step takes the slice it needs: `Step<Pick<Context, 'buckets' | 'blueprint'>>`. */
import type { Blueprint } from './design/blueprint.ts';
import type { Facts } from './design/facts.ts';
import type { Buckets } from './ports/buckets.ts';
import type { WebIdentity } from './ports/caller.ts';
import type { Associations } from './ports/clusters.ts';
import type { Kubernetes } from './ports/kubernetes.ts';
import type { Grafana } from './ports/grafana.ts';
import type { Logs } from './ports/logs.ts';
import type { Releases } from './ports/releases.ts';
import type { OidcProviders, Roles } from './ports/roles.ts';
import type { Clock, Random } from './ports/system.ts';
import type { Consent } from './steps/consent.ts';

export interface Context {
  readonly blueprint: Blueprint;
  readonly facts: Facts;
  readonly buckets: GuardedBuckets;
  readonly roles: Roles;
  readonly oidcProviders: OidcProviders;
  readonly associations: Associations;
  readonly webIdentity: WebIdentity;
  readonly kubernetes: Kubernetes;
  readonly releases: Releases;
  readonly logs: Logs;
  /** Only with a login for it. */
  readonly grafana?: Grafana;
  readonly clock: Clock;
  readonly random: Random;
  /** A password the user brought (from a file or stdin); generated when absent. */
  readonly givenPassword?: string;
  /** The gateway gets a new password, whatever it has. */
  readonly rotateLogin?: boolean;
  /** What the blueprint names may get our marks, unless it carries those of another installation. */
  readonly adopting?: boolean;
  readonly timeoutMs: number;
  /** Settings that somebody gave, by flag, environment, file or answer; the others are defaults. Absent where nobody was asked for any. */
  readonly said?: ReadonlySet<string>;
  /** Log data that the user gives up in this run; nothing else of it is deleted. */
  readonly consent?: Consent;
}

/** `madeByThisRun`: an undo record says so. The guard then looks at the age of what is in it. */
export interface GuardedBuckets extends Buckets {
  empty(name: string, options: Parameters<Buckets['empty']>[1] & { readonly madeByThisRun?: true }): Promise<void>;
}
