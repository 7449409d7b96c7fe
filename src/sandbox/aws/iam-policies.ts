/** IAM actions on managed policies and their versions. */
import { AwsFault } from '../types.ts';
import type { IamAction, IamCall } from './iam-action.ts';
import { encodeDocument } from './iam-action.ts';
import type { ManagedPolicy } from './iam-state.ts';
import { conflict, exists, missing, requireDocument, requireName, requirePath, requireTags, sizeOf } from './iam-rules.ts';
import { isAwsManaged, newPolicy, policyByArn } from './iam-state.ts';
import { page, tagsXml } from './query.ts';
import type { XmlValue } from './xml.ts';

export const policyActions: Readonly<Record<string, IamAction>> = {
  CreatePolicy: createPolicy,
  GetPolicy: (call) => ({ Policy: policyXml(call, policyOf(call)) }),
  ListPolicies: listPolicies,
  DeletePolicy: deletePolicy,
  CreatePolicyVersion: createVersion,
  GetPolicyVersion: (call) => ({ PolicyVersion: versionXml(policyOf(call), versionId(call), true) }),
  ListPolicyVersions: (call) => {
    const policy = policyOf(call);
    return { Versions: [...policy.versions.keys()].reverse().map((id) => versionXml(policy, id, false)), IsTruncated: false };
  },
  DeletePolicyVersion: (call) => {
    const policy = ownPolicy(call);
    if (versionId(call) === policy.defaultVersion) throw conflict('Cannot delete the default version of a policy.');
    policy.versions.delete(versionId(call));
    return undefined;
  },
  SetDefaultPolicyVersion: (call) => {
    ownPolicy(call).defaultVersion = versionId(call);
    return undefined;
  },
  ListEntitiesForPolicy: (call) => {
    const { arn } = policyOf(call);
    const roles = [...call.state.roles.values()].filter((role) => role.attached.has(arn)).map((role) => ({ RoleName: role.name, RoleId: role.id }));
    return { PolicyGroups: [], PolicyUsers: [], PolicyRoles: roles, IsTruncated: false };
  },
  TagPolicy: (call) => {
    const policy = ownPolicy(call);
    policy.tags = requireTags({ ...policy.tags, ...requireTags(call.parameters.tags()) });
    return undefined;
  },
  UntagPolicy: (call) => {
    const drop = call.parameters.list('TagKeys');
    const policy = ownPolicy(call);
    policy.tags = Object.fromEntries(Object.entries(policy.tags).filter(([key]) => !drop.includes(key)));
    return undefined;
  },
  ListPolicyTags: (call) => ({ Tags: tagsXml(policyOf(call).tags), IsTruncated: false }),
};

function policyOf(call: IamCall): ManagedPolicy {
  return policyByArn(call.state, call.parameters.get('PolicyArn'));
}

function ownPolicy(call: IamCall): ManagedPolicy {
  const policy = policyOf(call);
  if (isAwsManaged(policy)) throw new AwsFault(403, 'AccessDenied', 'Cannot perform the operation on the AWS managed policy.');
  return policy;
}

function createPolicy(call: IamCall): XmlValue {
  const { state, parameters } = call;
  const name = requireName(parameters.get('PolicyName'), { field: 'policyName', max: 128 });
  const path = requirePath(parameters.get('Path'));
  const document = requireDocument(parameters.get('PolicyDocument'), 'identity');
  if (sizeOf(document.text) > 6144) throw tooLarge();
  const taken = [...state.policies.values()].some((policy) => !isAwsManaged(policy) && policy.name.toLowerCase() === name.toLowerCase());
  if (taken) throw exists(`A policy called ${name} already exists. Duplicate names are not allowed.`);
  const arn = `arn:${state.partition}:iam::${state.accountId}:policy${path}${name}`;
  const policy = newPolicy(state, { name, path, arn, document, description: parameters.get('Description'), tags: requireTags(parameters.tags()) });
  state.policies.set(arn, policy);
  return { Policy: policyXml(call, policy) };
}

function tooLarge(): AwsFault {
  return new AwsFault(409, 'LimitExceeded', 'Cannot exceed quota for PolicySize: 6144');
}

function listPolicies(call: IamCall): XmlValue {
  const scope = call.parameters.get('Scope') ?? 'All';
  const onlyAttached = call.parameters.get('OnlyAttached') === 'true';
  const found = [...call.state.policies.values()]
    .filter((policy) => scope === 'All' || (scope === 'AWS') === isAwsManaged(policy))
    .filter((policy) => !onlyAttached || attachments(call, policy) > 0)
    .filter((policy) => policy.path.startsWith(call.parameters.get('PathPrefix') ?? '/'));
  const { items, IsTruncated, Marker } = page(call.parameters, found);
  return { Policies: items.map((policy) => policyXml(call, policy)), IsTruncated, Marker };
}

function deletePolicy(call: IamCall): XmlValue {
  const policy = ownPolicy(call);
  const isBoundary = [...call.state.roles.values()].some((role) => role.boundary === policy.arn);
  if (attachments(call, policy) > 0 || isBoundary) throw conflict('Cannot delete a policy attached to entities.');
  if (policy.versions.size > 1)
    throw conflict(
      "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
    );
  call.state.policies.delete(policy.arn);
  return undefined;
}

function createVersion(call: IamCall): XmlValue {
  const policy = ownPolicy(call);
  const document = requireDocument(call.parameters.get('PolicyDocument'), 'identity');
  if (sizeOf(document.text) > 6144) throw tooLarge();
  if (policy.versions.size >= 5)
    throw new AwsFault(
      409,
      'LimitExceeded',
      'A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.',
    );
  const id = `v${policy.nextVersion}`;
  policy.nextVersion += 1;
  policy.versions.set(id, { ...document, created: call.state.clock.now() });
  if (call.parameters.get('SetAsDefault') === 'true') policy.defaultVersion = id;
  return { PolicyVersion: versionXml(policy, id, false) };
}

function versionId(call: IamCall): string {
  const id = call.parameters.get('VersionId') ?? '';
  if (!policyOf(call).versions.has(id)) throw missing(`Policy ${policyOf(call).arn} version ${id} does not exist or is not attachable.`);
  return id;
}

function versionXml(policy: ManagedPolicy, id: string, whole: boolean): XmlValue {
  const version = policy.versions.get(id);
  return {
    Document: whole ? encodeDocument(version?.text ?? '') : undefined,
    VersionId: id,
    IsDefaultVersion: id === policy.defaultVersion,
    CreateDate: version?.created.toISOString(),
  };
}

function attachments(call: IamCall, policy: ManagedPolicy): number {
  return [...call.state.roles.values()].filter((role) => role.attached.has(policy.arn)).length;
}

function policyXml(call: IamCall, policy: ManagedPolicy): XmlValue {
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersion,
    AttachmentCount: attachments(call, policy),
    PermissionsBoundaryUsageCount: [...call.state.roles.values()].filter((role) => role.boundary === policy.arn).length,
    IsAttachable: true,
    Description: policy.description,
    CreateDate: policy.created.toISOString(),
    UpdateDate: policy.created.toISOString(),
    Tags: Object.keys(policy.tags).length > 0 ? tagsXml(policy.tags) : undefined,
  };
}
