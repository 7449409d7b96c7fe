/** Runs as lists of events, as use cases emit them: what the renderers are tested and looked at with. */
import type { Event, PlannedStep, Problem } from '../../src/engine/types.ts';

const differs = (step: string, title: string, ...targets: readonly string[]): PlannedStep => ({
  step,
  title,
  finding: { is: 'differs', changes: targets.map((target) => ({ action: 'create', target })) },
});

export const steps: readonly PlannedStep[] = [
  differs('bucket.chunks', 'Bucket for log chunks', 's3://loki-chunks-1a2b3c4d-123456789012-ap-northeast-2-an'),
  differs('bucket.ruler', 'Bucket for rules', 's3://loki-ruler-1a2b3c4d-123456789012-ap-northeast-2-an'),
  {
    step: 'role',
    title: 'IAM role of Loki',
    finding: {
      is: 'differs',
      changes: [
        {
          action: 'update',
          target: 'role loki-eks-1a2b3c4d',
          detail: 'trust policy',
          diff: ['- system:serviceaccount:monitoring:loki', '+ system:serviceaccount:loki:loki'],
        },
      ],
    },
  },
  { step: 'namespaces', title: 'Namespaces', finding: { is: 'matches' } },
  differs('release.loki', 'Loki release', 'release loki/loki: grafana-community/loki 18.11.0'),
  differs('release.alloy', 'Alloy release', 'release alloy/alloy: grafana/alloy 1.11.1'),
];

export const notReady: Problem = {
  code: 'RELEASE_NOT_READY',
  message: 'The release loki/loki did not become ready within 15 minutes: StatefulSet loki/loki-ingester has 1 of 3 pods ready',
  fix: 'kubectl -n loki describe pod loki-ingester-2',
  evidence: ['loki-ingester-2 Pending: 0/3 nodes are available: 3 Insufficient memory', 'the pod asks for 2Gi, the largest node has 1.2Gi left'],
};

const checks = [
  { id: 'aws.credentials', title: 'AWS credentials last long enough' },
  { id: 'cluster.active', title: 'The cluster is active' },
  { id: 'kube.rbac', title: 'You may create what is needed in Kubernetes' },
  { id: 'nodes.fit', title: 'Every pod finds a place on these nodes' },
];

const opening: readonly Event[] = [
  { type: 'run.started', command: 'install', version: '0.1.0', sandbox: true },
  { type: 'fact.found', fact: 'account', value: '123456789012 as arn:aws:iam::123456789012:user/admin' },
  { type: 'fact.found', fact: 'cluster', value: 'demo, Kubernetes 1.33, ap-northeast-2' },
  { type: 'fact.found', fact: 'nodes', value: '4 Linux, 1 of them GPU, 1 tainted, 2 Fargate' },
  { type: 'checks.started', at: 'preflight', checks },
  { type: 'check.finished', check: 'aws.credentials', title: 'AWS credentials last long enough', verdict: { is: 'pass' } },
  { type: 'check.finished', check: 'cluster.active', title: 'The cluster is active', verdict: { is: 'pass', detail: 'ACTIVE' } },
  { type: 'check.finished', check: 'kube.rbac', title: 'You may create what is needed in Kubernetes', verdict: { is: 'pass' } },
  {
    type: 'check.finished',
    check: 'nodes.fit',
    title: 'Every pod finds a place on these nodes',
    verdict: {
      is: 'warn',
      problem: { code: 'NODES_TIGHT', message: 'After the install, 0.3 cores are left on the fullest node', fix: 'Add a node before the next upgrade.' },
    },
  },
  { type: 'plan.finished', changes: 5, steps },
  { type: 'steps.started', action: 'install', steps: steps.map(({ step, title }) => ({ id: step, title })) },
  { type: 'step.started', step: 'bucket.chunks' },
  { type: 'step.started', step: 'bucket.ruler' },
  { type: 'step.unchanged', step: 'namespaces' },
  { type: 'step.done', step: 'bucket.ruler' },
  { type: 'step.done', step: 'bucket.chunks' },
  { type: 'step.started', step: 'role' },
  { type: 'step.done', step: 'role' },
  { type: 'step.started', step: 'release.loki' },
  {
    type: 'step.said',
    step: 'release.loki',
    text: 'StatefulSet loki/loki-ingester: 1 of 3 ready; loki-ingester-2 Pending: 0/3 nodes are available: 3 Insufficient memory',
  },
];

