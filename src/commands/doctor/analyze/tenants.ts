/** The tenants that collectors write. */
import type { Evidence } from './evidence.ts';

/** Those that a configuration contains literally, for the diagnosed Loki. */
export const tenantsWritten = ({ collectors }: Evidence): readonly string[] => [
  ...new Set(collectors.flatMap(({ writers }) => writers.flatMap(({ tenant, ours }) => (ours && tenant?.is === 'fixed' ? [tenant.name] : [])))),
];
