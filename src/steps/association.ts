/** The EKS Pod Identity association that gives Loki's service account its role. */
import { associationPermissions, formerAssociationPermissions } from './association-permissions.ts';
import * as names from '../design/names.ts';
import { adoptedTag } from '../design/ownership.ts';
import type { UndoRecord, Removal, Step } from '../engine/types.ts';
import type { Association } from '../ports/clusters.ts';
import { diffLines } from '../design/diff.ts';
import { problem, ProblemError } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { isAdoptedByTag, mayMark, isOwnedByTags } from './ownership.ts';

type Needs = Pick<Context, 'associations' | 'blueprint' | 'clock' | 'adopting'>;

/** Pods get the address of their credentials at creation, and EKS needs seconds before it injects that. */
const SETTLES_MS = 10_000;

export const association: Step<Needs, UndoRecord> = {
  id: 'association',
  title: 'Pod Identity association',
  scope: 'aws',
  needs: ['role'],
  permissions: associationPermissions,

  async inspect({ associations, blueprint, adopting }) {
    const found = await associations.find(key(blueprint));
    const target = `Pod Identity ${blueprint.serviceAccount.namespace}/${blueprint.serviceAccount.name}`;
    if (!found) return { is: 'differs', changes: [{ action: 'create', target, detail: blueprint.role.arn }] };
    const ours = isOwnedByTags(found.tags, blueprint.ownership);
    if (!ours && adopting && !mayMark(found.tags, blueprint.ownership)) {
      return { is: 'blocked', problem: problem('OWNED_BY_ANOTHER_INSTALLATION', { message: `${target} belongs to another installation of loki-eks` }) };
    }
    if (!ours && adopting)
      return {
        is: 'differs',
        changes: [{ action: 'update', target, detail: 'tags', diff: diffLines({ ...found.tags }, { ...found.tags, ...blueprint.ownership.tags }) }],
      };
    if (!ours) {
      return { is: 'blocked', problem: problem('ASSOCIATION_NOT_OURS', { message: `${target} exists (${found.id}) but was not created by loki-eks` }) };
    }
    if (found.roleArn === blueprint.role.arn) return { is: 'matches' };
    return { is: 'differs', changes: [{ action: 'update', target, diff: [`- ${found.roleArn}`, `+ ${blueprint.role.arn}`] }] };
  },

  async apply({ associations, blueprint, clock }, { record, say, signal }) {
    const { cluster, ...of } = key(blueprint);
    const found = await associations.find({ cluster, ...of });
    if (!found) {
      await record({ did: 'create-association' });
      await associations.create({ cluster, ...of, roleArn: blueprint.role.arn, tags: blueprint.role.tags });
      say('waiting until EKS injects it into new pods');
      await clock.sleep(SETTLES_MS, signal);
      return;
    }
    if (!isOwnedByTags(found.tags, blueprint.ownership)) {
      const tags = { ...blueprint.ownership.tags, ...(isTheirs(found, blueprint) && { [adoptedTag]: found.roleArn }) };
      await record({ did: 'tag-association', added: Object.keys(tags).filter((key) => !(key in found.tags)) });
      await associations.tag(found.arn, tags);
    }
    if (found.roleArn === blueprint.role.arn) return;
    await record({ did: 'update-association', before: found.roleArn });
    await associations.update({ cluster, id: found.id, roleArn: blueprint.role.arn });
  },

  async undo({ associations, blueprint }, receipt) {
    const { cluster, ...of } = key(blueprint);
    const found = await associations.find({ cluster, ...of });
    if (found && receipt.did === 'untag-association') return associations.tag(found.arn, receipt['before'] as Readonly<Record<string, string>>);
    if (!found || !isOwnedByTags(found.tags, blueprint.ownership)) return;
    if (receipt.did === 'tag-association') return associations.untag(found.arn, receipt['added'] as readonly string[]);
    if (receipt.did === 'create-association') await associations.delete({ cluster, id: found.id });
    else await associations.update({ cluster, id: found.id, roleArn: String(receipt['before']) });
  },

  async remove({ associations, blueprint }) {
    const { cluster, ...of } = key(blueprint);
    const found = await associations.find({ cluster, ...of });
    if (!found) return { is: 'absent' };
    if (!isOwnedByTags(found.tags, blueprint.ownership)) return { is: 'kept', target: `association ${found.id}`, why: 'loki-eks did not create it' };
    if (isAdoptedByTag(found.tags)) return giveBack({ associations, blueprint }, found);
    await associations.delete({ cluster, id: found.id });
    return { is: 'removed' };
  },
};

