/** IAM roles with inline policies, and OIDC providers. Documents are parsed JSON on both sides. */
import type { Json } from '../engine/types.ts';

export interface Role {
  readonly arn: string;
  readonly name: string;
  readonly path: string;
  readonly trust: Json;
  readonly description?: string;
  readonly permissionsBoundary?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Inline policies by name. */
  readonly inline: Readonly<Record<string, Json>>;
  /** ARNs of attached managed policies. */
  readonly attached: readonly string[];
}

export interface NewRole {
  readonly name: string;
  readonly path: string;
  readonly trust: Json;
  readonly description: string;
  readonly permissionsBoundary?: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Roles {
  /** `inline`: the inline policy that is expected there. It is fetched alongside the list of policies; any others only after it. */
  find(name: string, expected?: { readonly inline?: string }): Promise<Role | undefined>;
  create(role: NewRole): Promise<void>;
  setTrust(name: string, trust: Json): Promise<void>;
  /** Creates or overwrites; `undefined` deletes (harmless if absent). */
  setInline(name: string, policy: string, document: Json | undefined): Promise<void>;
  /** `undefined` removes it. */
  setBoundary(name: string, boundary: string | undefined): Promise<void>;
  /** Adds or overwrites these tags, keeps others. */
  tag(name: string, tags: Readonly<Record<string, string>>): Promise<void>;
  untag(name: string, keys: readonly string[]): Promise<void>;
  /** Together with this inline policy and no other; harmless if absent. Throws ROLE_IN_USE when anything else uses it, and then detaches nothing. */
  delete(name: string, policy: string): Promise<void>;
  /** Names of the instance profiles that contain it. */
  instanceProfiles(name: string): Promise<readonly string[]>;
  /** Which of these actions the caller, or the role `as` (an ARN), is not allowed to do, by SimulatePrincipalPolicy; `unknown` if not available. */
  denied(actions: readonly string[], resource: string, as?: string): Promise<readonly string[] | 'unknown'>;
}

export interface OidcProvider {
  readonly arn: string;
  readonly audiences: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}
export interface OidcProviders {
  find(arn: string): Promise<OidcProvider | undefined>;
  create(provider: { readonly url: string; readonly audience: string; readonly tags: Readonly<Record<string, string>> }): Promise<void>;
  addAudience(arn: string, audience: string): Promise<void>;
  removeAudience(arn: string, audience: string): Promise<void>;
  /** Adds or overwrites these tags, keeps others. */
  tag(arn: string, tags: Readonly<Record<string, string>>): Promise<void>;
  untag(arn: string, keys: readonly string[]): Promise<void>;
  /** Harmless if absent. */
  delete(arn: string): Promise<void>;
}
