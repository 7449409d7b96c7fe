/** What `doctor` might tell of a cluster whose log lines mean harm. */
import type { DoctorFinding, DoctorResult } from '../../src/engine/types.ts';

/** Would run a script, load a picture, leave an attribute or a tag, if one of them were not escaped. */
export const HOSTILE = `level=error msg="</code><script>window.pwned=1</script><img src=https://evil.example/x.png onerror=window.pwned=2>" a='"><svg onload=window.pwned=3>' \u202egpj\u0007`;

const problem = (code: string, message: string, more: object = {}) => ({ code, message, fix: 'kubectl get pods -A', ...more });

const root: DoctorFinding = {
  check: 'alloy.varlog',
  hop: 'alloy-read',
  role: 'root',
  severity: 'fail',
  autofix: 'yes',
  classes: ['alloy-varlog'],
  problem: problem('ALLOY_NO_VARLOG', "DaemonSet alloy/alloy reads /var/log/pods, but the node's /var/log is not mounted into it", {
    fix: "put this into Alloy's values in place of alloy.extraVolumes and alloy.extraVolumeMounts, which the chart ignores, and upgrade the release:\nalloy:\n  mounts:\n    varlog: true",
    evidence: [
      'DaemonSet alloy/alloy: volumes config; no hostPath at /var/log',
      'pod alloy-7x2kq: loki_source_file_files_active_total 0',
      'values of release alloy: alloy.extraVolumes is no key of the chart',
    ],
  }),
};
const also: DoctorFinding = {
  check: 'grafana.login',
  hop: 'grafana-datasource',
  role: 'also',
  severity: 'fail',
  autofix: 'confirm',
  classes: [],
  problem: problem('DATASOURCE_NO_LOGIN', 'Data source "Loki <b>prod</b>" has no login, but the gateway asks for one', {
    evidence: [HOSTILE, `arn:aws:iam::123456789012:role/${'very-long-name-without-a-space'.repeat(6)}`],
  }),
};
const consequence: DoctorFinding = {
  check: 'alloy.files',
  hop: 'alloy-read',
  role: 'consequence',
  severity: 'fail',
  autofix: 'no',
  classes: [],
  problem: problem('ALLOY_NO_FILES', '4 of 4 collectors follow no file', {
    evidence: ['pod alloy-7x2kq on ip-10-0-0-13: loki_source_file_files_active_total 0'],
  }),
};
const nothing: DoctorFinding = {
  check: 'query.lines',
  hop: 'query',
  role: 'consequence',
  severity: 'fail',
  autofix: 'no',
  classes: [],
  problem: problem('NOTHING_ARRIVES', `No line has come back: ${HOSTILE}`, { evidence: ['{namespace=~".+"} over one hour: no stream'] }),
};
const warning: DoctorFinding = {
  check: 'loki.wal',
  hop: 'loki-runtime',
  role: 'also',
  severity: 'warn',
  autofix: 'no',
  classes: [],
  problem: problem('LOKI_WAL_EPHEMERAL', "Ingesters keep what is not yet in S3 on the pod's own disk", {
    evidence: ['StatefulSet loki/loki-ingester: no volumeClaimTemplates'],
  }),
};

export const brokenResult = {
  mode: 'cluster',
  healthy: false,
  root,
  findings: [warning, root, consequence, also, nothing],
  hops: [
    { hop: 'aws-identity', state: 'pass', detail: 'arn:aws:iam::123456789012:role/LokiServiceAccountRole' },
    { hop: 's3', state: 'pass', detail: 'loki-aws-dev-chunks-123456789012, loki-aws-dev-ruler-123456789012' },
    { hop: 'scheduling', state: 'pass', detail: '28 of 28 pods ready' },
    { hop: 'loki-config', state: 'pass', detail: 'tsdb v13' },
    { hop: 'loki-runtime', state: 'warn', detail: warning.problem.message },
    { hop: 'gateway', state: 'pass', detail: 'HTTP 401 without a login' },
    { hop: 'tenant-write', state: 'pass', detail: 'foo' },
    { hop: 'alloy-discovery', state: 'pass', detail: '4 of 4 ready' },
    { hop: 'alloy-read', state: 'fail', detail: root.problem.message },
    { hop: 'alloy-push', state: 'pass', detail: 'http://loki-gateway.loki.svc.cluster.local/loki/api/v1/push' },
    { hop: 'limits', state: 'pass', detail: 'nothing is discarded' },
    { hop: 'tenant-read', state: 'skip', detail: 'no data source has a tenant' },
    { hop: 'grafana-datasource', state: 'fail', detail: also.problem.message },
    { hop: 'query', state: 'fail', detail: nothing.problem.message },
  ],
  notCollected: [{ what: 'the role LokiServiceAccountRole', why: `AccessDenied: ${HOSTILE}` }],
  subject: {
    cluster: 'training-on-eks',
    region: 'ap-northeast-2',
    loki: 'loki, loki 6.46.0, release loki',
    collectors: ['DaemonSet alloy/alloy, alloy 1.11.1'],
  },
} satisfies DoctorResult;

export const wellResult: DoctorResult = {
  ...brokenResult,
  healthy: true,
  root: undefined,
  findings: [],
  notCollected: [],
  hops: brokenResult.hops.map(({ hop }) => ({ hop, state: 'pass', detail: 'as it should be' })),
};
