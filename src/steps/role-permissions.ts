/** The IAM permissions for Loki's role. */
import { adoptedRoleArn, BOUNDED, BY_STEPS, roleArn, roleBesideArn } from '../design/permissions.ts';
import type { Permission } from '../engine/types.ts';

const LOOK = ['iam:GetRole', 'iam:GetRolePolicy', 'iam:ListAttachedRolePolicies', 'iam:ListRolePolicies'];
const PROFILES = 'iam:ListInstanceProfilesForRole';
/** IAM has no permissions-boundary condition for these; the role's permissions are bounded all the same. */
const AROUND = ['iam:DeleteRole', 'iam:TagRole', 'iam:UntagRole', 'iam:UpdateAssumeRolePolicy'];
const RIGHTS = ['iam:CreateRole', 'iam:DeleteRolePolicy', 'iam:PutRolePolicy'];

export const rolePermissions: readonly Permission[] = [
  { to: "read Loki's role", for: [...BY_STEPS, 'doctor'], actions: LOOK, on: [roleArn] },
  { to: 'see what else uses the role before it is deleted', for: ['install', 'uninstall'], actions: [PROFILES], on: [roleArn] },
  {
    to: 'create the role and choose what it may do, within a boundary; and roll that back',
    for: ['install'],
    actions: [...RIGHTS, 'iam:PutRolePermissionsBoundary'],
    on: [roleArn],
    condition: BOUNDED,
  },
  { to: 'choose who may assume the role, and roll that back', for: ['install'], actions: AROUND, on: [roleArn] },
  {
    to: 'create the role and choose what it may do without a boundary: anyone allowed to do that can give the role any right, and assume it',
    for: ['without --permissions-boundary'],
    actions: [...RIGHTS, 'iam:DeleteRolePermissionsBoundary'],
    on: [roleArn, roleBesideArn, adoptedRoleArn],
  },
  { to: 'remove what the role may do', for: ['uninstall'], actions: ['iam:DeleteRolePolicy'], on: [roleArn], condition: BOUNDED },
  {
    to: 'delete the role, or leave it to others who use it',
    for: ['uninstall'],
    actions: ['iam:DeleteRole', 'iam:UntagRole', 'iam:UpdateAssumeRolePolicy'],
    on: [roleArn],
  },
  { to: 'remove the tags from the role, and roll that back', for: ['orphan'], actions: ['iam:TagRole', 'iam:UntagRole'], on: [roleArn] },
  { to: 'read the role that is taken over, and who else uses it', for: ['adopt'], actions: [...LOOK, PROFILES], on: [adoptedRoleArn, roleArn, roleBesideArn] },
  {
    to: 'take over the role, and roll that back; it is never deleted',
    for: ['adopt'],
    actions: ['iam:TagRole', 'iam:UntagRole', 'iam:UpdateAssumeRolePolicy'],
    on: [adoptedRoleArn],
  },
  {
    to: 'change what the role may do that is taken over, if it has the boundary',
    for: ['adopt'],
    actions: ['iam:DeleteRolePolicy', 'iam:PutRolePolicy'],
    on: [adoptedRoleArn],
    condition: BOUNDED,
  },
  {
    to: 'create a role beside one that others use, within a boundary; and roll that back',
    for: ['adopt'],
    actions: RIGHTS,
    on: [roleArn, roleBesideArn],
    condition: BOUNDED,
  },
  { to: 'choose who may assume that role and tag it, and roll that back', for: ['adopt'], actions: AROUND, on: [roleArn, roleBesideArn] },
];
