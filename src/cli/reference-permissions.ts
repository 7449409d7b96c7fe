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
  /** Only of those who do this: no part of the policy for everybody. */
  readonly only?: 'adopt' | 'without a boundary';
}

const BUCKETS = ['arn:aws:s3:::PREFIX-chunks-*', 'arn:aws:s3:::PREFIX-ruler-*'];
const inside = (buckets: readonly string[]) => buckets.map((bucket) => `${bucket}/*`);
const ROLE = ['arn:aws:iam::ACCOUNT:role/loki-eks-CLUSTER-*'];
const PROVIDER = ['arn:aws:iam::ACCOUNT:oidc-provider/oidc.eks.REGION.amazonaws.com/id/*'];
const ADOPTED_BUCKETS = ['arn:aws:s3:::ADOPTED-CHUNKS-BUCKET', 'arn:aws:s3:::ADOPTED-RULER-BUCKET'];
const BOUNDED: Json = { StringEquals: { 'iam:PermissionsBoundary': 'arn:aws:iam::ACCOUNT:policy/BOUNDARY' } };

const LOOK_AT_BUCKETS = [
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
];
const SET_UP_BUCKETS = [
  's3:PutBucketPolicy',
  's3:PutBucketPublicAccessBlock',
  's3:PutBucketTagging',
  's3:PutEncryptionConfiguration',
  's3:PutLifecycleConfiguration',
];

