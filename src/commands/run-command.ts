/** The frame of every command: first event, last event, exit code, and the handling of everything that is thrown. */
import { StillNeeded } from '../engine/needs.ts';
import { BlockedStep } from '../engine/run.ts';
import { UnknownStep } from '../engine/undo.ts';
import type { EventMap, Problem } from '../engine/types.ts';
import { problem, ProblemError } from '../problems/problem.ts';
import { exitCode } from './exit-codes.ts';
import type { RunContext } from '../deps.ts';

type Finished = EventMap['run.finished'];

/** How a use case ended; the frame adds the rest of `run.finished`. */
export type CommandResult = Pick<Finished, 'outcome'> & Partial<Pick<Finished, 'writes' | 'problems' | 'left' | 'tookBack'>>;

export async function runCommand(run: RunContext, command: string, body: () => Promise<CommandResult>): Promise<number> {
  const { emit, deps, sandbox, version } = run;
  const began = deps.clock.now().getTime();
  emit({ type: 'run.started', command, version, sandbox });
  let ending: CommandResult;
  try {
    ending = await body();
  } catch (error) {
    const known = problemOf(error, run.signal);
    if (!known) throw error;
    ending = { outcome: known.code === 'INTERRUPTED' ? 'interrupted' : known.code === 'INTERNAL_ERROR' ? 'defect' : 'refused', problems: [known] };
  } finally {
    await deps.dispose();
  }
  const exit = exitCode(ending);
  const seconds = (deps.clock.now().getTime() - began) / 1000;
  emit({ type: 'run.finished', command, exit, sandbox, seconds, ...ending });
  return exit;
}

/** What a user can run into, or `undefined` for a bug. Once the run is interrupted, everything thrown is a result of that. */
export function problemOf(error: unknown, signal?: AbortSignal): Problem | undefined {
  if (signal?.aborted) return problem('INTERRUPTED');
  if (error instanceof ProblemError || error instanceof BlockedStep) return error.problem;
  if (error instanceof UnknownStep)
    return problem('JOURNAL_STEP_UNKNOWN', { message: `This version has no step "${error.step}" and can't roll back its change` });
  if (error instanceof StillNeeded) return problem('STILL_NEEDED', { message: `${error.by} still exists and needs it` });
  return undefined;
}

/** For the engine, which continues past failures: a bug becomes a problem that carries its stack and causes. */
export const toProblem = (error: unknown): Problem => problemOf(error) ?? internalError(error);

export function internalError(error: unknown): Problem {
  const evidence: string[] = [];
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    evidence.push(...(depth === 0 ? (cause.stack ?? cause.message) : `caused by ${cause.stack ?? cause.message}`).split('\n').slice(0, 12));
  }
  return problem('INTERNAL_ERROR', { message: error instanceof Error ? error.message : String(error), evidence });
}
