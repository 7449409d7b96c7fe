/** Tenants as collectors write them. */
import type { Evidence } from './evidence.ts';

/** Those that are written out in a configuration, to the surveyed Loki. */
export const tenantsWritten = ({ collectors }: Evidence): readonly string[] => [
  ...new Set(collectors.flatMap(({ writers }) => writers.flatMap(({ tenant, ours }) => (ours && tenant?.is === 'fixed' ? [tenant.name] : [])))),
];