export const awsPermissions: readonly PermissionGroup[] = [
  { title: 'To know who calls, and the names of clusters', when: 'every command', actions: ['eks:ListClusters', 'sts:GetCallerIdentity'], on: ['*'] },
  {
    title: 'To look at the cluster',
    when: 'every command',
    actions: ['eks:DescribeAddon', 'eks:DescribeCluster'],
    on: ['arn:aws:eks:REGION:ACCOUNT:cluster/CLUSTER', 'arn:aws:eks:REGION:ACCOUNT:addon/CLUSTER/*'],
  },
  {
    title: 'To look at buckets',
    when: 'install, plan, status, doctor, uninstall; of verify only s3:ListBucket',
    actions: LOOK_AT_BUCKETS,
    on: BUCKETS,
  },
  { title: 'To make buckets', when: 'install', actions: ['s3:CreateBucket', ...SET_UP_BUCKETS, 's3:TagResource'], on: BUCKETS },
  {
    title: 'To delete buckets',
    when: 'install when it takes back a bucket it has just created, uninstall --delete-data',
    actions: ['s3:DeleteBucket', 's3:DeleteBucketPolicy'],
    on: BUCKETS,
  },
  {
    title: 'To empty buckets',
    when: 'install when it takes back a bucket it has just created, install --existing-buckets recreate, uninstall --delete-data',
    actions: ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:DeleteObjectVersion'],
    on: inside(BUCKETS),
  },
  {
    title: 'To look at the role of Loki',
    when: 'install, plan, status, uninstall',
    actions: ['iam:GetRole', 'iam:GetRolePolicy', 'iam:ListAttachedRolePolicies', 'iam:ListInstanceProfilesForRole', 'iam:ListRolePolicies'],
    on: ROLE,
  },
  {
    title: 'To give the role its rights',
    when: 'install, uninstall; with --permissions-boundary arn:aws:iam::ACCOUNT:policy/BOUNDARY, which is all that the role can ever do',
    actions: ['iam:CreateRole', 'iam:DeleteRolePolicy', 'iam:PutRolePermissionsBoundary', 'iam:PutRolePolicy'],
    on: ROLE,
    condition: BOUNDED,
  },
  {
    title: 'To make and remove the role',
    when: 'install, uninstall; IAM has no boundary condition for these',
    actions: ['iam:DeleteRole', 'iam:TagRole', 'iam:UntagRole', 'iam:UpdateAssumeRolePolicy'],
    on: ROLE,
  },
  {
    title: 'To give the role its rights without a boundary',
    when: 'install and uninstall without --permissions-boundary: in place of the statement with the condition. Whoever has it can give the role any right, and take that role',
    actions: ['iam:CreateRole', 'iam:DeleteRolePermissionsBoundary', 'iam:DeleteRolePolicy', 'iam:PutRolePolicy'],
    on: ROLE,
    only: 'without a boundary',
  },
  { title: "To find the cluster's OIDC provider", when: 'identity irsa', actions: ['iam:GetOpenIDConnectProvider'], on: PROVIDER },
  {
    title: "To make the cluster's OIDC provider",
    when: 'install --create-oidc-provider, and orphan afterwards; nobody else needs it when the provider exists already',
    actions: [
      'iam:AddClientIDToOpenIDConnectProvider',
      'iam:CreateOpenIDConnectProvider',
      'iam:DeleteOpenIDConnectProvider',
      'iam:RemoveClientIDFromOpenIDConnectProvider',
      'iam:TagOpenIDConnectProvider',
      'iam:UntagOpenIDConnectProvider',
    ],
    on: PROVIDER,
  },
  {
    title: 'To use EKS Pod Identity',
    when: 'identity pod-identity; of irsa only eks:ListPodIdentityAssociations, at uninstall and doctor',
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
    on: ROLE,
    condition: { StringEquals: { 'iam:PassedToService': 'pods.eks.amazonaws.com' } },
  },
  {
    title: 'To check permissions beforehand',
    when: 'install, plan and doctor; without it the check is skipped',
    actions: ['iam:SimulatePrincipalPolicy'],
    on: ['arn:aws:iam::ACCOUNT:role/*', 'arn:aws:iam::ACCOUNT:user/*'],
  },
  {
    title: 'To look at the role of a Loki that somebody else installed',
    when: 'adopt and doctor; what doctor may not look at is left out, and said',
    actions: ['iam:GetRole', 'iam:GetRolePolicy', 'iam:ListAttachedRolePolicies', 'iam:ListInstanceProfilesForRole', 'iam:ListRolePolicies'],
    on: ['arn:aws:iam::ACCOUNT:role/*'],
    only: 'adopt',
  },
  {
    title: 'To take over buckets',
    when: 'adopt, and every command afterwards',
    actions: [...LOOK_AT_BUCKETS, ...SET_UP_BUCKETS],
    on: ADOPTED_BUCKETS,
    only: 'adopt',
  },
  {
    title: 'To take over a role',
    when: 'adopt --role-name ROLE; a role is never deleted that was there before, and without --role-name none is changed that others use',
    actions: ['iam:DeleteRolePolicy', 'iam:PutRolePolicy', 'iam:TagRole', 'iam:UntagRole', 'iam:UpdateAssumeRolePolicy'],
    on: ['arn:aws:iam::ACCOUNT:role/ADOPTED-ROLE'],
    only: 'adopt',
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
  const groups = (only: PermissionGroup['only']) => awsPermissions.filter((one) => one.only === only);
  return [
    '# Permissions',
    '',
    '<!-- Generated by `node scripts/docs.mjs`; edit the source it names. -->',
    '<!-- Source: src/cli/reference-permissions.ts -->',
    '',
    "What the one who runs loki-eks must be allowed to do. Loki's own role gets far less: its two buckets and nothing else.",
    '`PREFIX` is the setting bucketPrefix (`loki` by default). In China and GovCloud the ARNs begin with `arn:aws-cn` and `arn:aws-us-gov`.',
    "With `--iam-path` the role's ARN holds that path; of CLUSTER the first 40 characters are in the role's name. Names that you give with",
    '`--chunks-bucket`, `--ruler-bucket` and `--role-name` stand in the place of the patterns.',
    '',
    'BOUNDARY is a policy of yours that allows what `loki-eks plan --show policies` prints as `role-policy.json`, or more. With it, and with',
    '`permissionsBoundary` in `loki-eks.yaml`, the installer can make a role that does no more than BOUNDARY allows. Without it, whoever may make',
    'roles and choose their policies may do anything, through a role.',
    '',
    '## AWS',
    '',
    ...groups(undefined).flatMap(section),
    '### As one policy',
    '',
    ...json(policyOf(groups(undefined))),
    '### Without a boundary',
    '',
    ...groups('without a boundary').flatMap(section),
    '## AWS, to adopt',
    '',
    'What `adopt` needs beside the policy above, and every later command of such an installation: its buckets have names of their own.',
    '',
    ...groups('adopt').flatMap(section),
    ...json(policyOf(groups('adopt'))),
    '## Kubernetes',
    '',
    '| permission | needed by |',
    '| --- | --- |',
    ...kubernetes.map(([permission, by]) => `| ${permission} | ${by} |`),
    '',
  ].join('\n');
}

/** A policy that allows these groups, each as a statement. */
export const policyOf = (groups: readonly PermissionGroup[]) => ({
  Version: '2012-10-17',
  Statement: groups.map(({ actions, on, condition }) => ({
    Effect: 'Allow',
    Action: actions,
    Resource: on,
    ...(condition !== undefined && { Condition: condition }),
  })),
});

const section = ({ title, when, actions, on, condition }: PermissionGroup): readonly string[] => [
  `### ${title}`,
  '',
  `Needed by: ${when}. On: ${on.map((resource) => `\`${resource}\``).join(', ')}.`,
  ...(condition === undefined ? [] : [`Condition: \`${JSON.stringify(condition)}\`.`]),
  '',
  ...actions.map((action) => `- \`${action}\``),
  '',
];

const json = (value: object): readonly string[] => ['```json', JSON.stringify(value, null, 2), '```', ''];
