/** The vocabulary for declaring permissions: name patterns, and lists of uses. `CLUSTER` and the like are placeholders for the reader to fill in. */
import type { Occasion, Permission } from '../engine/types.ts';

/** Commands that only read. */
export const READING: readonly Occasion[] = ['plan', 'status', 'verify', 'doctor'];
export const CHANGING: readonly Occasion[] = ['install', 'adopt', 'orphan', 'uninstall'];
export const EVERY: readonly Occasion[] = [...READING, ...CHANGING];
/** Commands that run the steps: they inspect everything an installation consists of. */
export const BY_STEPS: readonly Occasion[] = ['plan', 'status', ...CHANGING];

/** The eight digits of the installation's id; each question mark stands for one of them. */
const ID = '????????';
export const bucketArn = (use: 'chunks' | 'ruler') => `arn:aws:s3:::PREFIX-${use}-${ID}-ACCOUNT-REGION-an`;
export const adoptedBucketArn = (use: 'chunks' | 'ruler') => `arn:aws:s3:::ADOPTED-${use.toUpperCase()}-BUCKET`;
export const roleArn = `arn:aws:iam::ACCOUNT:role/loki-eks-CLUSTER-${ID}`;
/** Used when a role of the first name exists that others use. */
export const roleBesideArn = `${roleArn}-?`;
export const adoptedRoleArn = 'arn:aws:iam::ACCOUNT:role/ADOPTED-ROLE';
export const clusterArn = 'arn:aws:eks:REGION:ACCOUNT:cluster/CLUSTER';
export const associationArn = 'arn:aws:eks:REGION:ACCOUNT:podidentityassociation/CLUSTER/*';
export const providerArn = 'arn:aws:iam::ACCOUNT:oidc-provider/oidc.eks.REGION.amazonaws.com/id/*';
/** Everything that a role can do whose policies the caller may choose. */
export const BOUNDED = { StringEquals: { 'iam:PermissionsBoundary': 'arn:aws:iam::ACCOUNT:policy/BOUNDARY' } };

type Rule = Extract<Permission, { readonly verbs: unknown }>;

/** A Kubernetes rule on one line; verbs and resources are separated by blanks. */
export const rule = (where: Rule['where'], verbs: string, resources: string, of: Pick<Rule, 'to' | 'for'>): Rule => ({
  ...of,
  where,
  verbs: verbs.split(' '),
  resources: resources.split(' '),
});
