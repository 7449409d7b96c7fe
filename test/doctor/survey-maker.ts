/** A survey of a healthy log path, of which single parts can be put differently. */
import { readAlloy } from '../../src/design/alloy-reading.ts';
import type { CollectorEvidence } from '../../src/commands/doctor/analyze/collectors-evidence.ts';
import type { LokiEvidence } from '../../src/commands/doctor/analyze/loki-evidence.ts';
import type { PodEvidence, Workload } from '../../src/commands/doctor/analyze/objects-evidence.ts';
import type { Evidence } from '../../src/commands/doctor/analyze/evidence.ts';

export function pod(name: string, component: string, put: Partial<PodEvidence> = {}): PodEvidence {
  return {
    namespace: 'loki',
    name,
    component,
    node: 'node-a',
    ready: true,
    ending: false,
    labels: { 'app.kubernetes.io/component': component },
    spec: { containers: [{ name: 'loki', image: 'grafana/loki:3.7.6' }] },
    containers: [{ name: 'loki', restarts: 0 }],
    lines: [],
    ...put,
  };
}

export function workload(name: string, component: string, put: Partial<Workload> = {}): Workload {
  return { kind: 'Deployment', namespace: 'loki', name, component, wanted: 1, ready: 1, template: { containers: [] }, claims: [], selector: {}, ...put };
}

export const bucket = (name: string) =>
  ({
    use: 'chunks',
    name,
    region: 'eu-west-1',
    denied: [],
    deniedKey: [],
    look: { is: 'ours-to-read', name, region: 'eu-west-1', tags: {}, publicAccessBlocked: true, lifecycle: [], versioning: 'off', objectLock: false },
  }) as const;

export function lokiSeen(put: Partial<LokiEvidence> = {}): LokiEvidence {
  return {
    namespace: 'loki',
    workloads: [workload('loki-ingester', 'ingester', { kind: 'StatefulSet', wanted: 3, ready: 3, claims: ['data'] }), workload('loki-gateway', 'gateway')],
    pods: [pod('loki-ingester-0', 'ingester'), pod('loki-gateway-0', 'gateway')],
    claims: [],
    events: [],
    configFrom: 'ConfigMap loki/loki, config.yaml',
    config: { auth_enabled: true, schema_config: { configs: [{ store: 'tsdb', schema: 'v13', object_store: 's3' }] }, common: { replication_factor: 3 } },
    account: { name: 'loki', exists: true },
    buckets: [bucket('chunks')],
    counters: { received: 100, discarded: [], flushFailures: 0 },
    ring: { active: 3, states: [] },
    gateway: { workload: workload('loki-gateway', 'gateway'), configFrom: 'ConfigMap loki/loki-gateway, nginx.conf', asksLogin: true },
    ...put,
  };
}

export function collectorSeen(put: Partial<CollectorEvidence> = {}): CollectorEvidence {
  const volumes = [
    { name: 'varlog', hostPath: { path: '/var/log' } },
    { name: 'positions', hostPath: { path: '/var/lib/alloy' } },
  ];
  const volumeMounts = [
    { name: 'varlog', mountPath: '/var/log' },
    { name: 'positions', mountPath: '/var/lib/alloy' },
  ];
  const containers = [{ name: 'alloy', args: ['run', '/etc/alloy/config.alloy', '--storage.path=/var/lib/alloy'], volumeMounts }];
  const text =
    'loki.source.file "a" {\n forward_to = [loki.process.a.receiver]\n}\nloki.process "a" {\n stage.cri {}\n forward_to = [loki.write.a.receiver]\n}\nloki.write "a" {\n endpoint { }\n}\n';
  return {
    software: 'alloy',
    events: [],
    stuck: [],
    workload: workload('alloy', '', { kind: 'DaemonSet', namespace: 'alloy', template: { containers, volumes } }),
    configFrom: 'ConfigMap alloy/alloy, config.alloy',
    text,
    blocks: readAlloy(text),
    writers: [
      {
        component: 'loki.write "a"',
        line: 8,
        url: 'http://loki-gateway.loki/loki/api/v1/push',
        hasLogin: true,
        tenant: { is: 'fixed', name: 'foo' },
        ours: true,
      },
    ],
    pods: [pod('alloy-a', '', { namespace: 'alloy' })],
    counters: [{ pod: 'alloy-a', node: 'node-a', activeFiles: 4, readLines: 9, sentEntries: 9, droppedEntries: 0, pushes: {} }],
    pushing: [],
    ...put,
  };
}

/** What lets EKS hand a role out to pods. */
const POD_IDENTITY = { Statement: [{ Effect: 'Allow', Principal: { Service: 'pods.eks.amazonaws.com' }, Action: ['sts:AssumeRole', 'sts:TagSession'] }] };

export function surveySeen(put: Partial<Evidence> = {}): Evidence {
  return {
    cluster: { name: 'demo', region: 'eu-west-1', partition: 'aws', clusterDns: true },
    ours: true,
    nodes: [],
    loki: lokiSeen({
      account: { name: 'loki', exists: true, association: 'arn:aws:iam::1:role/loki', agent: true, role: { is: 'found', trust: POD_IDENTITY } },
    }),
    collectors: [collectorSeen()],
    datasources: [],
    nodeEvents: [],
    policies: [],
    namespaces: new Map(),
    dashboards: [],
    services: new Map(),
    reading: {
      as: 'the collector',
      status: 200,
      body: '',
      labels: ['namespace'],
      query: '{namespace=~".+"}',
      asked: new Date(1_000_000),
      newest: { line: 'x', time: new Date(999_000), labels: {} },
    },
    notCollected: [],
    ...put,
  };
}
