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
      // What was written, lost and doubled comes last, its sum at the very end.
      const isCount = (row: string): boolean => / written \d+, lost /.test(row);
      const sorted = [...rows.filter((row) => !isCount(row)), ...rows.filter(isCount)];
      if (sorted.length > 0) process.stdout.write(`\n${sorted.join('\n')}\n`);
    },
  };
}
