/** Applies a plan under the lock: its journal, the engine, and the handling of failures. */
import { run as act, type RunOptions, type RunResult } from '../engine/run.ts';
import type { Journal, Plan, Problem } from '../engine/types.ts';
import type { Lock } from './lock/lock.ts';
import type { RunContext } from '../deps.ts';
import { toProblem, type CommandResult } from './run-command.ts';

export interface PlanExecution<Ctx> {
  readonly plan: Plan<Ctx>;
  readonly ctx: Ctx;
  readonly installId: string;
  readonly action: NonNullable<RunOptions['action']>;
}

/** Stops early if the lock is lost; the rest is left to the next run. */
export async function executePlan<Ctx>(
  { deps, emit, signal, settings }: RunContext,
  { plan, ctx, installId, action }: PlanExecution<Ctx>,
  { lost, stillHeld, chain }: Pick<Lock, 'lost' | 'stillHeld' | 'chain'>,
): Promise<{ readonly result: RunResult; readonly journal: Journal }> {
  const journal = await deps.journals.open(installId, chain);
  const result = await act(plan, ctx, {
    action,
    journal,
    emit,
    signal: AbortSignal.any([signal, lost]),
    toProblem,
    afterFailure: afterFailure(settings.onFailure),
    guard: stillHeld,
  });
  return { result, journal };
}

/** Failures after which a rollback would fail as well, or harm another run: everything stays for the next run. */
export const BEYOND_UNDO: Readonly<Record<string, string>> = {
  AWS_CREDENTIALS_EXPIRED: 'a rollback requires valid credentials',
  AWS_CREDENTIALS_INVALID: 'a rollback requires valid credentials',
  AWS_CREDENTIALS_MISSING: 'a rollback requires valid credentials',
  AWS_SSO_EXPIRED: 'a rollback requires valid credentials',
  KUBE_UNAUTHORIZED: 'a rollback requires credentials that the cluster accepts',
  RUN_LOCK_LOST: 'another run may be active',
};

export const afterFailure =
  (onFailure: RunContext['settings']['onFailure']) =>
  ({ code }: Problem): 'undo' | 'keep' =>
    onFailure === 'keep' || code in BEYOND_UNDO ? 'keep' : 'undo';

export function resultOfFailure({ outcome, writes, problems, left }: RunResult): CommandResult {
  const interrupted = problems[0]?.code === 'INTERRUPTED';
  if (outcome === 'undone' && writes === 0) return { outcome: interrupted ? 'interrupted' : 'refused', problems, writes };
  if (outcome === 'left' && writes === 0 && left.length === 0) return { outcome: interrupted ? 'interrupted' : 'refused', problems, writes };
  if (outcome === 'undone') return { outcome: interrupted ? 'interrupted' : 'undone', problems, writes };
  return { outcome: 'left', problems, left, writes };
}
