/** How a case of the red team's table counts. */
import { expect, type TestContext } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Of a test that tries more than one thing. Any other test counts as one. */
    tally?: { tried: number; held: number };
  }
}

type Counting = Pick<TestContext, 'task'>;

/** Counts whatever is run by it as one case: for the body of a generated property. A case that throws has not held. */
export function tally({ task }: Counting): <T>(attempt: () => T | Promise<T>) => Promise<T> {
  const sum = (task.meta.tally ??= { tried: 0, held: 0 });
  return async (attempt) => {
    sum.tried += 1;
    const answer = await attempt();
    sum.held += 1;
    return answer;
  };
}

/** Tries every row, also after one that fails, and fails at the end with what those said that did not hold. */
export async function everyRow<T>(context: Counting, rows: readonly (readonly [name: string, row: T])[], attempt: (row: T) => unknown): Promise<void> {
  const one = tally(context);
  const failures: string[] = [];
  for (const [name, row] of rows) {
    try {
      await one(() => attempt(row));
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  expect(failures.join('\n\n')).toBe('');
}
