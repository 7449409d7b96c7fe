/** The state of the simulated IAM: roles, managed policies, OIDC providers, instance profiles, and the rules they share. */
import type { SandboxClock } from '../types.ts';
import { awsManagedPolicies } from './iam-aws-managed.ts';
import { missing, type Tags, type Document } from './iam-rules.ts';
import type { PolicyDocument } from './policy.ts';
import { sha256 } from './sigv4.ts';

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
  /** Keyed by the lower-case name: IAM names have to differ in more than case, whatever their path. */
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
  const nextId = (prefix: string) =>
    prefix +
    sha256(`${options.accountId}/${prefix}/${(made += 1)}`)
      .slice(0, 17)
      .toUpperCase();
  const state: IamState = { ...options, roles: new Map(), policies: new Map(), providers: new Map(), profiles: new Map(), nextId };
  for (const [path, statement] of Object.entries(awsManagedPolicies)) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const document = { Version: '2012-10-17', Statement: [statement] } as PolicyDocument;
    const policy = newPolicy(state, {
      name,
      path: path.slice(0, -name.length),
      arn: `arn:${state.partition}:iam::aws:policy${path}`,
      document: { text: JSON.stringify(document), document },
    });
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
  return {
    name,
    path,
    arn,
    id: state.nextId('ANPA'),
    created,
    description,
    tags,
    versions: new Map([['v1', { ...document, created }]]),
    defaultVersion: 'v1',
    nextVersion: 2,
  };
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

/** The current identity policies of a role: inline ones and the default versions of attached ones. */
export function documentsOf(state: IamState, role: IamRole): readonly PolicyDocument[] {
  const inline = [...role.inline.values()].map((one) => one.document);
  return [...inline, ...[...role.attached].flatMap((arn) => defaultDocument(state, arn) ?? [])];
}

export function defaultDocument(state: IamState, arn: string): PolicyDocument | undefined {
  const policy = state.policies.get(arn);
  return policy?.versions.get(policy.defaultVersion)?.document;
}
