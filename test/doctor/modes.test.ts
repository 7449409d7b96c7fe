/** Installations of other people: each mode of the charts, other names and labels, other collectors, and callers who may not look everywhere. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { rankFindings } from '../../src/commands/doctor/diagnose.ts';
import { doctorChecks } from '../../src/commands/doctor/analyze/index.ts';
import type { Evidence } from '../../src/commands/doctor/analyze/evidence.ts';
import { runChecks } from '../../src/engine/run-checks.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { running, surveyOf, type Fake } from './fake-cluster.ts';

async function codes(collected: Evidence): Promise<readonly string[]> {
  const toProblem = (error: unknown) => {
    throw error;
  };
  const results = await runChecks(doctorChecks, collected, { at: 'doctor', emit: () => {}, signal: new AbortController().signal, toProblem });
  return rankFindings(doctorChecks, results).map(({ problem, severity }) => `${severity} ${problem.code}`);
}

interface Part {
  readonly kind: string;
  readonly name: string;
  readonly component: string;
  readonly replicas?: number;
  readonly claim?: string;
  readonly labelled?: string;
  readonly image?: string;
}

/** As the charts of Grafana label it: the release in `instance`, whatever `name` says. */
function part(release: string, { kind, name, component, replicas, claim, labelled = 'loki', image = 'grafana/loki:3.5.7' }: Part): KubeObject {
  const labels = { 'app.kubernetes.io/name': labelled, 'app.kubernetes.io/instance': release, 'app.kubernetes.io/component': component };
  const configured = image.startsWith('grafana/loki:');
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: 'obs', labels },
    spec: {
      ...(replicas !== undefined && { replicas }),
      selector: { matchLabels: labels },
      ...(claim && { volumeClaimTemplates: [{ metadata: { name: claim } }] }),
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: release,
          containers: [
            {
              name: component,
              image,
              ...(configured && { args: ['-config.file=/etc/loki/config/config.yaml'], volumeMounts: [{ name: 'config', mountPath: '/etc/loki/config' }] }),
              ports: [{ name: 'http-metrics', containerPort: component === 'gateway' ? 8080 : 3100 }],
            },
          ],
          ...(configured && { volumes: [{ name: 'config', configMap: { name: release } }] }),
        },
      },
    },
  } as unknown as KubeObject;
}

const configMap = (name: string, key: string, text: string, namespace = 'obs'): KubeObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { [key]: text } }) as unknown as KubeObject;
const lokiConfig = (factor: number, more: object = {}) =>
  stringify({
    auth_enabled: false,
    common: { replication_factor: factor, storage: { s3: { endpoint: 'minio.obs.svc:9000', bucketnames: 'chunks' } } },
    schema_config: { configs: [{ from: '2024-04-01', store: 'tsdb', schema: 'v13', object_store: 's3' }] },
    ...more,
  });
const canary: Part = { kind: 'DaemonSet', name: 'canary', component: 'canary', image: 'grafana/loki-canary:3.5.7' };
const cache: Part = {
  kind: 'StatefulSet',
  name: 'chunks-cache',
  component: 'memcached-chunks-cache',
  labelled: 'memcached-chunks-cache',
  replicas: 1,
  image: 'memcached:1.6',
};
const nginx: Part = { kind: 'Deployment', name: 'lk-loki-gateway', component: 'gateway', replicas: 1, image: 'nginxinc/nginx-unprivileged:1.29' };
const gatewayService: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'lk-loki-gateway', namespace: 'obs' },
  spec: { type: 'ClusterIP', ports: [{ port: 80 }], selector: {} },
} as unknown as KubeObject;

/** Files and positions mounted, a filter by node, a stage for containerd. */
const PIPELINE = `discovery.kubernetes "pods" {
  role = "pod"
  selectors {
    role  = "pod"
    field = "spec.nodeName=" + sys.env("HOSTNAME")
  }
}
loki.source.file "pods" {
  targets    = discovery.kubernetes.pods.targets
  forward_to = [loki.process.pods.receiver]
}
loki.process "pods" {
  stage.cri {}
  forward_to = [loki.write.obs.receiver]
}
loki.write "obs" {
  endpoint {
    url = "http://lk-loki-gateway.obs.svc.cluster.local/loki/api/v1/push"
  }
}
`;
const NODE_NAME = [{ name: 'HOSTNAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }];
const HOST = {
  volumes: [
    { name: 'varlog', hostPath: { path: '/var/log' } },
    { name: 'kept', hostPath: { path: '/var/lib/kept' } },
  ],
  mounts: [
    { name: 'varlog', mountPath: '/var/log' },
    { name: 'kept', mountPath: '/run/kept' },
  ],
};

function collector(
  name: string,
  labels: Readonly<Record<string, string>>,
  of: { readonly args: readonly string[]; readonly config: object; readonly image: string; readonly at: string },
): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace: 'agents', labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: name,
          volumes: [...HOST.volumes, { name: 'config', ...of.config }],
          containers: [{ name, image: of.image, args: of.args, env: NODE_NAME, volumeMounts: [...HOST.mounts, { name: 'config', mountPath: of.at }] }],
        },
      },
    },
  } as unknown as KubeObject;
}

