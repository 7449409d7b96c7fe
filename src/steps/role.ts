/** The IAM role that Loki runs as: trusts one service account, may use two buckets. What others have added to it stays theirs. */
import { rolePermissions } from './role-permissions.ts';
import { canonical } from '../design/canonical.ts';
import { diffLines } from '../design/diff.ts';
import * as names from '../design/names.ts';
import { adoptedTag } from '../design/ownership.ts';
import { foreignStatements, mergedStatements, trustsOnly, withoutOurs } from '../design/statements.ts';
import type { Change, Json, UndoRecord, Removal, Step } from '../engine/types.ts';
import type { Role } from '../ports/roles.ts';
import { problem, ProblemError } from '../problems/problem.ts';
import { willCreate } from './will-create.ts';
import type { Context } from '../context.ts';
import { isAdoptedByTag, mayMark, isOwnedByTags } from './ownership.ts';

type Needs = Pick<Context, 'roles' | 'blueprint' | 'adopting' | 'said'>;

type RoleReceipt =
  | { readonly did: 'create-role'; readonly name: string }
  | { readonly did: 'set-trust'; readonly name: string; readonly before: Json }
  | { readonly did: 'set-role-policy'; readonly name: string; readonly policy: string; readonly before: Json }
  | { readonly did: 'set-boundary'; readonly name: string; readonly before: string | null }
  | { readonly did: 'tag-role'; readonly name: string; readonly before: Readonly<Record<string, string>>; readonly added: readonly string[] };

export const role: Step<Needs, UndoRecord> = {
  id: 'role',
  title: 'IAM role for Loki',
  scope: 'aws',
  needs: [],
  permissions: rolePermissions,

  async inspect(ctx) {
    const { roles, blueprint, adopting } = ctx;
    const wanted = blueprint.role;
    const found = await (adopting ? roles.find(wanted.name) : roles.find(wanted.name, { inline: wanted.policyName }));
    if (!found) return { is: 'differs', changes: [{ action: 'create', target: wanted.arn }] };
    const ours = isOwnedByTags(found.tags, blueprint.ownership);
    if (!ours && adopting && !mayMark(found.tags, blueprint.ownership)) {
      return {
        is: 'blocked',
        problem: problem('OWNED_BY_ANOTHER_INSTALLATION', { message: `Role ${wanted.name} belongs to another installation of loki-eks` }),
      };
    }
    if (!ours && !adopting) {
      return { is: 'blocked', problem: problem('ROLE_NOT_OURS', { message: `Role ${wanted.name} exists but was not created by loki-eks for this cluster` }) };
    }
    // A role named by the user is shared with those who use it already.
    const shared = ours || ctx.said?.has('roleName') ? undefined : sharedBecause(found, blueprint, await roles.instanceProfiles(wanted.name));
    if (shared) return { is: 'blocked', problem: problem('ROLE_SHARED', { message: `Role ${wanted.name} is used by other workloads: ${shared}` }) };
    if (found.path !== wanted.path) {
      return {
        is: 'blocked',
        problem: problem('ROLE_OTHER_PATH', {
          message: `Role ${wanted.name} has the path ${found.path}, not ${wanted.path}`,
          fix: `Set \`--iam-path ${found.path}\``,
        }),
      };
    }
    const changes = gaps(found, blueprint).map(({ did, diff }): Change => ({
      action: 'update',
      target: wanted.arn,
      detail: WORDS[did],
      ...(diff && { diff }),
    }));
    if (changes.length === 0) return { is: 'matches' };
    const kept = ours
      ? []
      : found.attached.map((policy): Change => ({ action: 'keep', target: policy, detail: 'stays attached; the role no longer needs it' }));
    return { is: 'differs', changes: [...changes, ...kept] };
  },

  async apply({ roles, blueprint }, { found: seen, record, say, signal }) {
    const wanted = blueprint.role;
    // The undo record of an update holds the state right before it.
    const found = willCreate(seen) ? undefined : await roles.find(wanted.name, { inline: wanted.policyName });
    if (!found) {
      await record({ did: 'create-role', name: wanted.name });
      await roles.create(wanted);
      signal.throwIfAborted();
      say('inline policy');
      await roles.setInline(wanted.name, wanted.policyName, wanted.policy);
      return;
    }
    for (const gap of gaps(found, blueprint)) {
      await record(gap.receipt);
      say(WORDS[gap.did]);
      await gap.act(roles);
    }
  },

  async undo({ roles, blueprint }, receipt) {
    const did = receipt as RoleReceipt;
    const found = await roles.find(did.name);
    if (!found) return;
    const { trust, policy } = blueprint.role;
    switch (did.did) {
      case 'create-role':
        return isOwnedByTags(found.tags, blueprint.ownership) ? deleteOrGiveBack({ roles, blueprint }, found) : undefined;
      case 'set-trust':
        return roles.setTrust(did.name, withoutOurs(found.trust, { wanted: trust, before: did.before }) ?? did.before);
      case 'set-role-policy':
        return roles.setInline(did.name, did.policy, withoutOurs(found.inline[did.policy] ?? null, { wanted: policy, before: did.before }));
      case 'set-boundary':
        return roles.setBoundary(did.name, did.before ?? undefined);
      case 'tag-role':
        if (did.added.length > 0) await roles.untag(did.name, did.added);
        return Object.keys(did.before).length > 0 ? roles.tag(did.name, did.before) : undefined;
    }
  },

  async remove({ roles, blueprint }) {
    const { name, arn } = blueprint.role;
    const found = await roles.find(name);
    if (!found) return { is: 'absent' };
    if (!isOwnedByTags(found.tags, blueprint.ownership)) return { is: 'kept', target: arn, why: 'loki-eks did not create it' };
    if (isAdoptedByTag(found.tags)) return giveBack({ roles, blueprint }, found, 'it existed before loki-eks');
    return deleteOrGiveBack({ roles, blueprint }, found);
  },
};

