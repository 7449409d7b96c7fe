import { defineConfig } from 'vitest/config';

/** The contracts that the sandbox keeps, held against moto as well. Needs Python with moto; says so when it is missing. */
export default defineConfig({
  test: {
    include: ['test/contracts/aws/**/*.test.ts', 'test/contracts/aws-adapters/moto.test.ts'],
    env: { LOKI_EKS_MOTO: '1' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
