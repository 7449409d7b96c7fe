/** What should hold, in the order of the data's way; each check says when it is asked. */
import type { Check } from '../engine/types.ts';
import type { CheckContext } from './context.ts';

export const checks: readonly Check<CheckContext>[] = [];
