/** The caller's identity, from STS. */
import type { Caller, Callers } from '../../ports/caller.ts';
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Clients } from './clients.ts';
import type { Credentials } from './credentials.ts';
import { ask } from './failures.ts';
import { stsHost } from './region.ts';

/** Resolves if this host has an address. Distinguishes a region that does not exist from a network that does not work. */
export type LookUp = (host: string) => Promise<unknown>;

export function callers(clients: Clients, { credentials, lookUp }: { readonly credentials: Credentials; readonly lookUp?: LookUp }): Callers {
  const whyNoAddress = async (thrown: unknown): Promise<unknown> => {
    if (lookUp === undefined || !(thrown instanceof ProblemError) || thrown.problem.code !== 'AWS_HOST_UNKNOWN') return thrown;
    // The one region that every network with access to AWS can resolve.
    const online = await lookUp(stsHost('us-east-1')).then(
      () => true,
      () => false,
    );
    return online
      ? stop(
          'AWS_REGION_INVALID',
          { message: `Unknown AWS region ${JSON.stringify(clients.region)}: ${stsHost(clients.region)} can't be resolved` },
          { cause: thrown.cause },
        )
      : thrown;
  };

  const askSts = async (): Promise<Caller> => {
    // First, so that missing credentials are distinguished from a failed call.
    const { expiration } = await credentials();
    const sts = await clients.sts();
    const { Account, Arn } = await ask({ action: 'sts:GetCallerIdentity' }, () => sts.getCallerIdentity({})).catch(async (thrown: unknown) => {
      throw await whyNoAddress(thrown);
    });
    return { account: Account!, arn: Arn!, partition: Arn!.split(':')[1]!, ...(expiration && { expires: expiration }) };
  };
  // Renewed credentials still belong to the same caller.
  let known: Promise<Caller> | undefined;
  return {
    whoami: () => {
      known ??= askSts().catch((error: unknown) => {
        known = undefined;
        throw error;
      });
      return known;
    },
  };
}
