/** IAM actions on the policies of a role: inline ones, and managed ones attached to it. */
import { AwsFault } from '../types.ts';
import type { IamAction, IamCall } from './iam-action.ts';
import { encodeDocument } from './iam-action.ts';
import { missing, requireDocument, requireName, sizeOf } from './iam-rules.ts';
import type { ManagedPolicy } from './iam-state.ts';
import { roleNamed } from './iam-state.ts';
import { page } from './query.ts';
import type { XmlValue } from './xml.ts';

export const rolePolicyActions: Readonly<Record<string, IamAction>> = {
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
};

function roleOf(call: IamCall) {
  return roleNamed(call.state, call.parameters.get('RoleName'));
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
