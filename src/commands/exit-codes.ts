/** Exit codes: what happened -> the number, the same in every output format. */
import type { EventMap, Problem } from '../engine/types.ts';
import { catalogue, type ProblemCode } from '../problems/catalogue.ts';

export type RunOutcome = EventMap['run.finished']['outcome'];

export interface ExitInput {
  readonly outcome: RunOutcome;
  readonly problems?: readonly Problem[];
  /** The run was stopped by a signal, whatever came of it. */
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

/** Wrong usage only when nothing but usage is wrong; a problem that a check of health would report refuses a change all the same. */
function refusal(problems: readonly Problem[]): number {
  const exits = problems.map(({ code }) => catalogue[code as ProblemCode]?.exit ?? 1);
  if (exits.includes(1)) return 1;
  return exits.length > 0 && exits.every((exit) => exit === 2) ? 2 : 3;
}

/** What a bare exit code says, for a use case that has not said it itself. */
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
