import { defineConfig } from 'vitest/config';

/** Our values through the real upstream charts, given by LOKI_EKS_LOKI_CHART and LOKI_EKS_ALLOY_CHART (unpacked, unused dependencies removed). */
export default defineConfig({
  test: { include: ['test/real-charts/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 120_000, maxWorkers: 2 },
});
