/** The words in which permissions are declared: patterns of names, lists of occasions. `CLUSTER` and its like stand for what the reader fills in. */
import type { Occasion, Permission } from '../engine/types.ts';

/** What only looks. */
export const READING: readonly Occasion[] = ['plan', 'status', 'verify', 'doctor'];
export const CHANGING: readonly Occasion[] = ['install', 'adopt', 'orphan', 'uninstall'];
export const EVERY: readonly Occasion[] = [...READING, ...CHANGING];
/** Those that go through the steps: they look at everything that an installation is made of. */
export const BY_STEPS: readonly Occasion[] = ['plan', 'status', ...CHANGING];

/** The eight digits of the installation's id; a question mark stands for one of them. */
const ID = '????????';
export const bucketArn = (use: 'chunks' | 'ruler') => `arn:aws:s3:::PREFIX-${use}-${ID}-ACCOUNT-REGION-an`;
export const adoptedBucketArn = (use: 'chunks' | 'ruler') => `arn:aws:s3:::ADOPTED-${use.toUpperCase()}-BUCKET`;
export const roleArn = `arn:aws:iam::ACCOUNT:role/loki-eks-CLUSTER-${ID}`;
/** Beside a role of the first name, which others use. */
export const roleBesideArn = `${roleArn}-?`;
export const adoptedRoleArn = 'arn:aws:iam::ACCOUNT:role/ADOPTED-ROLE';
export const clusterArn = 'arn:aws:eks:REGION:ACCOUNT:cluster/CLUSTER';
export const associationArn = 'arn:aws:eks:REGION:ACCOUNT:podidentityassociation/CLUSTER/*';
export const providerArn = 'arn:aws:iam::ACCOUNT:oidc-provider/oidc.eks.REGION.amazonaws.com/id/*';
/** All that a role can do whose policies the caller may choose. */
export const BOUNDED = { StringEquals: { 'iam:PermissionsBoundary': 'arn:aws:iam::ACCOUNT:policy/BOUNDARY' } };

type Rule = Extract<Permission, { readonly verbs: unknown }>;

/** A rule of Kubernetes in one line; verbs and resources are separated by blanks. */
export const rule = (where: Rule['where'], verbs: string, resources: string, of: Pick<Rule, 'to' | 'for'>): Rule => ({
  ...of,
  where,
  verbs: verbs.split(' '),
  resources: resources.split(' '),
});
