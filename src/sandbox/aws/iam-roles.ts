/** IAM actions on roles, their trust, tags and boundary. */
import { AwsFault } from '../types.ts';
import type { IamAction, IamCall } from './iam-action.ts';
import { encodeDocument } from './iam-action.ts';
import type { IamRole, IamState } from './iam-state.ts';
import { conflict, exists, invalid, missing, requireDocument, requireName, requirePath, requireTags, sizeOf, type Document } from './iam-rules.ts';
import { roleNamed } from './iam-state.ts';
import { page, tagsXml } from './query.ts';
import type { XmlValue } from './xml.ts';

export const roleActions: Readonly<Record<string, IamAction>> = {
  CreateRole: createRole,
  GetRole: (call) => ({ Role: roleXml(role(call), 'whole') }),
  DeleteRole: deleteRole,
  ListRoles: listRoles,
  UpdateRole: updateRole,
  UpdateRoleDescription: (call) => {
    role(call).description = call.parameters.get('Description');
    return { Role: roleXml(role(call), 'whole') };
  },
  UpdateAssumeRolePolicy: (call) => {
    role(call).trust = requireTrust(call.state, call.parameters.get('PolicyDocument'));
    return undefined;
  },
  TagRole: (call) => {
    const found = role(call);
    found.tags = requireTags({ ...found.tags, ...requireTags(call.parameters.tags()) });
    return undefined;
  },
  UntagRole: (call) => {
    const drop = call.parameters.list('TagKeys');
    role(call).tags = Object.fromEntries(Object.entries(role(call).tags).filter(([key]) => !drop.includes(key)));
    return undefined;
  },
  ListRoleTags: (call) => ({ Tags: tagsXml(role(call).tags), IsTruncated: false }),
  PutRolePermissionsBoundary: (call) => {
    role(call).boundary = requireBoundary(call.state, call.parameters.get('PermissionsBoundary'));
    return undefined;
  },
  DeleteRolePermissionsBoundary: (call) => {
    const found = role(call);
    if (found.boundary === undefined) throw missing(`Role ${found.name} does not have a permissions boundary.`);
    found.boundary = undefined;
    return undefined;
  },
};

function role(call: IamCall): IamRole {
  return roleNamed(call.state, call.parameters.get('RoleName'));
}

function createRole(call: IamCall): XmlValue {
  const { state, parameters } = call;
  const name = requireName(parameters.get('RoleName'), { field: 'roleName', max: 64 });
  const path = requirePath(parameters.get('Path'));
  const trust = requireTrust(state, parameters.get('AssumeRolePolicyDocument'));
  const tags = requireTags(parameters.tags());
  const boundary = parameters.get('PermissionsBoundary') === undefined ? undefined : requireBoundary(state, parameters.get('PermissionsBoundary'));
  if (state.roles.has(name.toLowerCase())) throw exists(`Role with name ${name} already exists.`);
  const created = addRole(state, {
    name,
    path,
    trust,
    tags,
    boundary,
    description: parameters.get('Description'),
    maxSession: sessionLength(parameters.get('MaxSessionDuration')),
  });
  return { Role: roleXml(created, 'whole') };
}

type NewRole = Pick<IamRole, 'name' | 'path' | 'trust' | 'tags'> & Partial<Pick<IamRole, 'boundary' | 'description' | 'maxSession'>>;

/** `settled` roles existed before the sandbox started, so STS knows them. */
export function addRole(state: IamState, role: NewRole, settled = false): IamRole {
  const created = state.clock.now();
  const added: IamRole = {
    name: role.name,
    path: role.path,
    trust: role.trust,
    tags: role.tags,
    boundary: role.boundary,
    description: role.description,
    maxSession: role.maxSession ?? 3600,
    arn: `arn:${state.partition}:iam::${state.accountId}:role${role.path}${role.name}`,
    id: state.nextId('AROA'),
    created,
    assumableFrom: settled ? 0 : created.getTime() + state.rolePropagationMs,
    inline: new Map(),
    attached: new Set(),
  };
  state.roles.set(role.name.toLowerCase(), added);
  return added;
}

