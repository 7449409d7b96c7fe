/** What the caller or a role is not allowed to do, according to IAM's simulator: advice, never proof. */
import type { Callers } from '../../ports/caller.ts';
import type { Clients } from './clients.ts';
import { everyPage } from './pages.ts';

export interface Simulation {
  readonly actions: readonly string[];
  readonly resource: string;
  /** ARN of a role; the caller when absent. */
  readonly as?: string;
}

/** `unknown` whenever it is unavailable: no permission, root, a federated user, an endpoint without the simulator. */
export async function deniedActions(clients: Clients, callers: Callers, of: Simulation): Promise<readonly string[] | 'unknown'> {
  if (of.actions.length === 0) return [];
  try {
    if (of.as) return await simulate(clients, of.as, of);
    const source = principalOf((await callers.whoami()).arn);
    if (source === undefined) return 'unknown';
    return 'arn' in source ? await simulate(clients, source.arn, of) : await simulateSession(clients, source, of);
  } catch {
    return 'unknown';
  }
}

/** The simulator rejects session ARNs, and a session's ARN lacks the role's path: most have none, so that is tried while the role is looked up. */
async function simulateSession(clients: Clients, { role, bare }: Session, of: Simulation): Promise<readonly string[] | 'unknown'> {
  const [guessed, found] = await Promise.all([
    simulate(clients, bare, of).catch(() => undefined),
    clients
      .iam()
      .then((iam) => iam.getRole({ RoleName: role }))
      .catch(() => undefined),
  ]);
  if (guessed) return guessed;
  const arn = found?.Role?.Arn;
  return arn === undefined || arn === bare ? 'unknown' : simulate(clients, arn, of);
}

async function simulate(clients: Clients, PolicySourceArn: string, { actions, resource, as }: Simulation): Promise<readonly string[] | 'unknown'> {
  const iam = await clients.iam();
  const pages = await everyPage((Marker) =>
    iam.simulatePrincipalPolicy({
      PolicySourceArn,
      ActionNames: [...actions],
      ResourceArns: [resource],
      ContextEntries: [
        { ContextKeyName: 'aws:RequestedRegion', ContextKeyType: 'string', ContextKeyValues: [clients.region] },
        { ContextKeyName: 'aws:SecureTransport', ContextKeyType: 'boolean', ContextKeyValues: ['true'] },
        ...(as ? accountKeys(as) : []),
      ],
      Marker,
    }),
  );
  const results = pages.flatMap((page) => page.EvaluationResults ?? []);
  if (results.length === 0) return 'unknown';
  // A condition on what only a real request has (its VPC, its tags, a role's boundary) is not a denial.
  const refused = results.filter((result) => result.EvalDecision !== 'allowed');
  const known = refused.filter((result) => (result.MissingContextValues ?? []).length === 0);
  return as && known.length < refused.length ? 'unknown' : known.map((result) => result.EvalActionName!);
}

/** The context of this role's requests to resources of its own account. */
function accountKeys(arn: string) {
  const account = arn.split(':')[4] ?? '';
  return ['aws:ResourceAccount', 'aws:PrincipalAccount'].map((ContextKeyName) => ({
    ContextKeyName,
    ContextKeyType: 'string' as const,
    ContextKeyValues: [account],
  }));
}

interface Session {
  readonly role: string;
  /** The role's ARN if it has no path. */
  readonly bare: string;
}

/** The principal to simulate for a caller's ARN: users directly, sessions by their role's name. */
export function principalOf(arn: string): { readonly arn: string } | Session | undefined {
  const [, partition, service, , account, resource = ''] = arn.split(':');
  if (service === 'iam' && resource.startsWith('user/')) return { arn };
  if (service === 'iam' && resource.startsWith('role/')) return { arn };
  const role = service === 'sts' ? /^assumed-role\/([^/]+)\//.exec(resource)?.[1] : undefined;
  return role === undefined ? undefined : { role, bare: `arn:${partition}:iam::${account}:role/${role}` };
}