/** For an installation that moved from Pod Identity to IRSA. Running pods keep what they got at creation, hence this is the last step. */
export const formerAssociation: Step<Needs, UndoRecord> = {
  id: 'former-association',
  title: 'previous Pod Identity association',
  scope: 'aws',
  needs: ['release.loki'],
  permissions: formerAssociationPermissions,

  async inspect({ associations, blueprint }) {
    const found = await associations.find(key(blueprint));
    if (!found || !isOwnedByTags(found.tags, blueprint.ownership)) return { is: 'matches' };
    return { is: 'differs', changes: [{ action: 'delete', target: `Pod Identity ${blueprint.serviceAccount.namespace}/${blueprint.serviceAccount.name}` }] };
  },

  async apply({ associations, blueprint }, { record }) {
    const { cluster, ...of } = key(blueprint);
    const found = await associations.find({ cluster, ...of });
    if (!found || !isOwnedByTags(found.tags, blueprint.ownership)) return;
    if (isAdoptedByTag(found.tags)) {
      await record({ did: 'give-back-association', before: found.tags });
      return void (await giveBack({ associations, blueprint }, found));
    }
    await record({ did: 'delete-association', before: found.roleArn });
    await associations.delete({ cluster, id: found.id });
  },

  async undo({ associations, blueprint }, receipt) {
    const { cluster, ...of } = key(blueprint);
    const found = await associations.find({ cluster, ...of });
    if (found && receipt.did === 'give-back-association') return associations.tag(found.arn, receipt['before'] as Readonly<Record<string, string>>);
    if (found) return;
    await associations.create({ cluster, ...of, roleArn: String(receipt['before']), tags: blueprint.role.tags });
  },

  async remove(ctx, io) {
    try {
      return await association.remove(ctx, io);
    } catch (error) {
      // A caller who has never used Pod Identity needs no permission to check for it.
      if (error instanceof ProblemError && error.problem.code === 'AWS_ACCESS_DENIED') return { is: 'absent' };
      throw error;
    }
  },
};

/** The previous role is only printed: otherwise anyone who may write tags could choose a role with the permissions of the user who uninstalls. */
async function giveBack({ associations, blueprint }: Pick<Needs, 'associations' | 'blueprint'>, found: Association): Promise<Removal> {
  const { cluster, ownership } = blueprint;
  await associations.untag(found.arn, [...Object.keys(ownership.tags), adoptedTag]);
  const of = `--cluster-name ${cluster.name} --association-id ${found.id}`;
  const how = `aws eks delete-pod-identity-association ${of}; or to restore its previous role: aws eks update-pod-identity-association ${of} --role-arn ${found.tags[adoptedTag]}`;
  return { is: 'kept', target: `association ${found.id}`, why: 'it existed before loki-eks', how, changed: true };
}

/** An association with the role that loki-eks creates, and with no other tags, was created by loki-eks. */
function isTheirs(found: Association, { role, cluster, ownership }: Needs['blueprint']): boolean {
  const made = names.roleName(cluster.name, ownership.installId);
  return found.roleArn !== role.arn || role.name !== made || Object.keys(found.tags).some((key) => role.tags[key] !== found.tags[key]);
}

const key = ({ cluster, serviceAccount }: Needs['blueprint']) => ({
  cluster: cluster.name,
  namespace: serviceAccount.namespace,
  serviceAccount: serviceAccount.name,
});
