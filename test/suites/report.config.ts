import { defineConfig } from 'vitest/config';

/** The HTML report in a headless Chromium: on PATH, or named by CHROMIUM. Pictures are kept in test/report/output. */
export default defineConfig({
  test: { include: ['test/report/browser.test.ts'], testTimeout: 20_000, hookTimeout: 30_000, maxWorkers: 1 },
});
