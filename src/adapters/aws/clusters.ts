/** EKS clusters and their add-ons. */
import type { Cluster } from '@aws-sdk/client-eks';
import type { Clusters, EksCluster } from '../../ports/clusters.ts';
import type { Clients } from './clients.ts';
import { ask, askFor, isCode } from './failures.ts';

export function clusters({ eks }: Clients): Clusters {
  return {
    async names() {
      const client = await eks();
      const names: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await ask({ action: 'eks:ListClusters' }, () => client.listClusters({ nextToken, maxResults: 100 }));
        names.push(...(page.clusters ?? []));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return names.sort();
    },

    async find(name) {
      const client = await eks();
      const answer = await askFor({ action: 'eks:DescribeCluster', on: name, absent: ['ResourceNotFoundException'] }, () => client.describeCluster({ name }));
      return answer?.cluster && readCluster(answer.cluster);
    },

    async addon(cluster, name) {
      const client = await eks();
      try {
        const { addon } = await client.describeAddon({ clusterName: cluster, addonName: name });
        return {
          name: addon?.addonName ?? name,
          status: addon?.status ?? 'UNKNOWN',
          version: addon?.addonVersion,
          issues: (addon?.health?.issues ?? []).map(readIssue),
        };
      } catch (thrown) {
        // Only hints: a missing permission, or an endpoint without this call, must not stop anything.
        return isCode(thrown, 'ResourceNotFoundException') ? undefined : 'unknown';
      }
    },
  };
}

const readIssue = (issue: { readonly code?: string; readonly message?: string }): string => [issue.code, issue.message].filter(Boolean).join(': ');

export function readCluster(cluster: Cluster): EksCluster {
  const network = cluster.resourcesVpcConfig;
  return {
    name: cluster.name!,
    arn: cluster.arn!,
    status: cluster.status ?? 'UNKNOWN',
    version: cluster.version ?? '',
    platformVersion: cluster.platformVersion,
    endpoint: cluster.endpoint,
    certificateAuthority: cluster.certificateAuthority?.data,
    issuer: cluster.identity?.oidc?.issuer,
    vpc: network?.vpcId,
    // EKS returns both in every response; if they are absent, its default applies: public.
    endpointPublic: network?.endpointPublicAccess ?? true,
    endpointPrivate: network?.endpointPrivateAccess ?? false,
    publicCidrs: network?.publicAccessCidrs ?? [],
    authenticationMode: cluster.accessConfig?.authenticationMode,
    autoMode: cluster.computeConfig?.enabled === true,
    serviceCidr: cluster.kubernetesNetworkConfig?.serviceIpv4Cidr ?? cluster.kubernetesNetworkConfig?.serviceIpv6Cidr,
    external: cluster.connectorConfig !== undefined && cluster.connectorConfig !== null,
    healthIssues: (cluster.health?.issues ?? []).map(readIssue),
  };
}
