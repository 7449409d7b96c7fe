/** What fixes a finding of `doctor`: which steps of install in our installation, which chart values in a foreign one. */
import { doctorRow, type DoctorCode } from '../problems/catalogue.ts';
import type { Remediation } from '../problems/row.ts';
import type { Values } from './merge.ts';

type Codes<T> = Partial<Readonly<Record<DoctorCode, T>>>;

const identity = ['oidc-provider', 'role', 'service-account', 'identity-proof', 'association', 'pods'] as const;
const collector = ['release.alloy'] as const;
const loki = ['release.loki'] as const;
const buckets = ['bucket.chunks', 'bucket.ruler', 'release.loki'] as const;
const login = ['login', 'release.loki', 'release.alloy'] as const;
const tenant = ['release.loki', 'release.alloy'] as const;
const grafana = ['grafana.datasource'] as const;
const dashboard = ['grafana.datasource', 'grafana.dashboard'] as const;

/** Ids of steps, by what they create; ids that an installation lacks are ignored. `pods`: a restart of Loki's pods. */
const steps: Codes<readonly string[]> = {
  LOKI_ROLE_ANNOTATION_MISSING: identity,
  LOKI_ACCOUNT_MISSING: identity,
  LOKI_PODS_WITHOUT_ROLE: identity,
  IRSA_PROVIDER_MISSING: ['oidc-provider'],
  IRSA_ROLE_MISSING: ['role', 'service-account'],
  IRSA_TRUST_MISMATCH: ['role'],
  LOKI_ROLE_POLICY: ['role'],
  LOKI_S3_ENDPOINT: loki,
  LOKI_BUCKET_NOT_SET: loki,
  LOKI_BUCKET_NAME: loki,
  LOKI_BUCKET_NOT_FOUND: buckets,
  LOKI_BUCKET_REGION: loki,
  LOKI_NOT_FOUND: ['login', 'service-account', 'release.loki'],
  RELEASE_UNFINISHED: tenant,
  PODS_PENDING_SPREAD: loki,
  PODS_PENDING_CAPACITY: tenant,
  PODS_PENDING_VOLUME: ['storage-class', 'release.loki'],
  PODS_IMAGE_UNPULLABLE: tenant,
  LOKI_MESSAGE_LARGE: loki,
  LOKI_CONFIG_INVALID: loki,
  LOKI_SCHEMA_OLD: loki,
  LOKI_STORAGE_LOCAL: loki,
  LOKI_OOM: loki,
  LOKI_NO_INGESTERS: loki,
  LOKI_COMPONENT_SCALED_DOWN: loki,
  LOKI_RING_UNHEALTHY: loki,
  LOKI_PATTERN_INGESTER_MISSING: loki,
  LOKI_WAL_EPHEMERAL: loki,
  LOKI_RETENTION_OFF: loki,
  LOKI_DISCARDS: loki,
  GATEWAY_RESOLVER: loki,
  GATEWAY_SECRET_MISSING: login,
  GATEWAY_UNAVAILABLE: loki,
  GATEWAY_EXPOSED: loki,
  WRITER_LOGIN_MISSING: login,
  WRITER_LOGIN_REFUSED: login,
  WRITER_TENANT_MISSING: tenant,
  COLLECTOR_NOT_FOUND: ['login', 'release.alloy'],
  COLLECTOR_EXCLUDED_FROM_NODES: collector,
  ALLOY_CONFIG_INVALID: collector,
  ALLOY_RBAC: collector,
  ALLOY_NODE_FILTER: collector,
  ALLOY_NO_VARLOG: collector,
  ALLOY_PERMISSION: collector,
  ALLOY_NO_CRI: collector,
  ALLOY_POSITIONS_LOST: collector,
  WRITER_PASSWORD_UNREADABLE: collector,
  ALLOY_PUSH_URL: collector,
  ALLOY_NO_WRITE: collector,
  ALLOY_JOB_LABEL: collector,
  ALLOY_PRIVILEGED: collector,
  ALLOY_SECRET_IN_CONFIG: collector,
  COLLECTOR_NOT_DAEMONSET: collector,
  COLLECTOR_UNLIMITED: collector,
  COLLECTOR_OOM: collector,
  LOKI_COMPACTOR_ADDRESS_MISSING: loki,
  LOKI_WAL_CEILING: loki,
  LOKI_RING_STALE: loki,
  LOKI_NO_SCHEDULER: loki,
  LOKI_CACHE_TIMEOUTS: loki,
  LOKI_CACHE_LARGE: loki,
  GATEWAY_NO_ADDRESS: loki,
  LOKI_RATE_LIMITED: loki,
  LOKI_STREAMS_LIMITED: loki,
  LOKI_TIMES_REFUSED: loki,
  QUERY_LIMITED: loki,
  QUERY_GAP: loki,
  COLLECTOR_FORBIDDEN: ['namespace.collector'],
  LOKI_RETENTION_FAILS: ['role', 'release.loki'],
  GATEWAY_HASH: login,
  LOKI_LABELS_LIMITED: tenant,
  DASHBOARD_DATASOURCE: dashboard,
  DASHBOARD_LABELS: dashboard,
  READER_TENANT_MISSING: grafana,
  READER_TENANT_MISMATCH: grafana,
  DATASOURCE_URL: grafana,
  DATASOURCE_NO_LOGIN: grafana,
  DATASOURCE_LOGIN_REFUSED: grafana,
};

/** Values of the chart to add to those of a collector's release. */
const values: Codes<Values> = {
  ALLOY_NO_VARLOG: { alloy: { mounts: { varlog: true } } },
  ALLOY_PERMISSION: { alloy: { securityContext: { runAsUser: 0 } } },
  ALLOY_RBAC: { rbac: { create: true } },
  COLLECTOR_EXCLUDED_FROM_NODES: { controller: { tolerations: [{ operator: 'Exists' }] } },
};

export const remediationSteps = (code: string): readonly string[] => steps[code as DoctorCode] ?? [];
export const remediationValues = (code: string): Values | undefined => values[code as DoctorCode];
/** Whether it can be fixed in a foreign installation, once the user has approved it by name. */
export const fixableElsewhere = (code: string): boolean =>
  remediationValues(code) !== undefined || ['LOKI_PODS_WITHOUT_ROLE', 'READER_TENANT_MISSING', 'READER_TENANT_MISMATCH'].includes(code);

/** Whether `doctor --fix` may fix it, in our installation or a foreign one; `no` if there is no fix. */
export function remediationOf(code: string, ours: boolean): Remediation {
  if (!ours) return fixableElsewhere(code) ? 'confirm' : 'no';
  return remediationSteps(code).length > 0 ? (doctorRow(code)?.autofix ?? 'no') : 'no';
}
