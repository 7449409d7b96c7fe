/** The EKS and IAM permissions for EKS Pod Identity associations. Their names carry no owner, so ownership is read from their tags. */
import { adoptedRoleArn, associationArn, clusterArn, roleArn, roleBesideArn } from '../design/permissions.ts';
import type { Occasion, Permission } from '../engine/types.ts';

const MARK = 'loki-eks/managed-by';
const OURS = { StringEquals: { [`aws:ResourceTag/${MARK}`]: 'loki-eks' } };
const BECOMES_OURS = { StringEquals: { [`aws:RequestTag/${MARK}`]: 'loki-eks' } };
const CHOSEN: readonly Occasion[] = ['--identity pod-identity'];

export const associationPermissions: readonly Permission[] = [
  { to: "find the association of Loki's service account", for: CHOSEN, actions: ['eks:ListPodIdentityAssociations'], on: [clusterArn] },
  { to: 'read an association', for: CHOSEN, actions: ['eks:DescribePodIdentityAssociation'], on: [associationArn] },
  { to: 'create an association', for: CHOSEN, actions: ['eks:CreatePodIdentityAssociation'], on: [clusterArn] },
  { to: 'tag it', for: CHOSEN, actions: ['eks:TagResource'], on: [associationArn], condition: BECOMES_OURS },
  {
    to: 'change, release and delete an association that loki-eks manages',
    for: CHOSEN,
    actions: ['eks:DeletePodIdentityAssociation', 'eks:UntagResource', 'eks:UpdatePodIdentityAssociation'],
    on: [associationArn],
    condition: OURS,
  },
  {
    to: "give Loki's role to EKS Pod Identity, and to no other service",
    for: CHOSEN,
    actions: ['iam:GetRole', 'iam:PassRole'],
    on: [roleArn, roleBesideArn, adoptedRoleArn],
    condition: { StringEqualsIfExists: { 'iam:PassedToService': 'pods.eks.amazonaws.com' } },
  },
];

export const formerAssociationPermissions: readonly Permission[] = [
  {
    to: "see whether Loki's service account has an association; without it that is left out",
    for: ['doctor', 'adopt', 'uninstall'],
    actions: ['eks:ListPodIdentityAssociations'],
    on: [clusterArn],
  },
];