const alloy = (name: string, labels: Readonly<Record<string, string>> = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': `mon-${name}` }) => [
  collector(name, labels, {
    args: ['run', '/etc/alloy/config.alloy', '--storage.path=/run/kept/alloy'],
    config: { configMap: { name } },
    image: 'grafana/alloy:v1.11.3',
    at: '/etc/alloy',
  }),
  configMap(name, 'config.alloy', PIPELINE, 'agents'),
];

const PROMTAIL = stringify({
  positions: { filename: '/run/kept/positions.yaml' },
  clients: [{ url: 'http://lk-loki-gateway.obs.svc.cluster.local/loki/api/v1/push' }],
  scrape_configs: [{ job_name: 'kubernetes-pods', pipeline_stages: [{ cri: {} }], kubernetes_sd_configs: [{ role: 'pod' }] }],
});
const promtail = () => [
  collector(
    'promtail',
    { 'app.kubernetes.io/name': 'promtail', 'app.kubernetes.io/instance': 'promtail' },
    {
      args: ['-config.file=/etc/promtail/promtail.yaml'],
      config: { secret: { secretName: 'promtail' } },
      image: 'docker.io/grafana/promtail:3.5.1',
      at: '/etc/promtail',
    },
  ),
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'promtail', namespace: 'agents' },
    data: { 'promtail.yaml': Buffer.from(PROMTAIL).toString('base64') },
  } as unknown as KubeObject,
];

const newest = `${Date.parse('2026-01-07T00:09:55Z')}000000`;
const answer: Fake['answer'] = (path) => {
  if (path.includes('/query?')) return { status: 200, body: JSON.stringify({ data: { result: [{ value: [0, '2'] }] } }) };
  if (path.includes('query_range'))
    return { status: 200, body: JSON.stringify({ data: { result: [{ stream: { namespace: 'shop' }, values: [[newest, 'hello']] }] } }) };
  return { status: 200, body: JSON.stringify({ data: ['namespace', 'pod'] }) };
};
const account = (name: string, namespace = 'obs'): KubeObject => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }) as KubeObject;

const scalable = (more: readonly KubeObject[] = alloy('alloy')): Fake => ({
  answer,
  objects: running([
    part('lk', { kind: 'StatefulSet', name: 'loki-write', component: 'write', replicas: 3, claim: 'data' }),
    part('lk', { kind: 'Deployment', name: 'loki-read', component: 'read', replicas: 3 }),
    part('lk', { kind: 'StatefulSet', name: 'loki-backend', component: 'backend', replicas: 3, claim: 'data' }),
    ...[canary, cache, nginx].map((one) => part('lk', one)),
    configMap('lk', 'config.yaml', lokiConfig(3)),
    gatewayService,
    account('lk'),
    ...more,
  ]),
});
const binary: Fake = {
  answer,
  objects: running([
    part('lk', { kind: 'StatefulSet', name: 'lk-loki', component: 'single-binary', replicas: 1, claim: 'storage' }),
    ...[canary, cache, nginx].map((one) => part('lk', one)),
    configMap(
      'lk',
      'config.yaml',
      lokiConfig(1, { schema_config: { configs: [{ from: '2024-04-01', store: 'tsdb', schema: 'v13', object_store: 'filesystem' }] } }),
    ),
    gatewayService,
    ...alloy('alloy'),
  ]),
};

describe('a healthy installation of somebody else has no finding', () => {
  it('SimpleScalable, of another release name and in other namespaces', async () => {
    const collected = await surveyOf(scalable());
    expect(collected.loki?.workloads.map(({ name, component }) => `${name} ${component}`).toSorted()).toEqual([
      'canary canary',
      'chunks-cache memcached-chunks-cache',
      'lk-loki-gateway gateway',
      'loki-backend backend',
      'loki-read read',
      'loki-write write',
    ]);
    expect(collected.loki).toMatchObject({ namespace: 'obs', otherStore: 'minio.obs.svc:9000', configFrom: 'ConfigMap obs/lk, config.yaml' });
    expect(collected.ours).toBe(false);
    expect(await codes(collected)).toEqual([]);
  });

  it('one single binary, with a file system', async () => {
    expect(await codes(await surveyOf(binary))).toEqual([]);
  });

  it('collectors of k8s-monitoring, and Alloy for metrics beside them', async () => {
    const metrics = [
      collector(
        'alloy-metrics',
        { 'app.kubernetes.io/name': 'alloy' },
        { args: ['run', '/etc/alloy/config.alloy'], config: { configMap: { name: 'alloy-metrics' } }, image: 'grafana/alloy:v1.11.3', at: '/etc/alloy' },
      ),
      configMap('alloy-metrics', 'config.alloy', 'prometheus.scrape "x" {\n  targets = []\n}\n', 'agents'),
    ];
    const collected = await surveyOf(scalable([...alloy('alloy-logs'), ...metrics]));
    expect(collected.collectors.map(({ software, workload }) => `${software} ${workload.name}`)).toEqual(['alloy alloy-logs']);
    expect(await codes(collected)).toEqual([]);
  });

  it('Promtail in place of Alloy', async () => {
    const collected = await surveyOf(scalable(promtail()));
    expect(collected.collectors).toMatchObject([
      { software: 'promtail', configFrom: 'Secret agents/promtail, promtail.yaml', writers: [{ component: 'clients[0]', ours: true }] },
    ]);
    expect(await codes(collected)).toEqual([]);
  });
});

