/** A problem as a value, and the one Error class that is thrown for user-reachable failures. */
import type { Problem } from '../engine/types.ts';
import { catalogue, type ProblemCode } from './catalogue.ts';

export type { ProblemCode } from './catalogue.ts';

/**
 * Builds a problem from its catalogue row. `message` contains the wrong value; `fix` is
 * the next command or edit, and falls back to the row's general one.
 */
export function problem(code: ProblemCode, said: Partial<Pick<Problem, 'message' | 'fix' | 'evidence' | 'data'>> = {}): Problem {
  const row = catalogue[code];
  return {
    code,
    message: said.message ?? row.title,
    fix: said.fix ?? row.fix,
    ...(said.evidence && said.evidence.length > 0 && { evidence: said.evidence }),
    ...(said.data && { data: said.data }),
  };
}

/** Thrown for user-reachable failures; everything else that is thrown is an internal error. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(of: Problem, options?: { cause?: unknown }) {
    super(of.message, options);
    this.name = 'ProblemError';
    this.problem = of;
  }
}

/** Shorthand for the common case: `throw stop('BUCKET_NOT_OURS', { message })`. */
export function stop(code: ProblemCode, said?: Parameters<typeof problem>[1], options?: { cause?: unknown }): ProblemError {
  return new ProblemError(problem(code, said), options);
}
