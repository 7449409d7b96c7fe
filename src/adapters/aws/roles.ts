/** IAM roles with their policies. */
import type { IAM, Tag } from '@aws-sdk/client-iam';
import type { Json } from '../../engine/types.ts';
import type { Callers } from '../../ports/caller.ts';
import type { Role, Roles } from '../../ports/roles.ts';
import { stop } from '../../problems/problem.ts';
import type { Exchanges } from '../exchanges.ts';
import type { Clients } from './clients.ts';
import { readDocument } from './documents.ts';
import { ask, askFor, isCode, readError, slim } from './failures.ts';
import { everyPage } from './pages.ts';
import { patiently } from './retry.ts';
import { deniedActions } from './permissions.ts';

const gone = ['NoSuchEntity', 'NoSuchEntityException'];
const busy = ['ConcurrentModification', 'ConcurrentModificationException', 'EntityTemporarilyUnmodifiable', 'EntityTemporarilyUnmodifiableException'];

export function roles(clients: Clients, callers: Callers): Roles {
  // IAM's reads lag behind its writes: a role created a moment ago may not exist yet for the next call.
  const fresh = new Set<string>();
  const write = <T>(action: string, name: string, call: (iam: IAM) => Promise<T>): Promise<T> =>
    ask({ action, on: `role ${name}` }, async () => {
      const iam = await clients.iam();
      return patiently({ codes: fresh.has(name) ? [...busy, ...gone] : busy, forMs: 30_000, exchanges: clients.exchanges }, () => call(iam));
    });

  return {
    find: (name, expected) => clients.iam().then((iam) => findRole(iam, name, expected?.inline)),

    async create(role) {
      const document = JSON.stringify(role.trust);
      await write('iam:CreateRole', role.name, async (iam) => {
        try {
          await iam.createRole({
            RoleName: role.name,
            Path: role.path,
            AssumeRolePolicyDocument: document,
            Description: role.description,
            ...(role.permissionsBoundary !== undefined && { PermissionsBoundary: role.permissionsBoundary }),
            Tags: toTags(role.tags),
          });
        } catch (thrown) {
          if (!isCode(thrown, 'EntityAlreadyExists', 'EntityAlreadyExistsException')) throw thrown;
          // A lost response: the SDK retried, and met what it had created itself.
          const there = (readError(thrown).attempts ?? 1) > 1 ? await findRole(iam, role.name) : undefined;
          if (there !== undefined && Object.entries(role.tags).every(([key, value]) => there.tags[key] === value)) return;
          throw stop('ROLE_EXISTS', { message: `A role named ${role.name} already exists (IAM ignores case and path)` }, { cause: slim(thrown) });
        }
      });
      fresh.add(role.name);
    },

    setTrust: (name, trust) =>
      write(
        'iam:UpdateAssumeRolePolicy',
        name,
        async (iam) => void (await iam.updateAssumeRolePolicy({ RoleName: name, PolicyDocument: JSON.stringify(trust) })),
      ),

    async setInline(name, policy, document) {
      if (document !== undefined) {
        await write('iam:PutRolePolicy', name, (iam) => iam.putRolePolicy({ RoleName: name, PolicyName: policy, PolicyDocument: JSON.stringify(document) }));
        return;
      }
      const iam = await clients.iam();
      await askFor({ action: 'iam:DeleteRolePolicy', on: `role ${name}`, absent: gone }, () => iam.deleteRolePolicy({ RoleName: name, PolicyName: policy }));
    },

    async setBoundary(name, boundary) {
      if (boundary !== undefined) {
        await write('iam:PutRolePermissionsBoundary', name, (iam) => iam.putRolePermissionsBoundary({ RoleName: name, PermissionsBoundary: boundary }));
        return;
      }
      const iam = await clients.iam();
      await askFor({ action: 'iam:DeleteRolePermissionsBoundary', on: `role ${name}`, absent: gone }, () =>
        iam.deleteRolePermissionsBoundary({ RoleName: name }),
      );
    },

    async tag(name, tags) {
      await write('iam:TagRole', name, (iam) => iam.tagRole({ RoleName: name, Tags: toTags(tags) }));
    },

    async untag(name, keys) {
      if (keys.length > 0) await write('iam:UntagRole', name, (iam) => iam.untagRole({ RoleName: name, TagKeys: [...keys] }));
    },

    async delete(name, policy) {
      await deleteRole({ iam: await clients.iam(), exchanges: clients.exchanges }, { name, policy });
      fresh.delete(name);
    },

    instanceProfiles: async (name) => profilesOf(await clients.iam(), name),

    denied: (actions, resource, as) => deniedActions(clients, callers, { actions, resource, ...(as && { as }) }),
  };
}

export const toTags = (tags: Readonly<Record<string, string>>): Tag[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
export const fromTags = (tags: readonly Tag[] | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key!, Value ?? '']));

