/** What a caller must be allowed to do, by command: the page docs/reference/permissions.md. A test holds it against what the adapters call. */

import type { Json } from '../engine/types.ts';

export interface PermissionGroup {
  readonly title: string;
  /** Which commands need it, and when. */
  readonly when: string;
  readonly actions: readonly string[];
  /** What to allow it on, as the resource of a statement. */
  readonly on: readonly string[];
  readonly condition?: Json;
}

const BUCKETS = ['arn:aws:s3:::PREFIX-*'];

export const awsPermissions: readonly PermissionGroup[] = [
  { title: 'To look', when: 'every command', actions: ['eks:DescribeAddon', 'eks:DescribeCluster', 'eks:ListClusters', 'sts:GetCallerIdentity'], on: ['*'] },
  {
    title: 'To look at buckets',
    when: 'install, plan, status, doctor, uninstall; of verify only s3:ListBucket',
    actions: [
      's3:GetBucketObjectLockConfiguration',
      's3:GetBucketPolicy',
      's3:GetBucketPublicAccessBlock',
      's3:GetBucketTagging',
      's3:GetBucketVersioning',
      's3:GetEncryptionConfiguration',
      's3:GetLifecycleConfiguration',
      's3:ListBucket',
      's3:ListBucketMultipartUploads',
      's3:ListBucketVersions',
    ],
    on: BUCKETS,
  },
  {
    title: 'To make buckets',
    when: 'install',
    actions: [
      's3:CreateBucket',
      's3:PutBucketPolicy',
      's3:PutBucketPublicAccessBlock',
      's3:PutBucketTagging',
      's3:PutEncryptionConfiguration',
      's3:PutLifecycleConfiguration',
      's3:TagResource',
    ],
    on: BUCKETS,
  },
  {
    title: 'To delete or empty buckets',
    when: 'install when it takes back a bucket it has just created, install --existing-buckets recreate, uninstall --delete-data',
    actions: ['s3:AbortMultipartUpload', 's3:DeleteBucket', 's3:DeleteBucketPolicy', 's3:DeleteObject', 's3:DeleteObjectVersion'],
    on: BUCKETS,
  },
  { title: 'To let S3 empty buckets', when: 'uninstall --expire-data', actions: ['s3:PutLifecycleConfiguration'], on: BUCKETS },
  {
    title: 'To look at the role of a Loki that somebody else installed',
    when: 'doctor; what it may not look at is left out, and said',
    actions: ['iam:GetRole', 'iam:GetRolePolicy', 'iam:ListAttachedRolePolicies', 'iam:ListRolePolicies'],
    on: ['arn:aws:iam::ACCOUNT:role/*'],
  },
  {
    title: 'To make and remove the role',
    when: 'install, uninstall',
    actions: [
      'iam:CreateRole',
      'iam:DeleteRole',
      'iam:DeleteRolePermissionsBoundary',
      'iam:DeleteRolePolicy',
      'iam:DetachRolePolicy',
      'iam:GetRole',
      'iam:GetRolePolicy',
      'iam:ListAttachedRolePolicies',
      'iam:ListInstanceProfilesForRole',
      'iam:ListRolePolicies',
      'iam:PutRolePermissionsBoundary',
      'iam:PutRolePolicy',
      'iam:RemoveRoleFromInstanceProfile',
      'iam:TagRole',
      'iam:UntagRole',
      'iam:UpdateAssumeRolePolicy',
    ],
    on: ['arn:aws:iam::ACCOUNT:role/loki-eks-*', 'arn:aws:iam::ACCOUNT:instance-profile/*'],
  },
  {
    title: "To use the cluster's OIDC provider",
    when: 'identity irsa; only the first one when the provider exists already',
    actions: [
      'iam:GetOpenIDConnectProvider',
      'iam:AddClientIDToOpenIDConnectProvider',
      'iam:CreateOpenIDConnectProvider',
      'iam:DeleteOpenIDConnectProvider',
      'iam:RemoveClientIDFromOpenIDConnectProvider',
      'iam:TagOpenIDConnectProvider',
      'iam:UntagOpenIDConnectProvider',
    ],
    on: ['arn:aws:iam::ACCOUNT:oidc-provider/*'],
  },
  {
    title: 'To use EKS Pod Identity',
    when: 'identity pod-identity',
    actions: [
      'eks:CreatePodIdentityAssociation',
      'eks:DeletePodIdentityAssociation',
      'eks:DescribePodIdentityAssociation',
      'eks:ListPodIdentityAssociations',
      'eks:TagResource',
      'eks:UntagResource',
      'eks:UpdatePodIdentityAssociation',
    ],
    on: ['arn:aws:eks:REGION:ACCOUNT:cluster/CLUSTER', 'arn:aws:eks:REGION:ACCOUNT:podidentityassociation/CLUSTER/*'],
  },
  {
    title: 'To give the role to EKS Pod Identity',
    when: 'identity pod-identity',
    actions: ['iam:PassRole'],
    on: ['arn:aws:iam::ACCOUNT:role/loki-eks-*'],
    condition: { StringEquals: { 'iam:PassedToService': 'pods.eks.amazonaws.com' } },
  },
  {
    title: 'To check permissions beforehand',
    when: 'install, plan and doctor; without it the check is skipped',
    actions: ['iam:SimulatePrincipalPolicy'],
    on: ['*'],
  },
];

