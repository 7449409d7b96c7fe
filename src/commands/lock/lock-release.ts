import type { Ownership } from '../../design/ownership.ts';
import type { Outcome, Problem, Sink } from '../../engine/types.ts';
import type { KubeObject, Kubernetes } from '../../ports/kubernetes.ts';
import type { Clock } from '../../ports/system.ts';
import { problem, ProblemError } from '../../problems/problem.ts';
import type { RunOutcome } from '../exit-codes.ts';
import { holderIn, leaseOf, lockRef, type Holder } from './lease.ts';

export type Ended = RunOutcome | Outcome;

/** What decides, besides the outcome, which chain made the latest changes. */
export interface Ends {
  readonly mine: Holder;
  /** Resumes an unfinished run of this machine that no other run has overtaken. */
  readonly goesOn: boolean;
  /** The chain in the Lease when it was acquired. */
  readonly before: string | undefined;
}

interface Parts {
  readonly kubernetes: Pick<Kubernetes, 'get' | 'replace' | 'delete'>;
  readonly clock: Clock;
  readonly ownership: Ownership;
  readonly emit: Sink;
}

const WHOLE: ReadonlySet<Ended> = new Set<Ended>(['ok', 'done', 'nothing-to-do', 'unhealthy']);
const AS_BEFORE: ReadonlySet<Ended> = new Set<Ended>(['refused', 'undone', 'interrupted']);

/** The chain whose journals may still be rolled back once this run has ended; `undefined` for none, which is also what a missing Lease means. */
export function staying({ mine, goesOn, before }: Ends, { ended, acted }: { readonly ended: Ended | undefined; readonly acted: boolean }): string | undefined {
  if (ended && WHOLE.has(ended)) return goesOn || acted ? undefined : before;
  const asBefore = !acted || (ended !== undefined && AS_BEFORE.has(ended));
  return (asBefore && !goesOn ? before : mine.chain) || undefined;
}

const RELEASE_ATTEMPTS = 3;
const PAUSE_MS = 1000;

interface Giving {
  readonly mine: Holder;
  readonly held: KubeObject;
  readonly stays: string | undefined;
}

/** Only our own Lease; one that can't be released now expires by itself, so that is not a failure of the run. */
export async function giveBack({ kubernetes, clock, ownership, emit }: Parts, { mine, held, stays }: Giving): Promise<void> {
  const ref = lockRef(ownership);
  let lease: KubeObject | undefined = held;
  for (let attempt = 1; lease; attempt++) {
    try {
      if (stays) return void (await kubernetes.replace(leaseOf({ ...mine, identity: '', chain: stays }, ownership, lease)));
      return await kubernetes.delete(ref, lease.metadata.resourceVersion ? { ifVersion: lease.metadata.resourceVersion } : {});
    } catch (error) {
      lease = await kubernetes.get(ref).catch(() => lease);
      if (lease && holderIn(lease).identity !== mine.identity) return;
      if (attempt < RELEASE_ATTEMPTS) await clock.sleep(PAUSE_MS);
      else return emit({ type: 'warning.raised', problem: staysBehind(ref.name, error) });
    }
  }
}

const staysBehind = (name: string, error: unknown): Problem =>
  problem('RUN_LOCK_NOT_RELEASED', {
    message: `The lock of this run, Lease ${name}, could not be released`,
    evidence: error instanceof ProblemError ? [error.problem.message] : [],
  });
