/** Who is calling, by STS. */
import type { Caller, Callers } from '../../ports/caller.ts';
import type { Clients } from './clients.ts';
import type { Credentials } from './credentials.ts';
import { ask } from './failures.ts';

export function callers({ sts }: Clients, credentials: Credentials): Callers {
  return {
    async whoami(): Promise<Caller> {
      // First, so that having none is told apart from a call that failed.
      const { expiration } = await credentials();
      const client = await sts();
      const { Account, Arn } = await ask({ action: 'sts:GetCallerIdentity' }, () => client.getCallerIdentity({}));
      return { account: Account!, arn: Arn!, partition: Arn!.split(':')[1]!, ...(expiration && { expires: expiration }) };
    },
  };
}
