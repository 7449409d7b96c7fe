/** Everything a step may use. A step takes the slice it needs: `Step<Pick<Context, 'buckets' | 'blueprint'>>`. */
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
  /** Present only when a login for it is known. */
  readonly grafana?: Grafana;
  readonly clock: Clock;
  readonly random: Random;
  /** A password the user supplied (from a file or stdin); generated when absent. */
  readonly givenPassword?: string;
  /** Give the gateway a new password even if it has one. */
  readonly rotateLogin?: boolean;
  /** What the blueprint names may get ownership marks, unless it carries those of another installation. */
  readonly adopting?: boolean;
  readonly timeoutMs: number;
  /** Settings given explicitly, by flag, environment, file or answer; the others are defaults. Absent where no settings were read. */
  readonly said?: ReadonlySet<string>;
  /** Log data that the user gives up in this run; no other log data is deleted. */
  readonly consent?: Consent;
}

/** `madeByThisRun`: an undo record shows that this run created it. The guard then checks the age of its contents. */
export interface GuardedBuckets extends Buckets {
  empty(name: string, options: Parameters<Buckets['empty']>[1] & { readonly madeByThisRun?: true }): Promise<void>;
}
