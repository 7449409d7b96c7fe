/** Callers of the simulated account: its administrator, and additional users with fewer permissions. */
import type { Json } from '../../engine/types.ts';
import type { SandboxCredentials } from '../types.ts';
import { addRole } from './iam-roles.ts';
import type { IamState } from './iam-state.ts';
import { requireDocument } from './iam-rules.ts';
import type { KeyRing } from './principals.ts';

interface Registry {
  readonly iam: IamState;
  readonly keys: KeyRing;
}

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow' as const, Action: '*', Resource: '*' }] };

/** A user with long-term keys or, for an assumed-role ARN, the role itself and a session of it that does not expire. */
export function addCaller(registry: Registry, arn: string): SandboxCredentials {
  const { iam, keys } = registry;
  const [, roleName, session] = /^arn:[^:]+:sts::\d{12}:assumed-role\/([^/]+)\/(.+)$/.exec(arn) ?? [];
  const rights = { policies: () => [everything], boundary: () => undefined };
  if (roleName === undefined) return keys.addUserKey({ arn, userId: iam.nextId('AIDA'), ...rights });
  const trust = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: iam.accountId }, Action: 'sts:AssumeRole' }] };
  const role = addRole(iam, { name: roleName, path: '/', trust: requireDocument(JSON.stringify(trust), 'trust'), tags: {} }, true);
  role.attached.add(`arn:${iam.partition}:iam::aws:policy/AdministratorAccess`);
  return keys.addSession({ arn, userId: `${role.id}:${session ?? ''}`, roleArn: role.arn, ...rights });
}

export function addUser(registry: Registry, name: string, policy: Json): SandboxCredentials {
  const { document } = requireDocument(JSON.stringify(policy), 'identity');
  const arn = `arn:${registry.iam.partition}:iam::${registry.iam.accountId}:user/${name}`;
  return registry.keys.addUserKey({ arn, userId: registry.iam.nextId('AIDA'), policies: () => [document], boundary: () => undefined });
}
