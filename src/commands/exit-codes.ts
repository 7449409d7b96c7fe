/** Exit codes: outcome -> number, the same in every output format. */
import type { EventMap, Problem } from '../engine/types.ts';
import { catalogue, type ProblemCode } from '../problems/catalogue.ts';

export type RunOutcome = EventMap['run.finished']['outcome'];

export interface ExitInput {
  readonly outcome: RunOutcome;
  readonly problems?: readonly Problem[];
  /** The run was stopped by a signal, whatever its result. */
  readonly interrupted?: boolean;
}

export function exitCode({ outcome, problems = [], interrupted = false }: ExitInput): number {
  switch (outcome) {
    case 'ok':
    case 'nothing-to-do':
      return 0;
    case 'changes-pending':
      return 7;
    case 'unhealthy':
      return 6;
    case 'refused':
      return refusal(problems);
    case 'undone':
      return interrupted ? 130 : 4;
    case 'left':
      return 5;
    case 'interrupted':
      return 130;
    case 'defect':
      return 1;
  }
}

/** Usage error only if all problems are usage errors; a problem that a health check would report still refuses a change. */
function refusal(problems: readonly Problem[]): number {
  const exits = problems.map(({ code }) => catalogue[code as ProblemCode]?.exit ?? 1);
  if (exits.includes(1)) return 1;
  return exits.length > 0 && exits.every((exit) => exit === 2) ? 2 : 3;
}

/** The meaning of a bare exit code, for a use case that reported no outcome itself. */
export function outcomeOf(code: number): RunOutcome {
  const outcomes: Readonly<Record<number, RunOutcome>> = {
    0: 'ok',
    2: 'refused',
    3: 'refused',
    4: 'undone',
    5: 'left',
    6: 'unhealthy',
    7: 'changes-pending',
    130: 'interrupted',
  };
  return outcomes[code] ?? 'defect';
}
