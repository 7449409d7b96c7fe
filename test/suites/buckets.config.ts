import { defineConfig } from 'vitest/config';

/** Big buckets: tens of thousands of objects under faults, and what S3's lifecycle makes of them. */
export default defineConfig({
  test: { include: ['test/scenarios/big-bucket*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000, maxWorkers: 1 },
});
