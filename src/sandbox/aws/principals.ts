/** Callers: the access keys of the account, the principal behind each, and what its policies allow. */
import { createHash } from 'node:crypto';
import { AwsFault } from '../types.ts';
import type { SandboxClock, SandboxCredentials } from '../types.ts';
import type { AccessRequest, Decision, PolicyDocument, PolicyPrincipal } from './policy.ts';
import { decide } from './policy.ts';

export interface Principal {
  readonly arn: string;
  readonly userId: string;
  /** Set for role sessions. */
  readonly roleArn?: string;
  /** Read for each request, so that a changed or deleted role policy takes effect at once. */
  readonly policies: () => readonly PolicyDocument[];
  /** The permissions boundary, if any: an action it does not allow is denied. */
  readonly boundary: () => PolicyDocument | undefined;
  /** Called with every action that is checked for this principal. */
  readonly asked?: (request: AccessRequest) => void;
}

interface Key extends SandboxCredentials {
  readonly principal: Principal;
  readonly expires?: Date;
}

export type KeyProblem = 'unknown' | 'signature' | 'expired' | 'token';

export interface KeyRing {
  /** A long-term key pair (`AKIA…`). */
  addUserKey(principal: Principal): SandboxCredentials;
  /** Temporary credentials (`ASIA…`); without `seconds` they never expire. */
  addSession(principal: Principal, seconds?: number): SandboxCredentials;
  find(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): { readonly key: SandboxCredentials; readonly principal: Principal } | { readonly problem: KeyProblem };
}

export function createKeyRing(options: { readonly clock: SandboxClock; readonly accountId: string }): KeyRing {
  const keys = new Map<string, Key>();
  let made = 0;
  const material = (length: number) =>
    createHash('sha512')
      .update(`${options.accountId}/${made}/${length}`)
      .digest('base64')
      .replace(/[^A-Za-z0-9]/g, 'x')
      .slice(0, length);
  const add = (key: Key): SandboxCredentials => {
    keys.set(key.accessKeyId, key);
    made += 1;
    const { accessKeyId, secretAccessKey, sessionToken } = key;
    return sessionToken === undefined ? { accessKeyId, secretAccessKey } : { accessKeyId, secretAccessKey, sessionToken };
  };
  const id = (prefix: string) => `${prefix}${material(16).toUpperCase()}`;
  return {
    addUserKey: (principal) => add({ accessKeyId: id('AKIA'), secretAccessKey: material(40), principal }),
    addSession: (principal, seconds) => {
      sweep(keys, options.clock);
      const expires = seconds === undefined ? undefined : new Date(options.clock.now().getTime() + seconds * 1000);
      return add({ accessKeyId: id('ASIA'), secretAccessKey: material(40), sessionToken: `sandbox${material(80)}`, principal, expires });
    },
    find: (accessKeyId, sessionToken) => {
      const key = keys.get(accessKeyId);
      if (key === undefined) return { problem: 'unknown' };
      if (key.sessionToken !== sessionToken) return { problem: 'token' };
      if (key.expires && key.expires <= options.clock.now()) return { problem: 'expired' };
      return { key, principal: key.principal };
    },
  };
}

/** Sessions that expired long ago are removed, but not at once: an expired key must answer "expired", not "unknown". */
function sweep(keys: Map<string, Key>, clock: SandboxClock): void {
  if (keys.size < 5000) return;
  const limit = clock.now().getTime() - 24 * 3_600_000;
  for (const [id, key] of keys) if (key.expires && key.expires.getTime() < limit) keys.delete(id);
}

export function policyPrincipal(principal: Principal, account: string): PolicyPrincipal {
  return { is: 'AWS', arn: principal.arn, roleArn: principal.roleArn, account };
}

export interface Authority {
  readonly principal: Principal;
  readonly account: string;
  /** A bucket policy: within one account either side may allow, and a Deny on either side wins. */
  readonly resourcePolicy?: PolicyDocument;
}

export function judge(authority: Authority, request: AccessRequest): { readonly decision: Decision; readonly why: string } {
  authority.principal.asked?.(request);
  const asked = { ...request, principal: policyPrincipal(authority.principal, authority.account) };
  const identity = decide(authority.principal.policies(), asked);
  const resource = authority.resourcePolicy ? decide([authority.resourcePolicy], asked) : 'implicitDeny';
  const boundary = authority.principal.boundary();
  if (identity === 'explicitDeny') return { decision: 'explicitDeny', why: 'with an explicit deny in an identity-based policy' };
  if (resource === 'explicitDeny') return { decision: 'explicitDeny', why: 'with an explicit deny in a resource-based policy' };
  if (boundary && decide([boundary], asked) === 'explicitDeny') return { decision: 'explicitDeny', why: 'with an explicit deny in a permissions boundary' };
  if (resource === 'allowed') return { decision: 'allowed', why: '' };
  if (identity !== 'allowed') return { decision: 'implicitDeny', why: `because no identity-based policy allows the ${request.action} action` };
  if (boundary && decide([boundary], asked) !== 'allowed')
    return { decision: 'implicitDeny', why: `because no permissions boundary allows the ${request.action} action` };
  return { decision: 'allowed', why: '' };
}

/** The message of AWS's refusal; the error code is the service's. */
export function refusalText(principal: Principal, request: AccessRequest, why: string): string {
  return `User: ${principal.arn} is not authorized to perform: ${request.action} on resource: ${request.resource} ${why}`;
}

export function requireAccess(authority: Authority, request: AccessRequest, code = 'AccessDenied'): void {
  const { decision, why } = judge(authority, request);
  if (decision !== 'allowed') throw new AwsFault(403, code, refusalText(authority.principal, request, why));
}