/** What Loki's own role may do; the installer's proof acts as that role, so the caller needs none of it. */
export const roleActions = [
  's3:DeleteObject',
  's3:GetObject',
  's3:ListBucket',
  's3:PutObject',
  'kms:Decrypt',
  'kms:GenerateDataKey',
  'sts:AssumeRole',
  'sts:AssumeRoleWithWebIdentity',
] as const;

const kubernetes: readonly (readonly [string, string])[] = [
  ['read nodes, StorageClasses, CSI drivers, and Services of kube-system', 'every command'],
  ['create and delete namespaces, ClusterRoles and ClusterRoleBindings', 'install, uninstall'],
  [
    'create, read, change and delete Secrets, ConfigMaps, Services, ServiceAccounts, Deployments, StatefulSets, DaemonSets and PodDisruptionBudgets in both namespaces',
    'install, uninstall',
  ],
  ['read, create, update and delete Leases in kube-system (coordination.k8s.io): the lock that lets one run work at a time', 'install, uninstall'],
  ['create tokens of the service account of Loki (serviceaccounts/token)', 'install: the proof that the role works before Loki needs it'],
  ['create and delete pods, read their logs, and forward ports (pods/log, pods/portforward)', 'install, verify'],
  [
    'read workloads, pods, their logs and counters (pods/proxy), events, claims, ConfigMaps, Secrets and NetworkPolicies in all namespaces, namespaces, nodes and StorageClasses, and forward ports',
    'doctor; what it may not look at is left out, and said',
  ],
];

export function permissionsPage(): string {
  const policy = {
    Version: '2012-10-17',
    Statement: awsPermissions.map(({ actions, on, condition }) => ({
      Effect: 'Allow',
      Action: actions,
      Resource: on,
      ...(condition !== undefined && { Condition: condition }),
    })),
  };
  return [
    '# Permissions',
    '',
    '<!-- Generated by `node scripts/docs.mjs`; edit the source it names. -->',
    '<!-- Source: src/cli/reference-permissions.ts -->',
    '',
    "What the one who runs loki-eks must be allowed to do. Loki's own role gets far less: its two buckets and nothing else.",
    '`PREFIX` is the setting bucketPrefix (`loki` by default). In China and GovCloud the ARNs begin with `arn:aws-cn` and `arn:aws-us-gov`.',
    "With `--iam-path` the role's ARN holds that path.",
    '',
    '## AWS',
    '',
    ...awsPermissions.flatMap(({ title, when, actions, on }) => [
      `### ${title}`,
      '',
      `Needed by: ${when}. On: ${on.map((resource) => `\`${resource}\``).join(', ')}.`,
      '',
      ...actions.map((action) => `- \`${action}\``),
      '',
    ]),
    '### As one policy',
    '',
    '```json',
    JSON.stringify(policy, null, 2),
    '```',
    '',
    '## Kubernetes',
    '',
    '| permission | needed by |',
    '| --- | --- |',
    ...kubernetes.map(([permission, by]) => `| ${permission} | ${by} |`),
    '',
  ].join('\n');
}
