/** Shorthands for the results of checks. */
import type { Verdict } from '../../../engine/types.ts';
import { masked } from '../../../design/secrets.ts';
import type { DoctorCode } from '../../../problems/catalogue.ts';
import { problem } from '../../../problems/problem.ts';

type Said = NonNullable<Parameters<typeof problem>[1]>;

const shown = ({ message, fix, evidence }: Said): Said => ({
  ...(message !== undefined && { message: masked(message) }),
  ...(fix !== undefined && { fix: masked(fix) }),
  ...(evidence && { evidence: evidence.map(masked) }),
});

export const pass = (detail?: string): Verdict => ({ is: 'pass', ...(detail && { detail: masked(detail) }) });
export const skip = (why: string): Verdict => ({ is: 'skip', why });
export const fail = (code: DoctorCode, said: Said): Verdict => ({ is: 'fail', problem: problem(code, shown(said)) });
export const warn = (code: DoctorCode, said: Said): Verdict => ({ is: 'warn', problem: problem(code, shown(said)) });

export const NO_LOKI = skip('no Loki found');
export const NO_COLLECTOR = skip('no collector found');