describe('what is wrong there is found as well', () => {
  it('Promtail without /var/log', async () => {
    const objects = promtail().map((one) => JSON.parse(JSON.stringify(one).replaceAll('"/var/log"', '"/var/other"')) as KubeObject);
    expect(await codes(await surveyOf(scalable(objects)))).toEqual(['fail ALLOY_NO_VARLOG']);
  });

  it('two collectors, of which one is elsewhere', async () => {
    const objects = [...alloy('alloy').map((one) => ({ ...one, metadata: { ...one.metadata, namespace: 'alloy' } })), ...promtail()];
    expect(await codes(await surveyOf(scalable(objects)))).toEqual(['warn DUPLICATE_COLLECTORS']);
  });

  it('no collector at all, and one that is not judged', async () => {
    expect(await codes(await surveyOf(scalable([])))).toContain('fail COLLECTOR_NOT_FOUND');
    const bit = collector('fluent-bit', { 'app.kubernetes.io/name': 'fluent-bit' }, { args: [], config: {}, image: 'fluent/fluent-bit:3', at: '/etc' });
    const collected = await surveyOf(scalable([bit]));
    expect(await codes(collected)).not.toContain('fail COLLECTOR_NOT_FOUND');
    expect(collected.notCollected).toContainEqual({ what: 'DaemonSet agents/fluent-bit', why: 'only Alloy and Promtail are supported' });
  });

  it('a Loki of the chart loki-stack, without labels of today', async () => {
    const labels = { app: 'loki', release: 'loki-stack' };
    const old = part('loki-stack', { kind: 'StatefulSet', name: 'loki-stack', component: '', replicas: 1 });
    const spec = old['spec'] as { template: object };
    const stack = {
      ...old,
      metadata: { ...old.metadata, labels },
      spec: { ...spec, selector: { matchLabels: labels }, template: { ...spec.template, metadata: { labels } } },
    } as unknown as KubeObject;
    const collected = await surveyOf({ answer, objects: running([stack, configMap('loki-stack', 'config.yaml', lokiConfig(1)), ...promtail()]) });
    expect(collected.loki).toMatchObject({ workloads: [{ component: 'single-binary' }], pods: [{ name: 'loki-stack-0' }] });
    expect(collected.loki?.gateway).toBeUndefined();
  });
});

describe('a caller who may look into two namespaces only', () => {
  const confined = ['Deployment', 'StatefulSet', 'DaemonSet', 'Pod', 'Node', 'ConfigMap', 'Secret', 'Event', 'StorageClass'];

  it('is told of what lies there, and what was not looked at', async () => {
    const collected = await surveyOf({ ...scalable(), confined }, { namespace: 'obs', collectorNamespace: 'agents' });
    expect(collected.loki?.namespace).toBe('obs');
    expect(collected.collectors).toHaveLength(1);
    expect(await codes(collected)).toEqual([]);
    const notCollected = collected.notCollected.map(({ what }) => what);
    for (const what of ['nodes', 'StorageClasses', 'pods of all namespaces', 'node events', 'DaemonSets of all namespaces'])
      expect(notCollected).toContain(what);
  });

  it('finds no Loki in another namespace, and hears why', async () => {
    const collected = await surveyOf({ ...scalable(), confined }, { namespace: 'loki', collectorNamespace: 'agents' });
    expect(collected.loki).toBeUndefined();
    expect(collected.notCollected.map(({ what }) => what)).toContain('Deployments, StatefulSets and DaemonSets outside namespace loki');
  });
});

describe('a big cluster', () => {
  it('is sampled: calls do not grow with it, and what was left out is said', async () => {
    const nodes = Array.from({ length: 400 }, (_, index) => `node-${index}`);
    const few = await surveyOf(scalable());
    const many = await surveyOf({
      answer,
      objects: running(
        scalable().objects.filter(({ kind }) => !['Pod', 'Node'].includes(kind)),
        nodes,
      ),
    });
    expect(many.collectors[0]?.pods).toHaveLength(400);
    expect(many.calls.length - few.calls.length).toBeLessThan(20);
    expect(many.notCollected).toContainEqual({ what: '390 of 400 collector pods', why: 'logs and metrics are sampled from 10' });
  });
});