/** The guard lets no role be deleted that others use. */
async function deleteOrGiveBack(ctx: Pick<Needs, 'roles' | 'blueprint'>, found: Role): Promise<Removal> {
  try {
    await ctx.roles.delete(found.name, ctx.blueprint.role.policyName);
    return { is: 'removed' };
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'ROLE_IN_USE') throw error;
    return giveBack(ctx, found, error.problem.message);
  }
}

/** Removes our part of it; the rest is its owner's. */
async function giveBack({ roles, blueprint }: Pick<Needs, 'roles' | 'blueprint'>, found: Role, why: string): Promise<Removal> {
  const { name, arn } = found;
  const { trust, policyName, policy } = blueprint.role;
  const others = withoutOurs(found.trust, { wanted: trust });
  // IAM does not allow a role without a trust policy.
  if (others && canonical(others) !== canonical(found.trust)) await roles.setTrust(name, others);
  if (found.inline[policyName]) await roles.setInline(name, policyName, withoutOurs(found.inline[policyName], { wanted: policy }));
  await roles.untag(name, [...Object.keys(blueprint.ownership.tags), adoptedTag]);
  return { is: 'kept', target: arn, why, how: `aws iam delete-role --role-name ${name}, once it is no longer needed`, changed: true };
}

interface Serves {
  readonly role: Pick<Needs['blueprint']['role'], 'trust' | 'policyName' | 'policy'>;
  readonly serviceAccount: { readonly namespace: string; readonly name: string };
  readonly oidcProvider?: { readonly arn: string };
}

/** Why a foreign role serves others as well; `undefined` if it serves this Loki alone. */
export function sharedBecause(found: Role, blueprint: Serves, profiles: readonly string[]): string | undefined {
  const { role: wanted, serviceAccount, oidcProvider } = blueprint;
  const subject = `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`;
  const policies = [...found.attached, ...Object.keys(found.inline).filter((name) => name !== wanted.policyName)];
  if (!trustsOnly(found.trust, { wanted: wanted.trust, subject, ...(oidcProvider && { provider: oidcProvider.arn }) })) return 'other principals may assume it';
  if (policies.length > 0) return `it has other policies: ${policies.slice(0, 3).join(', ')}`;
  if (foreignStatements(found.inline[wanted.policyName], wanted.policy).length > 0) return `its policy ${wanted.policyName} allows more than Loki needs`;
  return profiles.length > 0 ? `it is in instance profile ${profiles.slice(0, 3).join(', ')}` : undefined;
}

const WORDS = {
  'set-trust': 'trust policy',
  'set-role-policy': 'inline policy',
  'set-boundary': 'permissions boundary',
  'tag-role': 'tags',
} as const;

interface Gap {
  readonly did: keyof typeof WORDS;
  readonly receipt: RoleReceipt;
  readonly diff?: readonly string[];
  readonly act: (roles: Needs['roles']) => Promise<void>;
}

function gaps(found: Role, { role: wanted, ownership, cluster }: Needs['blueprint']): readonly Gap[] {
  const { name } = wanted;
  const missing: Gap[] = [];
  const trust = mergedStatements(found.trust, wanted.trust);
  if (canonical(found.trust) !== canonical(trust)) {
    missing.push({
      did: 'set-trust',
      receipt: { did: 'set-trust', name, before: found.trust },
      diff: diffLines(found.trust, trust),
      act: (roles) => roles.setTrust(name, trust),
    });
  }
  const before = found.inline[wanted.policyName];
  const policy = mergedStatements(before, wanted.policy);
  if (before === undefined || canonical(before) !== canonical(policy)) {
    missing.push({
      did: 'set-role-policy',
      receipt: { did: 'set-role-policy', name, policy: wanted.policyName, before: before ?? null },
      diff: diffLines(before ?? {}, policy),
      act: (roles) => roles.setInline(name, wanted.policyName, policy),
    });
  }
  if (wanted.permissionsBoundary && wanted.permissionsBoundary !== found.permissionsBoundary) {
    missing.push({
      did: 'set-boundary',
      receipt: { did: 'set-boundary', name, before: found.permissionsBoundary ?? null },
      act: (roles) => roles.setBoundary(name, wanted.permissionsBoundary),
    });
  }
  // A role with the name that loki-eks generates was created by loki-eks.
  const theirs = !isOwnedByTags(found.tags, ownership) && name !== names.roleName(cluster.name, ownership.installId);
  const tags = Object.entries({ ...wanted.tags, ...(theirs && { [adoptedTag]: 'yes' }) }).filter(([key, value]) => found.tags[key] !== value);
  if (tags.length > 0) {
    const former = Object.fromEntries(tags.flatMap(([key]) => (key in found.tags ? [[key, found.tags[key] as string]] : [])));
    missing.push({
      did: 'tag-role',
      receipt: { did: 'tag-role', name, before: former, added: tags.map(([key]) => key).filter((key) => !(key in found.tags)) },
      diff: diffLines(former, Object.fromEntries(tags)),
      act: (roles) => roles.tag(name, Object.fromEntries(tags)),
    });
  }
  return missing;
}
