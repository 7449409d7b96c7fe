/** IAM actions on policies: inline ones of roles, managed ones with their versions, and what is attached where. */
import { AwsFault } from '../types.ts';
import type { IamAction, IamCall } from './iam-action.ts';
import { encodeDocument } from './iam-action.ts';
import type { ManagedPolicy } from './iam-state.ts';
import { conflict, exists, isAwsManaged, missing, newPolicy, policyByArn, requireDocument, requireName, requirePath, requireTags, roleNamed, sizeOf } from './iam-state.ts';
import { page, tagsXml } from './query.ts';
import type { XmlValue } from './xml.ts';

export const policyActions: Readonly<Record<string, IamAction>> = {
  PutRolePolicy: putInline,
  GetRolePolicy: (call) => {
    const { role, name, document } = inline(call);
    return { RoleName: role.name, PolicyName: name, PolicyDocument: encodeDocument(document.text) };
  },
  DeleteRolePolicy: (call) => {
    const { role, name } = inline(call);
    role.inline.delete(name);
    return undefined;
  },
  ListRolePolicies: (call) => {
    const { items, IsTruncated, Marker } = page(call.parameters, [...roleOf(call).inline.keys()].sort());
    return { PolicyNames: items, IsTruncated, Marker };
  },
  AttachRolePolicy: (call) => {
    const policy = attachable(call);
    const role = roleOf(call);
    if (role.attached.size >= 10 && !role.attached.has(policy.arn)) throw new AwsFault(409, 'LimitExceeded', 'Cannot exceed quota for PoliciesPerRole: 10');
    role.attached.add(policy.arn);
    return undefined;
  },
  DetachRolePolicy: (call) => {
    const arn = call.parameters.get('PolicyArn') ?? '';
    if (!roleOf(call).attached.delete(arn)) throw missing(`Policy ${arn} was not found.`);
    return undefined;
  },
  ListAttachedRolePolicies: (call) => {
    const attached = [...roleOf(call).attached].map((arn) => ({ PolicyName: arn.slice(arn.lastIndexOf('/') + 1), PolicyArn: arn }));
    const { items, IsTruncated, Marker } = page(call.parameters, attached);
    return { AttachedPolicies: items, IsTruncated, Marker };
  },
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

function roleOf(call: IamCall) {
  return roleNamed(call.state, call.parameters.get('RoleName'));
}

function policyOf(call: IamCall): ManagedPolicy {
  return policyByArn(call.state, call.parameters.get('PolicyArn'));
}

function ownPolicy(call: IamCall): ManagedPolicy {
  const policy = policyOf(call);
  if (isAwsManaged(policy)) throw new AwsFault(403, 'AccessDenied', 'Cannot perform the operation on the AWS managed policy.');
  return policy;
}

function attachable(call: IamCall): ManagedPolicy {
  const arn = call.parameters.get('PolicyArn') ?? '';
  const policy = call.state.policies.get(arn);
  if (policy === undefined) throw missing(`Policy ${arn} does not exist or is not attachable.`);
  return policy;
}

function putInline(call: IamCall): XmlValue {
  const role = roleOf(call);
  const name = requireName(call.parameters.get('PolicyName'), { field: 'policyName', max: 128 });
  const document = requireDocument(call.parameters.get('PolicyDocument'), 'identity');
  const others = [...role.inline].filter(([other]) => other !== name).reduce((sum, [, one]) => sum + sizeOf(one.text), 0);
  if (others + sizeOf(document.text) > 10_240) throw new AwsFault(409, 'LimitExceeded', `Maximum policy size of 10240 bytes exceeded for role ${role.name}`);
  role.inline.set(name, document);
  return undefined;
}

function inline(call: IamCall) {
  const role = roleOf(call);
  const name = call.parameters.get('PolicyName') ?? '';
  const document = role.inline.get(name);
  if (document === undefined) throw missing(`The role policy with name ${name} cannot be found.`);
  return { role, name, document };
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
  if (policy.versions.size > 1) throw conflict('This policy has more than one version. Before you delete a policy, you must delete the policy\'s versions. The default version is deleted with the policy.');
  call.state.policies.delete(policy.arn);
  return undefined;
}

function createVersion(call: IamCall): XmlValue {
  const policy = ownPolicy(call);
  const document = requireDocument(call.parameters.get('PolicyDocument'), 'identity');
  if (sizeOf(document.text) > 6144) throw tooLarge();
  if (policy.versions.size >= 5) throw new AwsFault(409, 'LimitExceeded', 'A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.');
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
    Document: whole ? encodeDocument(version?.text ?? '') : undefined, VersionId: id, IsDefaultVersion: id === policy.defaultVersion, CreateDate: version?.created.toISOString(),
  };
}

function attachments(call: IamCall, policy: ManagedPolicy): number {
  return [...call.state.roles.values()].filter((role) => role.attached.has(policy.arn)).length;
}

function policyXml(call: IamCall, policy: ManagedPolicy): XmlValue {
  return {
    PolicyName: policy.name, PolicyId: policy.id, Arn: policy.arn, Path: policy.path, DefaultVersionId: policy.defaultVersion,
    AttachmentCount: attachments(call, policy), PermissionsBoundaryUsageCount: [...call.state.roles.values()].filter((role) => role.boundary === policy.arn).length,
    IsAttachable: true, Description: policy.description, CreateDate: policy.created.toISOString(), UpdateDate: policy.created.toISOString(),
    Tags: Object.keys(policy.tags).length > 0 ? tagsXml(policy.tags) : undefined,
  };
}
