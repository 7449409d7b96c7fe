/** The contract on EKS. */
import * as eks from '@aws-sdk/client-eks';
import * as iam from '@aws-sdk/client-iam';
import type { ContractCase } from './case.ts';
import { messageOf, outcome } from './case.ts';
import { accountId, clusterName, region } from './target.ts';

export const eksCases: readonly ContractCase[] = [
  { name: 'Clusters by name', observe: async (api) => (await api.eks().send(new eks.ListClustersCommand({}))).clusters, expected: [clusterName] },
  {
    name: "A cluster's identity",
    observe: async (api) => {
      const { cluster } = await api.eks().send(new eks.DescribeClusterCommand({ name: clusterName }));
      return [
        cluster?.arn,
        cluster?.status,
        cluster?.version,
        cluster?.identity?.oidc?.issuer?.replace(/\/id\/.*/, ''),
        cluster?.tags,
        cluster?.createdAt instanceof Date,
      ];
    },
    expected: [`arn:aws:eks:${region}:${accountId}:cluster/${clusterName}`, 'ACTIVE', '1.33', `https://oidc.eks.${region}.amazonaws.com`, { team: 'ml' }, true],
  },
  {
    name: "A cluster's network, access and Auto Mode",
    observe: async (api) => {
      const { cluster } = await api.eks().send(new eks.DescribeClusterCommand({ name: clusterName }));
      const { vpcId, endpointPublicAccess, publicAccessCidrs } = cluster?.resourcesVpcConfig ?? {};
      return [
        typeof vpcId,
        endpointPublicAccess,
        publicAccessCidrs,
        cluster?.accessConfig?.authenticationMode,
        cluster?.computeConfig?.enabled,
        cluster?.storageConfig?.blockStorage?.enabled,
      ];
    },
    expected: ['string', true, ['0.0.0.0/0'], 'API_AND_CONFIG_MAP', false, false],
  },
  {
    name: 'A cluster that is not there',
    observe: async (api) => {
      const ask = () => api.eks().send(new eks.DescribeClusterCommand({ name: 'none' }));
      return [await outcome(ask()), await messageOf(ask())];
    },
    expected: ['ResourceNotFoundException 404', 'No cluster found for name: none.'],
  },
  {
    name: 'Add-ons',
    observe: async (api) => {
      const addon = (addonName: string) => api.eks().send(new eks.DescribeAddonCommand({ clusterName, addonName }));
      return [(await addon('aws-ebs-csi-driver')).addon?.status, await outcome(addon('none'))];
    },
    expected: ['ACTIVE', 'ResourceNotFoundException 404'],
  },
  {
    name: 'Nodegroups and Fargate profiles',
    observe: async (api) => [
      (await api.eks().send(new eks.ListNodegroupsCommand({ clusterName }))).nodegroups,
      (await api.eks().send(new eks.ListFargateProfilesCommand({ clusterName }))).fargateProfileNames,
    ],
    expected: [[], []],
  },
  {
    name: 'A pod identity association comes, is changed, tagged, and goes',
    observe: async (api) => {
      const client = api.eks();
      const role = async () => {
        const AssumeRolePolicyDocument = JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal: { Service: 'pods.eks.amazonaws.com' }, Action: ['sts:AssumeRole', 'sts:TagSession'] }],
        });
        return (await api.iam().send(new iam.CreateRoleCommand({ RoleName: api.name('role'), AssumeRolePolicyDocument }))).Role?.Arn ?? '';
      };
      const [first, second] = [await role(), await role()];
      const of = { clusterName, namespace: api.name('ns'), serviceAccount: 'loki' };
      const create = () => client.send(new eks.CreatePodIdentityAssociationCommand({ ...of, roleArn: first, tags: { a: 'b' } }));
      const { association } = await create();
      const associationId = association?.associationId ?? '';
      const again = await outcome(create());
      await client.send(new eks.UpdatePodIdentityAssociationCommand({ clusterName, associationId, roleArn: second }));
      await client.send(new eks.TagResourceCommand({ resourceArn: association?.associationArn ?? '', tags: { c: 'd' } }));
      const got = (await client.send(new eks.DescribePodIdentityAssociationCommand({ clusterName, associationId }))).association;
      const found = (await client.send(new eks.ListPodIdentityAssociationsCommand(of))).associations?.length;
      const remove = () => outcome(client.send(new eks.DeletePodIdentityAssociationCommand({ clusterName, associationId })));
      return [again, got?.roleArn === second, got?.tags, found, await remove(), await remove()];
    },
    expected: ['ResourceInUseException 409', true, { a: 'b', c: 'd' }, 1, 'ok', 'ResourceNotFoundException 404'],
  },
  {
    name: 'Access entries',
    observe: async (api) => typeof (await api.eks().send(new eks.ListAccessEntriesCommand({ clusterName }))).accessEntries?.length,
    expected: 'number',
  },
];
