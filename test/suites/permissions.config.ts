import { defineConfig } from 'vitest/config';

/** Whole lives with the rights of the permissions page, and no others. */
export default defineConfig({
  test: {
    include: ['test/permissions/**/*.test.ts'],
    testTimeout: 400_000,
    hookTimeout: 120_000,
  },
});
