import { defineConfig } from 'vitest/config';
import { tableOfRows } from '../real-log-path/reporter.ts';

/**
 * The whole way of the logs on the real Loki, Alloy, nginx and memcached: `sandbox start --real $LOKI_EKS_REAL_BINARIES`. Linux and root.
 * OUTAGE_MINUTES (2) and DOCTOR_MINUTES (5) say how long. Real charts, by LOKI_EKS_LOKI_CHART and LOKI_EKS_ALLOY_CHART, are better.
 */
export default defineConfig({
  test: {
    include: ['test/real-log-path/**/*.test.ts'],
    reporters: ['default', tableOfRows()],
    testTimeout: 3 * 3_600_000,
    hookTimeout: 900_000,
    maxWorkers: 1,
    fileParallelism: false,
    // What a run has found is of use beyond its first failure.
    bail: 0,
  },
});