export const installed: readonly Event[] = [
  ...opening,
  { type: 'step.done', step: 'release.loki' },
  { type: 'step.started', step: 'release.alloy' },
  { type: 'step.done', step: 'release.alloy' },
  {
    type: 'verify.finished',
    result: {
      found: true,
      counts: { linux: 2, tried: 2, found: 2, failed: 0, passedOver: 1, sampled: false },
      latency: { p50: 1.2, p95: 3.2, max: 3.2 },
      proofs: [{ proof: 'lines', title: 'Lines printed by pods come back', state: 'proved', detail: 'from 2 nodes' }],
      nodes: [
        { node: 'ip-10-0-1-11.ap-northeast-2.compute.internal', state: 'found', seconds: 1.2 },
        { node: 'ip-10-0-1-12.ap-northeast-2.compute.internal', state: 'found', seconds: 3.2, taints: ['nvidia.com/gpu=true:NoSchedule'] },
        { node: 'fargate-ip-10-0-1-13.ap-northeast-2.compute.internal', state: 'passed-over', why: 'it is Fargate, which runs no DaemonSets' },
      ],
      untried: [],
      problems: [],
      line: 'loki-eks verify 0f1e2d3c4b5a/0',
      seconds: 3.2,
      query: '{namespace="loki", pod="loki-eks-verify-0f1e2d3c-0"} |= "0f1e2d3c4b5a"',
      labels: { namespace: 'loki', job: 'loki/verify', cluster: 'demo' },
      tenant: 'demo',
      node: 'ip-10-0-1-11.ap-northeast-2.compute.internal',
    },
  },
  { type: 'note.given', text: "Password: kubectl -n loki get secret loki-gateway-login -o jsonpath='{.data.password}' | base64 -d" },
  { type: 'run.finished', command: 'install', outcome: 'ok', exit: 0, writes: 17, sandbox: true, seconds: 42 },
];

export const rolledBack: readonly Event[] = [
  ...opening,
  { type: 'step.failed', step: 'release.loki', problem: notReady },
  { type: 'undo.started', step: 'release.loki', did: 'install-release' },
  { type: 'undo.done', step: 'release.loki', did: 'install-release' },
  { type: 'undo.started', step: 'bucket.chunks', did: 'create-bucket' },
  {
    type: 'undo.failed',
    step: 'bucket.chunks',
    did: 'create-bucket',
    problem: { code: 'AWS_DENIED', message: 's3:DeleteBucket is denied', fix: 'aws s3 rb s3://loki-chunks-1a2b3c4d' },
  },
  {
    type: 'run.finished',
    command: 'install',
    outcome: 'left',
    exit: 5,
    writes: 9,
    problems: [notReady],
    left: [
      {
        step: 'bucket.chunks',
        receipt: { did: 'create-bucket' },
        problem: { code: 'AWS_DENIED', message: 's3:DeleteBucket is denied', fix: 'aws s3 rb s3://loki-chunks-1a2b3c4d' },
      },
    ],
    sandbox: true,
    seconds: 912,
  },
];

export const unhealthy: readonly Event[] = [
  { type: 'run.started', command: 'status', version: '0.1.0', sandbox: false },
  {
    type: 'status.finished',
    result: {
      cluster: 'demo',
      region: 'ap-northeast-2',
      namespace: 'loki',
      sandbox: false,
      components: [
        { name: 'gateway', kind: 'Deployment', ready: 1, wanted: 1, version: '1.29', state: 'ok' },
        {
          name: 'ingester',
          kind: 'StatefulSet',
          ready: 1,
          wanted: 3,
          version: '3.7.6',
          state: 'degraded',
          why: 'loki-ingester-2 Pending: 0/3 nodes are available: 3 Insufficient memory',
        },
        { name: 'alloy', kind: 'DaemonSet', ready: 0, wanted: 4, state: 'down', why: 'image can not be pulled' },
      ],
      releases: [
        { name: 'loki', namespace: 'loki', chart: 'loki', version: '18.11.0', pinned: '18.11.0', status: 'deployed', revision: 2 },
        { name: 'alloy', namespace: 'alloy', chart: 'alloy', version: '1.5.1', pinned: '1.11.1', status: 'failed', revision: 4 },
      ],
      nodes: { linux: 4, withCollector: 3, without: ['ip-10-0-1-12.ap-northeast-2.compute.internal'], fargate: 2, windows: 0 },
      drift: [{ step: 'role', title: 'IAM role of Loki', changes: ['update role loki-eks-1a2b3c4d: trust policy'] }],
      buckets: [{ use: 'chunks', name: 'loki-chunks-1a2b3c4d-123456789012-ap-northeast-2-an', objects: 1234, bytes: 5_872_025 }],
      healthy: false,
      notes: [],
    },
  },
  { type: 'run.finished', command: 'status', outcome: 'unhealthy', exit: 6, sandbox: false, seconds: 1.4 },
];
