/** What to do about a release that another helm left in a pending state: decided by its state alone. */
import { problem } from '../../problems/problem.ts';
import type { Problem } from '../../engine/types.ts';
import type { Release } from '../../ports/releases.ts';

/** A pending release younger than this may be another helm at work; ours never waits inside helm for this long. */
export const PENDING_GRACE_MS = 3 * 60_000;

export type Recovery =
  | { readonly is: 'nothing' }
  | { readonly is: 'uninstall' }
  | { readonly is: 'rollback'; readonly revision: number }
  | { readonly is: 'busy'; readonly problem: Problem };

export function recovery(release: Release | undefined, now: Date): Recovery {
  if (!release || !/^(pending-|uninstalling)/.test(release.status)) return { is: 'nothing' };
  const age = release.updated ? now.getTime() - release.updated.getTime() : Infinity;
  if (age < PENDING_GRACE_MS) return { is: 'busy', problem: busy(release, age) };
  // Nothing good to roll back to: helm itself refuses a rollback to revision 0.
  if (release.lastGood === undefined || release.status === 'uninstalling') return { is: 'uninstall' };
  return { is: 'rollback', revision: release.lastGood };
}

function busy(release: Release, age: number): Problem {
  const wait = Math.ceil((PENDING_GRACE_MS - age) / 60_000);
  return problem('HELM_BUSY', {
    message: `Release ${release.namespace}/${release.name} has been ${release.status} for ${Math.max(0, Math.round(age / 1000))} s: another helm operation is in progress`,
    fix: `Wait until it has finished, then run the command again. If its process has died, run the command again in ${wait} min to repair the release`,
    evidence: [`revision ${release.revision} is ${release.status}, last changed ${release.updated?.toISOString()}`],
  });
}
