/** Shorthands for the results of checks. */
import type { Verdict } from '../../../engine/types.ts';
import { masked, redactText } from '../../../design/secrets.ts';
import type { DoctorCode } from '../../../problems/catalogue.ts';
import { problem } from '../../../problems/problem.ts';

type Said = NonNullable<Parameters<typeof problem>[1]>;

/** Log lines and answers are foreign text: a secret in one must reach neither the screen nor a report. Fixes are our own words. */
const clean = (text: string): string => redactText(text, (rule) => (rule === 'address-login' ? '***' : `[removed: ${rule}]`));

const shown = ({ message, fix, evidence }: Said): Said => ({
  ...(message !== undefined && { message: clean(message) }),
  ...(fix !== undefined && { fix: masked(fix) }),
  ...(evidence && { evidence: evidence.map(clean) }),
});

export const pass = (detail?: string): Verdict => ({ is: 'pass', ...(detail && { detail: clean(detail) }) });
export const skip = (why: string): Verdict => ({ is: 'skip', why });
export const fail = (code: DoctorCode, said: Said): Verdict => ({ is: 'fail', problem: problem(code, shown(said)) });
export const warn = (code: DoctorCode, said: Said): Verdict => ({ is: 'warn', problem: problem(code, shown(said)) });

export const NO_LOKI = skip('no Loki found');
export const NO_COLLECTOR = skip('no collector found');
