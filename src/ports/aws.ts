/** The AWS ports, as one connection provides them. */
import type { Buckets } from './buckets.ts';
import type { Callers, WebIdentity } from './caller.ts';
import type { Associations, Clusters } from './clusters.ts';
import type { OidcProviders, Roles } from './roles.ts';

/** The AWS ports, bound to one region and one set of credentials. */
export interface Aws {
  readonly region: string;
  readonly callers: Callers;
  readonly clusters: Clusters;
  readonly roles: Roles;
  readonly oidcProviders: OidcProviders;
  readonly associations: Associations;
  readonly webIdentity: WebIdentity;
  /** Every call passes `account` as the expected owner. */
  buckets(account: string): Buckets;
  /** A bearer token for the cluster's API, signed in process, cached until shortly before it expires. */
  kubeToken(cluster: string): Promise<string>;
}
