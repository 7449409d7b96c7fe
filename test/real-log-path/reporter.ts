/** Prints the rows that the suites have noted, as they come and once more at the end. */
import type { Reporter } from 'vitest/node';

export function tableOfRows(): Reporter {
  const rows: string[] = [];
  return {
    onTestCaseResult(test) {
      const own = ((test.meta() as { readonly rows?: readonly string[] }).rows ?? []) as readonly string[];
      rows.push(...own);
    },
    onTestRunEnd() {
      if (rows.length > 0) process.stdout.write(`\n${rows.join('\n')}\n`);
    },
  };
}
