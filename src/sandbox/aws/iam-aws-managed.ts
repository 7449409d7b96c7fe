import type { Statement } from './policy-condition.ts';
const allow = (Action: string | readonly string[]): Statement => ({ Effect: 'Allow', Action, Resource: '*' });

/** By path and name. */
export const awsManagedPolicies: Readonly<Record<string, Statement>> = {
  '/AdministratorAccess': allow('*'),
  '/PowerUserAccess': { Effect: 'Allow', NotAction: ['iam:*', 'organizations:*', 'account:*'], Resource: '*' },
  '/ReadOnlyAccess': allow([
    's3:Get*',
    's3:List*',
    'iam:Get*',
    'iam:List*',
    'iam:Simulate*',
    'eks:Describe*',
    'eks:List*',
    'ec2:Describe*',
    'sts:GetCallerIdentity',
  ]),
  '/AmazonS3FullAccess': allow(['s3:*', 's3-object-lambda:*']),
  '/AmazonS3ReadOnlyAccess': allow(['s3:Get*', 's3:List*', 's3:Describe*']),
  '/AmazonEKSClusterPolicy': allow(['ec2:Describe*', 'elasticloadbalancing:*', 'kms:DescribeKey']),
  '/AmazonEKSWorkerNodePolicy': allow(['ec2:Describe*', 'eks:DescribeCluster', 'eks-auth:AssumeRoleForPodIdentity']),
  '/AmazonEKS_CNI_Policy': allow(['ec2:Describe*', 'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses']),
  '/AmazonEC2ContainerRegistryReadOnly': allow(['ecr:Get*', 'ecr:BatchGetImage', 'ecr:Describe*', 'ecr:List*']),
  '/AmazonSSMManagedInstanceCore': allow(['ssm:*', 'ssmmessages:*', 'ec2messages:*']),
  '/service-role/AmazonEBSCSIDriverPolicy': allow([
    'ec2:CreateVolume',
    'ec2:DeleteVolume',
    'ec2:AttachVolume',
    'ec2:DetachVolume',
    'ec2:Describe*',
    'ec2:CreateTags',
  ]),
};
