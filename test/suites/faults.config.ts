import { defineConfig } from 'vitest/config';
import { sumOfFaults } from '../fault-injection/reporter.ts';

/** The fault table: thousands of runs that are made to fail. The last line is its sum. */
export default defineConfig({
  test: {
    include: ['test/fault-injection/**/*.faults.ts', 'test/fault-injection/signals.test.ts'],
    reporters: ['default', sumOfFaults()],
    testTimeout: 90 * 60_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
});
