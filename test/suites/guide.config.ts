import { defineConfig } from 'vitest/config';

/** What a person does by hand, and what doctor makes of it: whole installations, each in a sandbox of its own. */
export default defineConfig({
  test: {
    include: ['test/guide/**/*.test.ts', 'test/doctor/guide.test.ts', 'test/doctor/fix.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
});
