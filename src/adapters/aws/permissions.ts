/** What the caller or a role may not do, as far as IAM's simulator knows: advice, never proof. */
import type { Clients } from './clients.ts';
import { everyPage } from './pages.ts';

/** `unknown` whenever it can't be asked: no permission, root, a federated user, an endpoint without the simulator. */
export async function deniedActions(
  clients: Clients,
  of: { readonly actions: readonly string[]; readonly resource: string; readonly as?: string },
): Promise<readonly string[] | 'unknown'> {
  if (of.actions.length === 0) return [];
  try {
    const iam = await clients.iam();
    const PolicySourceArn = of.as ?? (await callerArn(clients));
    if (PolicySourceArn === undefined) return 'unknown';
    const pages = await everyPage((Marker) =>
      iam.simulatePrincipalPolicy({
        PolicySourceArn,
        ActionNames: [...of.actions],
        ResourceArns: [of.resource],
        ContextEntries: [
          { ContextKeyName: 'aws:RequestedRegion', ContextKeyType: 'string', ContextKeyValues: [clients.region] },
          { ContextKeyName: 'aws:SecureTransport', ContextKeyType: 'boolean', ContextKeyValues: ['true'] },
          ...(of.as ? accountKeys(of.as) : []),
        ],
        Marker,
      }),
    );
    const results = pages.flatMap((page) => page.EvaluationResults ?? []);
    if (results.length === 0) return 'unknown';
    // A condition on what only a real request carries (its VPC, its tags) is no refusal.
    if (of.as && results.some((result) => result.EvalDecision !== 'allowed' && (result.MissingContextValues ?? []).length > 0)) return 'unknown';
    return results.filter((result) => result.EvalDecision !== 'allowed').map((result) => result.EvalActionName!);
  } catch {
    return 'unknown';
  }
}

/** What a request of this role to its own account's resources carries. */
function accountKeys(arn: string) {
  const account = arn.split(':')[4] ?? '';
  return ['aws:ResourceAccount', 'aws:PrincipalAccount'].map((ContextKeyName) => ({
    ContextKeyName,
    ContextKeyType: 'string' as const,
    ContextKeyValues: [account],
  }));
}

/** The simulator refuses session ARNs, and a session's ARN has lost the role's path. */
async function callerArn(clients: Clients): Promise<string | undefined> {
  const { Arn } = await (await clients.sts()).getCallerIdentity({});
  const source = principalOf(Arn!);
  if (source === undefined || 'arn' in source) return source?.arn;
  return (await (await clients.iam()).getRole({ RoleName: source.role })).Role!.Arn!;
}

/** Whom to simulate for a caller's ARN: users as they are, sessions by their role's name. */
export function principalOf(arn: string): { readonly arn: string } | { readonly role: string } | undefined {
  const [, , service, , , resource = ''] = arn.split(':');
  if (service === 'iam' && resource.startsWith('user/')) return { arn };
  if (service === 'iam' && resource.startsWith('role/')) return { arn };
  const role = service === 'sts' ? /^assumed-role\/([^/]+)\//.exec(resource)?.[1] : undefined;
  return role === undefined ? undefined : { role };
}
