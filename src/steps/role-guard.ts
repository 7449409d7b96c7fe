/** Guards roles: deleting one of ours that others have come to use would revoke their access, so it is not deleted. */
import type { Blueprint } from '../design/blueprint.ts';
import { foreignStatements } from '../design/statements.ts';
import type { Role, Roles } from '../ports/roles.ts';
import { stop } from '../problems/problem.ts';

export function guardRoles({ roles, blueprint }: { readonly roles: Roles; readonly blueprint: Pick<Blueprint, 'role'> }): Roles {
  return {
    ...roles,
    delete: async (name, policy) => {
      const found = await roles.find(name, { inline: policy });
      const why = found && foreignOn(found, { ...blueprint.role, policyName: policy });
      if (why) throw stop('ROLE_IN_USE', { message: `The role ${name} can't be deleted: ${why}` });
      await roles.delete(name, policy);
    },
  };
}

/** What others have attached to our role; `undefined` for nothing. Instance profiles are detected on deletion. */
function foreignOn(found: Role, wanted: Pick<Blueprint['role'], 'trust' | 'policyName' | 'policy'>): string | undefined {
  const statements = foreignStatements(found.trust, wanted.trust).length;
  if (statements > 0) return `other principals may assume it (${statements} more ${statements === 1 ? 'statement' : 'statements'} in its trust policy)`;
  const policies = [...found.attached, ...Object.keys(found.inline).filter((name) => name !== wanted.policyName)];
  if (policies.length > 0) return `it has other policies: ${policies.slice(0, 3).join(', ')}`;
  return foreignStatements(found.inline[wanted.policyName], wanted.policy).length > 0 ? `its policy ${wanted.policyName} was edited` : undefined;
}
