import { configDefaults, defineConfig } from 'vitest/config';

/** What needs Node alone. The guide needs the aws CLI and the real charts need to be fetched: those suites have configurations of their own. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/guide/**', 'test/real-charts/**'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
