/** Prints what was tried, how it went and how long it took, and the sum as the last line. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export function table(): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[]) {
      const cases = modules.flatMap((module) => [...module.children.allTests()]).filter((test) => test.result().state !== 'skipped');
      // A suite whose cluster did not start has no cases that ran, and failed all the same.
      const broken = modules.filter((module) => module.errors().length > 0 || suitesFailed(module));
      const rows = cases.map((test) => [test.fullName.replaceAll(' > ', ': '), test.result().state, seconds(test)] as const);
      const width = Math.min(110, Math.max(4, ...rows.map(([what]) => what.length)));
      const line = (what: string, result: string, time: string): string => `${what.slice(0, width).padEnd(width)}  ${result.padEnd(6)}  ${time.padStart(7)}\n`;
      const passed = cases.filter((test) => test.result().state === 'passed').length;
      const failed = cases.length - passed + broken.length;
      // After the summary of the reporter before this one.
      process.on('exit', () => {
        process.stdout.write(`\n${line('what', 'result', 'seconds')}`);
        for (const row of rows) process.stdout.write(line(...row));
        for (const module of broken) process.stdout.write(line(module.relativeModuleId, 'failed', ''));
        process.stdout.write(`${passed} passed, ${failed} failed\n`);
      });
    },
  };
}

const suitesFailed = (module: TestModule): boolean => [...module.children.allSuites()].some((suite) => suite.errors().length > 0);
const seconds = (test: TestCase): string => ((test.diagnostic()?.duration ?? 0) / 1000).toFixed(1);
