/** Prints the sum of all fault tables when everything has run, as the last line. */
import type { Reporter, TestModule } from 'vitest/node';

export function sumOfFaults(): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[]) {
      const sum = { cases: 0, restored: 0, finished: 0, alike: 0, left: 0 };
      for (const module of modules) {
        for (const test of module.children.allTests()) {
          const { faults } = test.meta();
          if (!faults) continue;
          for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += faults[key];
        }
      }
      // After the summary of the reporter before this one.
      const walked = `${sum.finished - sum.alike} of the finished walked to the end, ${sum.alike} stand again where the first run began\n`;
      process.on('exit', () =>
        process.stdout.write(`${walked}cases ${sum.cases}, restored ${sum.restored}, finished ${sum.finished}, left behind ${sum.left}\n`),
      );
    },
  };
}
