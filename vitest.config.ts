import { configDefaults, defineConfig } from 'vitest/config';

/** What needs Node alone. moto and the aws CLI need Python, the real charts need to be fetched: those suites have configurations of their own. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      'test/guide/**',
      'test/report/browser.test.ts',
      'test/doctor/guide.test.ts',
      'test/doctor/fix.test.ts',
      'test/real-charts/**',
      'test/real-log-path/**',
      'test/real-cluster/**',
      'test/permissions/**',
      'test/contracts/aws-adapters/moto.test.ts',
      'test/scenarios/big-bucket*.test.ts',
      'test/fault-injection/signals.test.ts',
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
