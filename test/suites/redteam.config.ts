import { defineConfig } from 'vitest/config';
import { tableOfKinds } from '../redteam/reporter.ts';

/** Everything that comes from outside, as an enemy or a broken machine would send it. The last lines are the sums of the table. */
export default defineConfig({
  test: {
    include: ['test/redteam/**/*.redteam.ts'],
    reporters: ['dot', tableOfKinds()],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
