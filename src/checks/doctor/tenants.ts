/** Tenants as collectors write them. */
import type { Survey } from './survey.ts';

/** Those that are written out in a configuration, to the surveyed Loki. */
export const tenantsWritten = ({ collectors }: Survey): readonly string[] => [
  ...new Set(collectors.flatMap(({ writers }) => writers.flatMap(({ tenant, ours }) => (ours && tenant?.is === 'fixed' ? [tenant.name] : [])))),
];
