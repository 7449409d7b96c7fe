/** What can be checked, in the order of the report. */
import type { VerifyCheckName } from '../../deps.ts';

export const verifyChecks: Readonly<Record<VerifyCheckName, { readonly id: string; readonly title: string; readonly usual: boolean }>> = {
  lines: { id: 'logs.line-comes-back', title: 'Pod logs are queryable', usual: true },
  login: { id: 'gateway.refuses-strangers', title: 'Gateway rejects missing and invalid credentials', usual: true },
  tenant: { id: 'tenant.sees-its-own', title: 'Tenants are isolated', usual: true },
  s3: { id: 'chunks.reach-s3', title: "Chunks are written to S3 with the role's credentials", usual: true },
  // Only if there is a Grafana.
  grafana: { id: 'grafana.shows-line', title: 'Grafana shows the log line', usual: false },
  // It stops a collector for a few seconds, so it runs only on request.
  restart: { id: 'logs.survive-restart', title: 'Restarting a collector loses and duplicates no log lines', usual: false },
};

export const verifyCheckNames = Object.keys(verifyChecks) as readonly VerifyCheckName[];
export const defaultVerifyChecks: readonly VerifyCheckName[] = verifyCheckNames.filter((name) => verifyChecks[name].usual);
