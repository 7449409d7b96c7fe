/** IAM actions on instance profiles, which can block the deletion of a role. */
import { AwsFault } from '../types.ts';
import type { IamAction, IamCall } from './iam-action.ts';
import { roleXml } from './iam-roles.ts';
import { conflict, exists, missing, requireName } from './iam-rules.ts';
import type { IamRole, IamState } from './iam-state.ts';
import { roleNamed } from './iam-state.ts';
import type { XmlValue } from './xml.ts';

export const profileActions: Readonly<Record<string, IamAction>> = {
  CreateInstanceProfile: createProfile,
  DeleteInstanceProfile: (call) => {
    if (profile(call).size > 0) throw conflict('Cannot delete entity, must remove roles from instance profile first.');
    call.state.profiles.delete(call.parameters.get('InstanceProfileName') ?? '');
    return undefined;
  },
  AddRoleToInstanceProfile: (call) => {
    const members = profile(call);
    if (members.size > 0) throw new AwsFault(409, 'LimitExceeded', 'Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1');
    members.add(roleOf(call).name);
    return undefined;
  },
  RemoveRoleFromInstanceProfile: (call) => {
    profile(call).delete(roleOf(call).name);
    return undefined;
  },
  ListInstanceProfilesForRole: (call) => {
    const { name } = roleOf(call);
    const holding = [...call.state.profiles].filter(([, members]) => members.has(name));
    return { InstanceProfiles: holding.map(([profileName]) => profileXml(call.state, profileName)), IsTruncated: false };
  },
};

function roleOf(call: IamCall): IamRole {
  return roleNamed(call.state, call.parameters.get('RoleName'));
}

function profile(call: IamCall): Set<string> {
  const name = call.parameters.get('InstanceProfileName') ?? '';
  const members = call.state.profiles.get(name);
  if (members === undefined) throw missing(`Instance Profile ${name} cannot be found.`);
  return members;
}

function createProfile(call: IamCall): XmlValue {
  const name = requireName(call.parameters.get('InstanceProfileName'), { field: 'instanceProfileName', max: 128 });
  if (call.state.profiles.has(name)) throw exists(`Instance Profile ${name} already exists.`);
  call.state.profiles.set(name, new Set());
  return { InstanceProfile: profileXml(call.state, name) };
}

function profileXml(state: IamState, name: string): XmlValue {
  const roles = [...(state.profiles.get(name) ?? [])].map((member) => roleXml(roleNamed(state, member), 'listed'));
  return {
    Path: '/',
    InstanceProfileName: name,
    InstanceProfileId: `AIPA${name.toUpperCase()}`,
    Arn: `arn:${state.partition}:iam::${state.accountId}:instance-profile/${name}`,
    CreateDate: state.clock.now().toISOString(),
    Roles: roles,
  };
}
