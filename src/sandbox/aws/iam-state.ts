/** What the simulated IAM holds: roles, managed policies, OIDC providers, instance profiles, and the rules they share. */
import type { Json } from '../../engine/types.ts';
import { AwsFault } from '../types.ts';
import type { SandboxClock } from '../types.ts';
import { awsManagedPolicies } from './iam-aws-managed.ts';
import type { PolicyDocument } from './policy.ts';
import type { DocumentKind } from './policy-document.ts';
import { readDocument } from './policy-document.ts';
import { sha256 } from './sigv4.ts';

export type Tags = Readonly<Record<string, string>>;

/** A document as it was written (IAM gives back the same text) and as it is judged. */
export interface Document {
  readonly text: string;
  readonly document: PolicyDocument;
}

export interface IamRole {
  readonly name: string;
  readonly path: string;
  readonly arn: string;
  readonly id: string;
  readonly created: Date;
  /** Milliseconds; before then STS does not know the role yet. */
  readonly assumableFrom: number;
  trust: Document;
  description: string | undefined;
  maxSession: number;
  boundary: string | undefined;
  tags: Tags;
  readonly inline: Map<string, Document>;
  readonly attached: Set<string>;
}

export interface ManagedPolicy {
  readonly name: string;
  readonly path: string;
  readonly arn: string;
  readonly id: string;
  readonly created: Date;
  readonly description: string | undefined;
  tags: Tags;
  readonly versions: Map<string, Document & { readonly created: Date }>;
  defaultVersion: string;
  nextVersion: number;
}

export interface OidcProvider {
  readonly arn: string;
  /** Without `https://`. */
  readonly url: string;
  readonly created: Date;
  audiences: readonly string[];
  thumbprints: readonly string[];
  tags: Tags;
}

export interface IamState {
  readonly clock: SandboxClock;
  readonly accountId: string;
  readonly partition: string;
  readonly rolePropagationMs: number;
  /** Keyed by the name in lower case: IAM names differ by more than case, whatever their path. */
  readonly roles: Map<string, IamRole>;
  readonly policies: Map<string, ManagedPolicy>;
  readonly providers: Map<string, OidcProvider>;
  /** Instance profile name to the roles in it. */
  readonly profiles: Map<string, Set<string>>;
  readonly nextId: (prefix: string) => string;
}

type IamOptions = Pick<IamState, 'clock' | 'accountId' | 'partition' | 'rolePropagationMs'>;

export function createIamState(options: IamOptions): IamState {
  let made = 0;
  const nextId = (prefix: string) => prefix + sha256(`${options.accountId}/${prefix}/${(made += 1)}`).slice(0, 17).toUpperCase();
  const state: IamState = { ...options, roles: new Map(), policies: new Map(), providers: new Map(), profiles: new Map(), nextId };
  for (const [path, statement] of Object.entries(awsManagedPolicies)) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const document = { Version: '2012-10-17', Statement: [statement] } as PolicyDocument;
    const policy = newPolicy(state, { name, path: path.slice(0, -name.length), arn: `arn:${state.partition}:iam::aws:policy${path}`, document: { text: JSON.stringify(document), document } });
    state.policies.set(policy.arn, policy);
  }
  return state;
}

interface NewPolicy {
  readonly name: string;
  readonly path: string;
  readonly arn: string;
  readonly document: Document;
  readonly description?: string;
  readonly tags?: Tags;
}

export function newPolicy(state: IamState, policy: NewPolicy): ManagedPolicy {
  const created = state.clock.now();
  const { name, path, arn, description, tags = {}, document } = policy;
  return { name, path, arn, id: state.nextId('ANPA'), created, description, tags, versions: new Map([['v1', { ...document, created }]]), defaultVersion: 'v1', nextVersion: 2 };
}

export function isAwsManaged(policy: ManagedPolicy): boolean {
  return policy.arn.includes(':iam::aws:policy/');
}

export function roleNamed(state: IamState, name: string | undefined): IamRole {
  const role = state.roles.get((name ?? '').toLowerCase());
  if (role === undefined) throw missing(`The role with name ${name ?? ''} cannot be found.`);
  return role;
}

