import { defineConfig } from 'vitest/config';
import { tableOfFailures } from '../diagnosis-cases/reporter.ts';

/** Every reported failure, played in the sandbox and looked at by doctor. The last line is the sum of the table. */
export default defineConfig({
  test: {
    include: ['test/diagnosis-cases/**/*.failures.ts'],
    reporters: ['dot', tableOfFailures()],
    testTimeout: 120_000,
    maxWorkers: 2,
  },
});
