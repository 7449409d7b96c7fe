import { expect, test } from 'vitest';
import { readCluster } from './clusters.ts';

const arn = 'arn:aws:eks:ap-northeast-2:123456789012:cluster/demo';

test('a cluster of EKS, whole', () => {
  expect(
    readCluster({
      name: 'demo',
      arn,
      status: 'ACTIVE',
      version: '1.33',
      platformVersion: 'eks.9',
      endpoint: 'https://X.gr7.ap-northeast-2.eks.amazonaws.com',
      certificateAuthority: { data: 'Q0E=' },
      identity: { oidc: { issuer: 'https://oidc-eks.ap-northeast-2.api.aws/id/ABC' } },
      resourcesVpcConfig: { vpcId: 'vpc-1', endpointPublicAccess: false, endpointPrivateAccess: true, publicAccessCidrs: ['10.0.0.0/8'] },
      accessConfig: { authenticationMode: 'API' },
      computeConfig: { enabled: true },
      kubernetesNetworkConfig: { serviceIpv6Cidr: 'fd00::/108' },
      health: { issues: [{ code: 'VpcNotFound', message: 'the VPC is gone' }] },
    }),
  ).toEqual({
    name: 'demo',
    arn,
    status: 'ACTIVE',
    version: '1.33',
    platformVersion: 'eks.9',
    endpoint: 'https://X.gr7.ap-northeast-2.eks.amazonaws.com',
    certificateAuthority: 'Q0E=',
    issuer: 'https://oidc-eks.ap-northeast-2.api.aws/id/ABC',
    vpc: 'vpc-1',
    endpointPublic: false,
    endpointPrivate: true,
    publicCidrs: ['10.0.0.0/8'],
    authenticationMode: 'API',
    autoMode: true,
    serviceCidr: 'fd00::/108',
    external: false,
    healthIssues: ['VpcNotFound: the VPC is gone'],
  });
});

test('a registered cluster that EKS does not run has no issuer', () => {
  expect(readCluster({ name: 'rke', arn, status: 'ACTIVE', connectorConfig: { provider: 'RANCHER' } })).toMatchObject({
    external: true,
    issuer: undefined,
    autoMode: false,
  });
});
