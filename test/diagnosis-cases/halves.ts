/** All cases, in two halves that take as long as each other: two workers share them. */
import type { Case } from './case.ts';
import { lokiCases } from './cases-loki.ts';
import { pathCases } from './cases-path.ts';

export const cases: readonly Case[] = [...lokiCases, ...pathCases];
export const half = (which: 0 | 1): readonly Case[] => cases.filter((_, at) => at % 2 === which);
