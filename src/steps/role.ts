/** The IAM role that Loki runs as: trusts one service account, may touch two buckets. */
import { canonical } from '../design/canonical.ts';
import { diffLines } from '../design/diff.ts';
import type { Change, Json, Receipt, Step } from '../engine/types.ts';
import type { Role } from '../ports/roles.ts';
import { problem } from '../problems/problem.ts';
import { wasAbsent } from './absent.ts';
import type { Context } from './context.ts';
import { mayMark, oursByTags } from './marks.ts';

type Needs = Pick<Context, 'roles' | 'blueprint' | 'adopting'>;

type RoleReceipt =
  | { readonly did: 'create-role'; readonly name: string }
  | { readonly did: 'set-trust'; readonly name: string; readonly before: Json }
  | { readonly did: 'set-role-policy'; readonly name: string; readonly policy: string; readonly before: Json }
  | { readonly did: 'set-boundary'; readonly name: string; readonly before: string | null }
  | { readonly did: 'tag-role'; readonly name: string; readonly before: Readonly<Record<string, string>>; readonly added: readonly string[] };

export const role: Step<Needs, Receipt> = {
  id: 'role',
  title: 'IAM role for Loki',
  needs: [],

  async inspect({ roles, blueprint, adopting }) {
    const wanted = blueprint.role;
    // In an adoption everything that is attached to it is worth saying.
    const found = await (adopting ? roles.find(wanted.name) : roles.find(wanted.name, { inline: wanted.policyName }));
    if (!found) return { is: 'differs', changes: [{ action: 'create', target: wanted.arn }] };
    const ours = oursByTags(found.tags, blueprint.ownership);
    if (!ours && adopting && !mayMark(found.tags, blueprint.ownership)) {
      return { is: 'blocked', problem: problem('MARKED_BY_ANOTHER', { message: `Role ${wanted.name} belongs to another installation of loki-eks` }) };
    }
    if (!ours && !adopting) {
      return { is: 'blocked', problem: problem('ROLE_NOT_OURS', { message: `Role ${wanted.name} exists but was not made by loki-eks for this cluster` }) };
    }
    if (found.path !== wanted.path) {
      return {
        is: 'blocked',
        problem: problem('ROLE_OTHER_PATH', { message: `role ${wanted.name} has the path ${found.path}, not ${wanted.path}`, fix: `--iam-path ${found.path}` }),
      };
    }
    const changes = gaps(found, wanted).map(({ did, diff }): Change => ({
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
    // An update's receipt carries what stood there just before.
    const found = wasAbsent(seen) ? undefined : await roles.find(wanted.name, { inline: wanted.policyName });
    if (!found) {
      await record({ did: 'create-role', name: wanted.name });
      await roles.create(wanted);
      signal.throwIfAborted();
      say('inline policy');
      await roles.setInline(wanted.name, wanted.policyName, wanted.policy);
      return;
    }
    for (const gap of gaps(found, wanted)) {
      await record(gap.receipt);
      say(WORDS[gap.did]);
      await gap.act(roles);
    }
  },

  async undo({ roles, blueprint }, receipt) {
    const did = receipt as RoleReceipt;
    const found = await roles.find(did.name);
    if (!found) return;
    switch (did.did) {
      case 'create-role':
        return oursByTags(found.tags, blueprint.ownership) ? roles.delete(did.name) : undefined;
      case 'set-trust':
        return roles.setTrust(did.name, did.before);
      case 'set-role-policy':
        return roles.setInline(did.name, did.policy, did.before ?? undefined);
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
    if (!oursByTags(found.tags, blueprint.ownership)) return { is: 'kept', target: arn, why: 'it is not ours' };
    await roles.delete(name);
    return { is: 'removed' };
  },
};

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

function gaps(found: Role, wanted: Needs['blueprint']['role']): readonly Gap[] {
  const { name } = wanted;
  const missing: Gap[] = [];
  if (canonical(found.trust) !== canonical(wanted.trust)) {
    missing.push({
      did: 'set-trust',
      receipt: { did: 'set-trust', name, before: found.trust },
      diff: diffLines(found.trust, wanted.trust),
      act: (roles) => roles.setTrust(name, wanted.trust),
    });
  }
  const policy = found.inline[wanted.policyName];
  if (canonical(policy) !== canonical(wanted.policy)) {
    missing.push({
      did: 'set-role-policy',
      receipt: { did: 'set-role-policy', name, policy: wanted.policyName, before: policy ?? null },
      diff: diffLines(policy ?? {}, wanted.policy),
      act: (roles) => roles.setInline(name, wanted.policyName, wanted.policy),
    });
  }
  if (wanted.permissionsBoundary && wanted.permissionsBoundary !== found.permissionsBoundary) {
    missing.push({
      did: 'set-boundary',
      receipt: { did: 'set-boundary', name, before: found.permissionsBoundary ?? null },
      act: (roles) => roles.setBoundary(name, wanted.permissionsBoundary),
    });
  }
  const tags = Object.entries(wanted.tags).filter(([key, value]) => found.tags[key] !== value);
  if (tags.length > 0) {
    const before = Object.fromEntries(tags.flatMap(([key]) => (key in found.tags ? [[key, found.tags[key] as string]] : [])));
    missing.push({
      did: 'tag-role',
      receipt: { did: 'tag-role', name, before, added: tags.map(([key]) => key).filter((key) => !(key in found.tags)) },
      diff: diffLines(before, Object.fromEntries(tags)),
      act: (roles) => roles.tag(name, Object.fromEntries(tags)),
    });
  }
  return missing;
}