async function findRole(iam: IAM, name: string, expected?: string): Promise<Role | undefined> {
  const on = `role ${name}`;
  const found = await askFor({ action: 'iam:GetRole', on, absent: gone }, () => iam.getRole({ RoleName: name }));
  if (found?.Role === undefined) return undefined;
  const role = found.Role;
  const [inline, attached] = await Promise.all([inlinePolicies(iam, name, expected), attachedPolicies(iam, name)]);
  return {
    arn: role.Arn!,
    name: role.RoleName!,
    path: role.Path ?? '/',
    trust: readDocument(role.AssumeRolePolicyDocument ?? ''),
    description: role.Description,
    permissionsBoundary: role.PermissionsBoundary?.PermissionsBoundaryArn,
    tags: fromTags(role.Tags),
    inline,
    attached,
  };
}

async function inlinePolicies(iam: IAM, name: string, expected: string | undefined): Promise<Readonly<Record<string, Json>>> {
  const read = async (policy: string) => {
    const answer = await askFor({ action: 'iam:GetRolePolicy', on: `role ${name}`, absent: gone }, () =>
      iam.getRolePolicy({ RoleName: name, PolicyName: policy }),
    );
    return answer && ([policy, readDocument(answer.PolicyDocument ?? '')] as const);
  };
  const [names, first] = await Promise.all([inlineNames(iam, name), expected === undefined ? undefined : read(expected)]);
  const others = await Promise.all(names.filter((policy) => policy !== expected).map(read));
  return Object.fromEntries([first, ...others].filter((entry) => entry !== undefined));
}

async function inlineNames(iam: IAM, name: string): Promise<readonly string[]> {
  const pages = await everyPage((Marker) =>
    askFor({ action: 'iam:ListRolePolicies', on: `role ${name}`, absent: gone }, () => iam.listRolePolicies({ RoleName: name, Marker })),
  );
  return pages.flatMap((page) => page.PolicyNames ?? []);
}

async function attachedPolicies(iam: IAM, name: string): Promise<readonly string[]> {
  const pages = await everyPage((Marker) =>
    askFor({ action: 'iam:ListAttachedRolePolicies', on: `role ${name}`, absent: gone }, () => iam.listAttachedRolePolicies({ RoleName: name, Marker })),
  );
  return pages.flatMap((page) => (page.AttachedPolicies ?? []).map((policy) => policy.PolicyArn!));
}

interface By {
  readonly iam: IAM;
  readonly exchanges: Exchanges;
}

/** Foreign attachments are not ours to remove: they are checked first, and IAM answers DeleteConflict to anything attached in between. */
async function deleteRole(by: By, { name, policy }: { readonly name: string; readonly policy: string }): Promise<void> {
  const { iam, exchanges } = by;
  const on = `role ${name}`;
  const take = (action: string, call: () => Promise<unknown>) => askFor({ action, on, absent: gone }, call);
  const [attached, inline, profiles] = await Promise.all([attachedPolicies(iam, name), inlineNames(iam, name), profilesOf(iam, name)]);
  const others = [...attached, ...inline.filter((one) => one !== policy), ...profiles];
  if (others.length > 0) throw stop('ROLE_IN_USE', { message: `The role ${name} can't be deleted: it still has ${others.slice(0, 3).join(', ')}` });
  if (inline.includes(policy)) await take('iam:DeleteRolePolicy', () => iam.deleteRolePolicy({ RoleName: name, PolicyName: policy }));
  try {
    await patiently({ codes: busy, forMs: 30_000, exchanges }, () => iam.deleteRole({ RoleName: name }));
  } catch (thrown) {
    if (isCode(thrown, ...gone)) return;
    if (!isCode(thrown, 'DeleteConflict', 'DeleteConflictException')) return void (await take('iam:DeleteRole', () => Promise.reject(thrown)));
    // Rare: IAM still sees what was detached.
    await take('iam:DeleteRole', () => deleteAtLast(by, name));
  }
}

async function deleteAtLast({ iam, exchanges }: By, name: string): Promise<void> {
  try {
    await patiently({ codes: ['DeleteConflict', 'DeleteConflictException', ...busy], forMs: 20_000, exchanges }, () => iam.deleteRole({ RoleName: name }));
  } catch (thrown) {
    if (!isCode(thrown, 'DeleteConflict', 'DeleteConflictException')) throw thrown;
    throw stop('ROLE_IN_USE', { message: `The role ${name} can't be deleted: ${readError(thrown).message}` }, { cause: slim(thrown) });
  }
}

async function profilesOf(iam: IAM, name: string): Promise<readonly string[]> {
  const pages = await everyPage((Marker) =>
    askFor({ action: 'iam:ListInstanceProfilesForRole', on: `role ${name}`, absent: gone }, () => iam.listInstanceProfilesForRole({ RoleName: name, Marker })),
  );
  return pages.flatMap((page) => page.InstanceProfiles ?? []).flatMap(({ InstanceProfileName }) => (InstanceProfileName ? [InstanceProfileName] : []));
}
