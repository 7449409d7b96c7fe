/** Unexpected errors, as a problem that can be reported: stack and cause chain. */
import type { Problem } from '../engine/types.ts';
import { problem, ProblemError } from '../problems/problem.ts';

const DEEPEST = 8;

/** A thrown value as problems: expected ones as they are, everything else as an internal error. */
export function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof ProblemError) return [error.problem];
  if (error instanceof AggregateError && error.errors.length > 0 && error.errors.every((inner) => inner instanceof ProblemError)) {
    return error.errors.map((inner: ProblemError) => inner.problem);
  }
  return [internalError(error)];
}

export function internalError(error: unknown): Problem {
  return problem('INTERNAL_ERROR', { message: `A defect in loki-eks: ${shortly(error)}`, evidence: trace(error) });
}

function trace(error: unknown): readonly string[] {
  const lines: string[] = [];
  let cause = error;
  for (let depth = 0; cause !== undefined && cause !== null && depth < DEEPEST; depth++) {
    const stack = cause instanceof Error && cause.stack ? cause.stack : shortly(cause);
    lines.push(...stack.split('\n').map((line, index) => (depth > 0 && index === 0 ? `caused by ${line}` : line)));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

function shortly(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  if (typeof error === 'string') return error;
  return `something that is not an Error was thrown: ${String(error)}`;
}