export function roleByArn(state: IamState, arn: string): IamRole | undefined {
  return [...state.roles.values()].find((role) => role.arn === arn);
}

export function policyByArn(state: IamState, arn: string | undefined): ManagedPolicy {
  const policy = state.policies.get(arn ?? '');
  if (policy === undefined) throw missing(`Policy ${arn ?? ''} was not found.`);
  return policy;
}

/** What a role's identity policies say now: inline and the default versions of the attached. */
export function documentsOf(state: IamState, role: IamRole): readonly PolicyDocument[] {
  const inline = [...role.inline.values()].map((one) => one.document);
  return [...inline, ...[...role.attached].flatMap((arn) => defaultDocument(state, arn) ?? [])];
}

export function defaultDocument(state: IamState, arn: string): PolicyDocument | undefined {
  const policy = state.policies.get(arn);
  return policy?.versions.get(policy.defaultVersion)?.document;
}

/** Throws MalformedPolicyDocument in IAM's words. */
export function requireDocument(text: string | undefined, kind: DocumentKind): Document {
  const read = readDocument(text ?? '', kind);
  if ('refused' in read) throw new AwsFault(400, 'MalformedPolicyDocument', read.refused);
  return { text: text ?? '', document: read.document };
}

/** IAM counts policy sizes without white space. */
export function sizeOf(text: string): number {
  return text.replace(/\s/g, '').length;
}

export function requirePath(path: string | undefined): string {
  if (path === undefined) return '/';
  if (/^\/$|^\/[\u0021-\u007e]+\/$/.test(path)) return path;
  throw invalid('The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.');
}

export function requireName(name: string | undefined, rule: { readonly field: string; readonly max: number }): string {
  if (name === undefined || name === '') throw invalid(`1 validation error detected: Value at '${rule.field}' failed to satisfy constraint: Member must not be null`);
  if (name.length > rule.max) {
    throw invalid(`1 validation error detected: Value '${name}' at '${rule.field}' failed to satisfy constraint: Member must have length less than or equal to ${rule.max}`);
  }
  if (!/^[\w+=,.@-]+$/.test(name)) throw invalid(`The specified value for ${rule.field} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`);
  return name;
}

export function requireTags(tags: Tags | undefined): Tags {
  for (const key of Object.keys(tags ?? {})) {
    if (key.toLowerCase().startsWith('aws:')) throw new AwsFault(400, 'InvalidInput', 'Tag keys beginning with aws: are reserved for system use');
  }
  if (Object.keys(tags ?? {}).length > 50) throw new AwsFault(409, 'LimitExceeded', 'The number of tags has reached the maximum limit.');
  return tags ?? {};
}

export function missing(message: string): AwsFault {
  return new AwsFault(404, 'NoSuchEntity', message);
}
export function exists(message: string): AwsFault {
  return new AwsFault(409, 'EntityAlreadyExists', message);
}
export function conflict(message: string): AwsFault {
  return new AwsFault(409, 'DeleteConflict', message);
}
export function invalid(message: string): AwsFault {
  return new AwsFault(400, 'ValidationError', message);
}

export function iamSnapshot(state: IamState): Json {
  const roles = [...state.roles.values()].map((role) => [role.arn, {
    trust: role.trust.document as unknown as Json, description: role.description ?? null, boundary: role.boundary ?? null, maxSession: role.maxSession, tags: role.tags,
    inline: Object.fromEntries([...role.inline].map(([name, one]) => [name, one.document as unknown as Json])), attached: [...role.attached].sort(),
  }] as const);
  const policies = [...state.policies.values()].filter((policy) => !isAwsManaged(policy)).map((policy) => [policy.arn, {
    tags: policy.tags, document: (policy.versions.get(policy.defaultVersion)?.document ?? null) as unknown as Json, versions: policy.versions.size,
  }] as const);
  const providers = [...state.providers.values()].map((provider) => [provider.arn, { audiences: [...provider.audiences].sort(), tags: provider.tags }] as const);
  const profiles = [...state.profiles].map(([name, members]) => [name, [...members].sort()] as const);
  return { roles: Object.fromEntries(roles), policies: Object.fromEntries(policies), providers: Object.fromEntries(providers), profiles: Object.fromEntries(profiles) };
}
