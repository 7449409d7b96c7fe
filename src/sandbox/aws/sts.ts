/** STS: who may assume which role, by policy or by a service account token, and the resulting credentials. */
import { AwsFault } from '../types.ts';
import type { SandboxCredentials } from '../types.ts';
import type { EksState } from './eks-state.ts';
import type { IamRole, IamState } from './iam-state.ts';
import { defaultDocument, documentsOf } from './iam-state.ts';
import { providerArn } from './iam-oidc.ts';
import type { TokenClaims } from './issuer.ts';
import { readClaims } from './issuer.ts';
import type { PolicyPrincipal } from './policy.ts';
import { contextOf, decide } from './policy.ts';
import type { KeyRing, Principal } from './principals.ts';
import { judge } from './principals.ts';

export interface Sts {
  readonly iam: IamState;
  readonly eks: EksState;
  readonly keys: KeyRing;
}

export interface Session {
  readonly credentials: SandboxCredentials;
  readonly expires: Date;
  readonly arn: string;
  readonly roleId: string;
}

interface SessionOptions {
  readonly session?: string;
  readonly seconds?: number;
}

/** Throws InvalidIdentityToken, ExpiredTokenException, AccessDenied or ValidationError, each with STS's message. */
export function assumeWithToken(
  sts: Sts,
  roleArn: string,
  options: SessionOptions & { readonly token: string },
): Session & { readonly claims: TokenClaims; readonly provider: string } {
  requireRoleArn(roleArn);
  const claims = readClaims(options.token);
  if (claims === undefined) throw badToken('The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)');
  const provider = verified(sts, claims, options.token);
  const host = claims.iss.replace(/^https:\/\//, '');
  const context = contextOf({
    [`${host}:sub`]: claims.sub,
    [`${host}:aud`]: claims.aud,
    'aws:FederatedProvider': provider,
    'sts:RoleSessionName': options.session,
  });
  const role = trusting(sts, roleArn, { action: 'sts:AssumeRoleWithWebIdentity', principal: { is: 'Federated', id: provider }, context });
  if (role === undefined) throw denied('Not authorized to perform sts:AssumeRoleWithWebIdentity');
  return { ...open(sts, role, options), claims, provider };
}

/** The ARN of the account's provider for the token's issuer, once signature, audience and time are verified. */
function verified(sts: Sts, claims: TokenClaims, token: string): string {
  const provider = sts.iam.providers.get(providerArn(sts.iam, claims.iss));
  if (provider === undefined) throw badToken(`No OpenIDConnect provider found in your account for ${claims.iss}`);
  const issuer = [...sts.eks.clusters.values()].find((cluster) => cluster.issuer.url === claims.iss)?.issuer;
  if (issuer === undefined || !issuer.verifies(token)) {
    throw badToken(
      "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
    );
  }
  if (!claims.aud.some((audience) => provider.audiences.includes(audience))) throw badToken('Incorrect token audience');
  const now = Math.floor(sts.iam.clock.now().getTime() / 1000);
  if (claims.exp <= now)
    throw new AwsFault(400, 'ExpiredTokenException', `Token expired: current date/time ${now} must be before the expiration date/time ${claims.exp}`);
  return provider.arn;
}

/** AssumeRole by a signed caller: the trust policy and the caller's own policies must both allow it. */
export function assumeRole(sts: Sts, roleArn: string, options: SessionOptions & { readonly caller: Principal }): Session {
  requireRoleArn(roleArn);
  const { caller } = options;
  const context = contextOf({ 'sts:RoleSessionName': options.session });
  const principal: PolicyPrincipal = { is: 'AWS', arn: caller.arn, roleArn: caller.roleArn, account: sts.iam.accountId };
  const role = trusting(sts, roleArn, { action: 'sts:AssumeRole', principal, context });
  const allowed = judge({ principal: caller, account: sts.iam.accountId }, { action: 'sts:AssumeRole', resource: roleArn, context });
  if (role === undefined || allowed.decision !== 'allowed') {
    throw denied(`User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`);
  }
  return open(sts, role, options);
}

export interface PodOfRole {
  readonly cluster: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** A role that an AWS service assumes for a node (EC2) or, when a pod is named, for a pod (EKS Pod Identity, with its session tags). */
export function assumeByService(sts: Sts, roleArn: string, pod?: PodOfRole): SandboxCredentials {
  const suffix = sts.eks.hostSuffix;
  const services = pod ? ['pods.eks.amazonaws.com'] : ['pods.eks.amazonaws.com', 'ec2.amazonaws.com', `ec2.${suffix}`];
  const cluster = pod && sts.eks.clusters.get(pod.cluster);
  const tags = {
    'eks-cluster-arn': cluster?.arn,
    'eks-cluster-name': cluster?.seed.name,
    'kubernetes-namespace': pod?.namespace,
    'kubernetes-service-account': pod?.serviceAccount,
  };
  const context = contextOf(Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])));
  for (const id of services) {
    const asked = { principal: { is: 'Service', id }, context } as const;
    const role = trusting(sts, roleArn, { ...asked, action: 'sts:AssumeRole' });
    const mayTag = id !== 'pods.eks.amazonaws.com' || trusting(sts, roleArn, { ...asked, action: 'sts:TagSession' }) !== undefined;
    if (role && mayTag)
      return open(sts, role, { session: pod ? `eks-${pod.cluster}-${pod.serviceAccount}`.slice(0, 64) : 'i-sandbox', seconds: 6 * 3600 }).credentials;
  }
  throw denied(`The trust policy of ${roleArn} lets neither ${services.join(' nor ')} assume it`);
}

