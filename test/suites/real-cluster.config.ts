import { defineConfig } from 'vitest/config';
import { table } from '../real-cluster/reporter.ts';

/** A real Kubernetes control plane. Each file starts one; two at once would be more than two cores carry. */
export default defineConfig({
  test: {
    include: ['test/real-cluster/**/*.test.ts'],
    reporters: ['default', table()],
    testTimeout: 5 * 60_000,
    // The first run builds the programs.
    hookTimeout: 30 * 60_000,
    maxWorkers: 1,
  },
});
