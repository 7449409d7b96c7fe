/** EKS Pod Identity associations. */
import type { PodIdentityAssociation } from '@aws-sdk/client-eks';
import type { Association, Associations } from '../../ports/clusters.ts';
import type { Clients } from './clients.ts';
import { ask, askFor, isCode } from './failures.ts';

export function associations({ eks }: Clients): Associations {
  const find: Associations['find'] = async ({ cluster, namespace, serviceAccount }) => {
    const client = await eks();
    const on = `${cluster}/${namespace}/${serviceAccount}`;
    const listed = await ask({ action: 'eks:ListPodIdentityAssociations', on }, () =>
      client.listPodIdentityAssociations({ clusterName: cluster, namespace, serviceAccount }),
    );
    const associationId = listed.associations?.[0]?.associationId;
    if (associationId === undefined) return undefined;
    const described = await askFor({ action: 'eks:DescribePodIdentityAssociation', on, absent: ['ResourceNotFoundException', 'NotFoundException'] }, () =>
      client.describePodIdentityAssociation({ clusterName: cluster, associationId }),
    );
    return described?.association && read(described.association);
  };

  return {
    find,

    async create({ cluster, namespace, serviceAccount, roleArn, tags }) {
      const client = await eks();
      const asked = { action: 'eks:CreatePodIdentityAssociation', on: `${cluster}/${namespace}/${serviceAccount}` };
      return ask(asked, async () => {
        try {
          const { association } = await client.createPodIdentityAssociation({ clusterName: cluster, namespace, serviceAccount, roleArn, tags: { ...tags } });
          return read(association!);
        } catch (thrown) {
          // Our own first attempt, whose response was lost, conflicts with the second.
          if (!isCode(thrown, 'ResourceInUseException')) throw thrown;
          const there = await find({ cluster, namespace, serviceAccount });
          if (there?.roleArn !== roleArn) throw thrown;
          return there;
        }
      });
    },

    async update({ cluster, id, roleArn }) {
      const client = await eks();
      await ask({ action: 'eks:UpdatePodIdentityAssociation', on: `${cluster}/${id}` }, () =>
        client.updatePodIdentityAssociation({ clusterName: cluster, associationId: id, roleArn }),
      );
    },

    async tag(arn, tags) {
      const client = await eks();
      await ask({ action: 'eks:TagResource', on: arn }, () => client.tagResource({ resourceArn: arn, tags: { ...tags } }));
    },

    async untag(arn, keys) {
      const client = await eks();
      await ask({ action: 'eks:UntagResource', on: arn }, () => client.untagResource({ resourceArn: arn, tagKeys: [...keys] }));
    },

    async delete({ cluster, id }) {
      const client = await eks();
      await askFor({ action: 'eks:DeletePodIdentityAssociation', on: `${cluster}/${id}`, absent: ['ResourceNotFoundException', 'NotFoundException'] }, () =>
        client.deletePodIdentityAssociation({ clusterName: cluster, associationId: id }),
      );
    },
  };
}

const read = (association: PodIdentityAssociation): Association => ({
  id: association.associationId!,
  arn: association.associationArn ?? '',
  roleArn: association.roleArn!,
  tags: association.tags ?? {},
});
