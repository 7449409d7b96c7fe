/** Prints a row for each fault table, and their sum as the last line when everything has run. */
import type { Reporter, TestModule } from 'vitest/node';

export function sumOfFaults(): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[]) {
      const sum = { cases: 0, restored: 0, finished: 0, alike: 0, watched: 0, unnamed: 0, left: 0 };
      const rows: (readonly (string | number)[])[] = [['', 'cases', 'restored', 'finished', 'watched', 'unnamed', 'left']];
      for (const module of modules) {
        for (const test of module.children.allTests()) {
          const { faults } = test.meta();
          if (!faults) continue;
          rows.push([test.fullName, faults.cases, faults.restored, faults.finished, faults.watched, faults.unnamed, faults.left]);
          for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += faults[key];
        }
      }
      const table = rows.map((row) => row.map((cell, at) => (at === 0 ? String(cell).padEnd(WIDEST) : String(cell).padStart(9))).join(' ')).join('\n');
      // After the summary of the reporter before this one.
      const diagnosis = `${sum.finished - sum.alike} of the finished walked to the end, ${sum.alike} stand again where the first run began\n`;
      const guard = `the guard was watched in ${sum.watched} runs; log data went that nobody had named in ${sum.unnamed}\n`;
      process.on('exit', () =>
        process.stdout.write(
          `${table}\n${diagnosis}${guard}cases ${sum.cases}, restored ${sum.restored}, finished ${sum.finished}, deleted unnamed ${sum.unnamed}, left behind ${sum.left}\n`,
        ),
      );
    },
  };
}

const WIDEST = 72;
