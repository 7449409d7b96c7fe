/** The caller has the AWS permissions that an installation needs, as far as the policy simulator can tell. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

const ON_BUCKETS = [
  's3:CreateBucket',
  's3:ListBucket',
  's3:GetBucketTagging',
  's3:PutBucketTagging',
  's3:PutBucketPublicAccessBlock',
  's3:PutEncryptionConfiguration',
  's3:PutLifecycleConfiguration',
  's3:PutBucketPolicy',
];
const ON_ROLE = ['iam:GetRole', 'iam:CreateRole', 'iam:TagRole', 'iam:PutRolePolicy', 'iam:GetRolePolicy', 'iam:UpdateAssumeRolePolicy', 'iam:DeleteRole'];

/** The actions to simulate, for each kind of resource that is created. */
export const rightsAsked = (arns: { readonly bucket: string; readonly role: string }): readonly (readonly [actions: readonly string[], arn: string])[] => [
  [ON_BUCKETS, arns.bucket],
  [ON_ROLE, arns.role],
];

/** A warning at most: the simulator ignores session policies and resource policies. */
export const iamSuffices: Check<Pick<CheckContext, 'roles' | 'blueprint' | 'facts'>> = {
  id: 'aws.iam-suffices',
  title: 'IAM permissions are sufficient',
  at: ['preflight'],
  permissions: [
    {
      to: 'check your permissions beforehand; without it that is left out',
      for: ['plan', 'install', 'adopt'],
      actions: ['iam:SimulatePrincipalPolicy'],
      on: ['arn:aws:iam::ACCOUNT:role/CALLER', 'arn:aws:iam::ACCOUNT:user/CALLER'],
    },
    {
      to: 'learn the path of your own role for that; without it a role with a path is not checked',
      for: ['plan', 'install', 'adopt'],
      actions: ['iam:GetRole'],
      on: ['arn:aws:iam::ACCOUNT:role/CALLER'],
    },
  ],
  async run({ roles, blueprint, facts }) {
    const bucket = `arn:${blueprint.partition}:s3:::${blueprint.buckets.chunks.name}`;
    const asked = rightsAsked({ bucket, role: blueprint.role.arn });
    const answers = await Promise.all(asked.map(([actions, arn]) => roles.denied(actions, arn)));
    if (answers.includes('unknown')) return { is: 'skip', why: 'not allowed to call the IAM policy simulator' };
    const denied = answers.flatMap((answer) => (answer === 'unknown' ? [] : answer));
    if (denied.length === 0) return { is: 'pass', detail: `${ON_BUCKETS.length + ON_ROLE.length} actions` };
    return {
      is: 'warn',
      problem: problem('IAM_MISSING', {
        message: `${facts.caller.arn} may not ${denied.slice(0, 3).join(', ')}`,
        evidence: denied.map((action) => `denied: ${action}`),
      }),
    };
  },
};
