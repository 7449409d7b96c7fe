/** Short forms of what every check answers. */
import type { Verdict } from '../../engine/types.ts';
import { problem, type ProblemCode } from '../../problems/problem.ts';

type Said = Parameters<typeof problem>[1];

export const pass = (saw?: string): Verdict => ({ is: 'pass', ...(saw && { saw }) });
export const skip = (why: string): Verdict => ({ is: 'skip', why });
export const fail = (code: ProblemCode, said: Said): Verdict => ({ is: 'fail', problem: problem(code, said) });
export const warn = (code: ProblemCode, said: Said): Verdict => ({ is: 'warn', problem: problem(code, said) });

export const NO_LOKI = skip('no Loki was found');
export const NO_COLLECTOR = skip('no collector was found');