interface Trust {
  readonly action: string;
  readonly principal: PolicyPrincipal;
  readonly context: ReturnType<typeof contextOf>;
}

/** The role, if it exists, has reached STS, and trusts the caller. */
function trusting(sts: Sts, roleArn: string, trust: Trust): IamRole | undefined {
  const role = [...sts.iam.roles.values()].find((one) => one.arn === roleArn);
  if (role === undefined || role.assumableFrom > sts.iam.clock.now().getTime()) return undefined;
  return decide([role.trust.document], { ...trust, resource: roleArn }) === 'allowed' ? role : undefined;
}

function open(sts: Sts, role: IamRole, options: SessionOptions): Session {
  const { iam } = sts;
  const session = requireSessionName(options.session ?? 'sandbox');
  const seconds = options.seconds ?? 3600;
  if (!(seconds >= 900 && seconds <= Math.max(role.maxSession, 21_600))) {
    throw new AwsFault(400, 'ValidationError', 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  }
  const arn = `arn:${iam.partition}:sts::${iam.accountId}:assumed-role/${role.name}/${session}`;
  const principal: Principal = {
    arn,
    userId: `${role.id}:${session}`,
    roleArn: role.arn,
    policies: () => (iam.roles.get(role.name.toLowerCase()) === role ? documentsOf(iam, role) : []),
    boundary: () => (role.boundary === undefined ? undefined : defaultDocument(iam, role.boundary)),
  };
  const credentials = sts.keys.addSession(principal, seconds);
  return { credentials, arn, roleId: principal.userId, expires: new Date(iam.clock.now().getTime() + seconds * 1000) };
}

function requireRoleArn(arn: string): void {
  if (/^arn:[^:]+:iam::\d{12}:role\/.+$/.test(arn)) return;
  throw new AwsFault(
    400,
    'ValidationError',
    arn.length < 20
      ? `1 validation error detected: Value '${arn}' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20`
      : `${arn} is invalid`,
  );
}

function requireSessionName(name: string): string {
  if (/^[\w+=,.@-]{2,64}$/.test(name)) return name;
  throw new AwsFault(
    400,
    'ValidationError',
    `1 validation error detected: Value '${name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*`,
  );
}

function badToken(message: string): AwsFault {
  return new AwsFault(400, 'InvalidIdentityToken', message);
}

function denied(message: string): AwsFault {
  return new AwsFault(403, 'AccessDenied', message);
}