function sessionLength(text: string | undefined): number {
  const seconds = Number(text ?? '3600');
  if (seconds >= 3600 && seconds <= 43_200) return seconds;
  throw invalid(
    `1 validation error detected: Value '${text ?? ''}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200`,
  );
}

/** AWS principals in a trust policy must exist; federated and service ones are not looked up. */
function requireTrust(state: IamState, text: string | undefined): Document {
  const trust = requireDocument(text, 'trust');
  if (sizeOf(trust.text) > 2048) throw new AwsFault(409, 'LimitExceeded', 'Cannot exceed quota for ACLSizePerRole: 2048');
  for (const statement of trust.document.Statement) {
    const named =
      typeof statement.Principal === 'object' && statement.Principal !== null ? (statement.Principal as Record<string, string | string[]>)['AWS'] : undefined;
    for (const arn of [named ?? []].flat()) {
      const [, path] = new RegExp(`^arn:${state.partition}:iam::${state.accountId}:role/(.+)$`).exec(arn) ?? [];
      const known = path === undefined || state.roles.has(path.slice(path.lastIndexOf('/') + 1).toLowerCase());
      if (!known) throw new AwsFault(400, 'MalformedPolicyDocument', `Invalid principal in policy: "AWS":"${arn}"`);
    }
  }
  return trust;
}

function requireBoundary(state: IamState, arn: string | undefined): string {
  if (arn === undefined || !/^arn:[^:]+:iam::(aws|\d{12}):policy\/.+$/.test(arn)) throw invalid(`ARN ${arn ?? ''} is not valid.`);
  if (!state.policies.has(arn)) throw missing(`Policy ${arn} does not exist or is not attachable.`);
  return arn;
}

function deleteRole(call: IamCall): XmlValue {
  const found = role(call);
  if ([...call.state.profiles.values()].some((members) => members.has(found.name)))
    throw conflict('Cannot delete entity, must remove roles from instance profile first.');
  if (found.attached.size > 0) throw conflict('Cannot delete entity, must detach all policies first.');
  if (found.inline.size > 0) throw conflict('Cannot delete entity, must delete policies first.');
  call.state.roles.delete(found.name.toLowerCase());
  return undefined;
}

function listRoles(call: IamCall): XmlValue {
  const prefix = call.parameters.get('PathPrefix') ?? '/';
  const found = [...call.state.roles.values()].filter((one) => one.path.startsWith(prefix)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const { items, IsTruncated, Marker } = page(call.parameters, found);
  return { Roles: items.map((one) => roleXml(one, 'listed')), IsTruncated, Marker };
}

function updateRole(call: IamCall): XmlValue {
  const found = role(call);
  const description = call.parameters.get('Description');
  if (description !== undefined) found.description = description;
  if (call.parameters.get('MaxSessionDuration') !== undefined) found.maxSession = sessionLength(call.parameters.get('MaxSessionDuration'));
  return {};
}

/** ListRoles omits tags and boundary, as IAM does. */
export function roleXml(one: IamRole, form: 'whole' | 'listed'): XmlValue {
  const boundary = one.boundary && { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: one.boundary };
  const more = { PermissionsBoundary: boundary || undefined, Tags: Object.keys(one.tags).length > 0 ? tagsXml(one.tags) : undefined, RoleLastUsed: {} };
  return {
    Path: one.path,
    RoleName: one.name,
    RoleId: one.id,
    Arn: one.arn,
    CreateDate: one.created.toISOString(),
    AssumeRolePolicyDocument: encodeDocument(one.trust.text),
    Description: one.description,
    MaxSessionDuration: one.maxSession,
    ...(form === 'whole' ? more : {}),
  };
}
