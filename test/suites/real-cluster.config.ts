import { defineConfig } from 'vitest/config';
import { table } from '../real-cluster/reporter.ts';

/** A real Kubernetes control plane. Each file starts one; two at once would be more than two cores carry. */
export default defineConfig({
  test: {
    // The contracts that the sandbox's API keeps are asked of the real one too.
    include: ['test/real-cluster/**/*.test.ts', 'test/contracts/kube/**/*.test.ts'],
    env: { KUBE_CONTRACTS: 'real' },
    reporters: ['default', table()],
    testTimeout: 5 * 60_000,
    // The first run builds the programs.
    hookTimeout: 30 * 60_000,
    maxWorkers: 1,
  },
});
