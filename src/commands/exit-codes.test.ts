import { describe, expect, it } from 'vitest';
import { catalogue, type ProblemCode } from '../problems/catalogue.ts';
import { problem } from '../problems/problem.ts';
import { exitCode, outcomeOf } from './exit-codes.ts';

const codeWith = (exit: number) => (Object.keys(catalogue) as ProblemCode[]).find((code) => catalogue[code].exit === exit) as ProblemCode;
const [usage, stopped, found, defect] = [2, 3, 6, 1].map((exit) => problem(codeWith(exit)));

describe('exitCode', () => {
  it.each([
    [{ outcome: 'ok' }, 0],
    [{ outcome: 'nothing-to-do' }, 0],
    [{ outcome: 'changes-pending' }, 7],
    [{ outcome: 'unhealthy' }, 6],
    [{ outcome: 'undone' }, 4],
    [{ outcome: 'undone', interrupted: true }, 130],
    [{ outcome: 'left' }, 5],
    [{ outcome: 'left', interrupted: true }, 5],
    [{ outcome: 'interrupted' }, 130],
    [{ outcome: 'defect' }, 1],
    [{ outcome: 'refused', problems: [usage, usage] }, 2],
    [{ outcome: 'refused', problems: [usage, stopped] }, 3],
    [{ outcome: 'refused', problems: [stopped] }, 3],
    [{ outcome: 'refused', problems: [found] }, 3],
    [{ outcome: 'refused', problems: [usage, defect] }, 1],
    [{ outcome: 'refused' }, 3],
  ] as const)('%j is %i', (ending, exit) => {
    expect(exitCode(ending as never)).toBe(exit);
  });

  it('agrees with what a bare code says', () => {
    for (const code of [0, 1, 4, 5, 6, 7, 130]) expect(exitCode({ outcome: outcomeOf(code) })).toBe(code);
    expect(outcomeOf(99)).toBe('defect');
  });
});
