/** What a suite of the fault table hands to whoever prints the sum. */
import { expect, type TestContext } from 'vitest';
import type { Tally } from './table.ts';

declare module 'vitest' {
  interface TaskMeta {
    faults?: Omit<Tally, 'failures'> & { readonly left: number };
  }
}

export function report({ task }: TestContext, { failures, ...sum }: Tally): void {
  task.meta.faults = { ...sum, left: failures.length };
  expect(failures.slice(0, 10).join('\n\n')).toBe('');
  expect(sum.cases).toBeGreaterThan(0);
}
