/** One answer that makes no sense is not checked, and the rest goes on: every answer of a survey, spoilt in every way. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { rankFindings, sheltered } from '../../src/commands/doctor/diagnose.ts';
import { collectErrors, type NotCollected } from '../../src/commands/doctor/collect/objects.ts';
import { doctorChecks } from '../../src/commands/doctor/analyze/index.ts';
import { runChecks } from '../../src/engine/run-checks.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { running, surveyOf, type Fake } from './fake-cluster.ts';

type Loose = Record<string, unknown>;
const object = (of: Loose): KubeObject => of as unknown as KubeObject;
const NAME = { 'app.kubernetes.io/name': 'loki', 'app.kubernetes.io/instance': 'loki' };

const part = (component: string, kind = 'Deployment', put: Loose = {}): KubeObject => {
  const labels = { ...NAME, 'app.kubernetes.io/component': component };
  const gateway = component === 'gateway';
  return object({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: `loki-${component}`, namespace: 'loki', labels },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      ...(kind === 'StatefulSet' && { volumeClaimTemplates: [{ metadata: { name: 'data' } }] }),
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: 'loki',
          containers: [
            {
              name: gateway ? 'nginx' : component,
              image: gateway ? 'nginx:1.29' : 'grafana/loki:3.7.6',
              args: gateway ? [] : ['-config.file=/etc/loki/config/config.yaml', `-target=${component}`],
              ports: [{ name: 'http-metrics', containerPort: gateway ? 8080 : 3100 }],
              resources: { limits: { memory: '1Gi' } },
              volumeMounts: [
                gateway ? { name: 'config', mountPath: '/etc/nginx' } : { name: 'config', mountPath: '/etc/loki/config' },
                { name: 'auth', mountPath: '/etc/nginx/secrets' },
              ],
            },
          ],
          volumes: [
            { name: 'config', configMap: { name: gateway ? 'loki-gateway' : 'loki' } },
            { name: 'auth', secret: { secretName: 'loki-htpasswd' } },
            { name: 'data', persistentVolumeClaim: { claimName: 'data-loki-ingester-0' } },
          ],
        },
      },
      ...put,
    },
  });
};
const plain = (
  kind: string,
  name: string,
  put: Loose,
  of: { readonly namespace?: string; readonly labels?: Loose; readonly apiVersion?: string } = {},
): KubeObject =>
  object({ apiVersion: of.apiVersion ?? 'v1', kind, metadata: { name, namespace: of.namespace ?? 'loki', ...(of.labels && { labels: of.labels }) }, ...put });

const NGINX = `http { resolver kube-dns.kube-system.svc.cluster.local.;
 server {
  auth_basic "Loki";
  auth_basic_user_file /etc/nginx/secrets/.htpasswd;
  location = /loki/api/v1/push { set $backend "http://loki-distributor.loki.svc.cluster.local:3100"; proxy_pass $backend$request_uri; } } }`;
const PIPELINE = `discovery.kubernetes "pods" {
  role = "pod"
}
loki.source.file "pods" {
  targets    = discovery.kubernetes.pods.targets
  forward_to = [loki.process.pods.receiver]
}
loki.process "pods" {
  stage.cri {}
  forward_to = [loki.write.gateway.receiver]
}
loki.write "gateway" {
  endpoint {
    url       = "http://loki-gateway.loki.svc.cluster.local/loki/api/v1/push"
    tenant_id = "dev"
    basic_auth {
      username      = "loki"
      password_file = "/etc/login/password"
    }
  }
}
`;
const config = {
  auth_enabled: true,
  common: { replication_factor: 3, storage: { s3: { region: 'eu-west-1', bucketnames: 'chunks' } } },
  schema_config: { configs: [{ from: '2024-04-01', store: 'tsdb', schema: 'v13', object_store: 's3' }] },
  limits_config: { retention_period: '28d' },
  compactor: { retention_enabled: true, delete_request_store: 's3' },
  memberlist: { join_members: ['loki-memberlist'] },
};
const alloyLabels = { 'app.kubernetes.io/name': 'alloy', 'app.kubernetes.io/instance': 'alloy' };
const base: readonly KubeObject[] = running([
  part('distributor'),
  part('ingester', 'StatefulSet'),
  part('querier'),
  part('gateway'),
  object({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'alloy', namespace: 'alloy', labels: alloyLabels },
    spec: {
      selector: { matchLabels: alloyLabels },
      template: {
        metadata: { labels: alloyLabels },
        spec: {
          serviceAccountName: 'alloy',
          tolerations: [{ operator: 'Exists' }],
          containers: [
            {
              name: 'alloy',
              image: 'grafana/alloy:v1.18.1',
              args: ['run', '/etc/alloy/config.alloy', '--storage.path=/var/lib/alloy'],
              env: [{ name: 'HOSTNAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
              ports: [{ name: 'http-metrics', containerPort: 12345 }],
              volumeMounts: [
                { name: 'config', mountPath: '/etc/alloy' },
                { name: 'varlog', mountPath: '/var/log' },
                { name: 'login', mountPath: '/etc/login' },
              ],
            },
          ],
          volumes: [
            { name: 'config', configMap: { name: 'alloy' } },
            { name: 'varlog', hostPath: { path: '/var/log' } },
            { name: 'login', secret: { secretName: 'login' } },
          ],
        },
      },
    },
  }),
  plain('ConfigMap', 'loki', { data: { 'config.yaml': stringify(config) } }),
  plain('ConfigMap', 'loki-gateway', { data: { 'nginx.conf': NGINX } }),
  plain('ConfigMap', 'alloy', { data: { 'config.alloy': PIPELINE } }, { namespace: 'alloy' }),
  plain('Secret', 'loki-htpasswd', { data: { '.htpasswd': Buffer.from('loki:$2y$05$abcdefghijklmnopqrstuu').toString('base64') } }),
  plain('Secret', 'login', { data: { password: Buffer.from('secret-of-the-test').toString('base64') } }, { namespace: 'alloy' }),
  plain('ServiceAccount', 'loki', {
    metadata: { name: 'loki', namespace: 'loki', annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/loki' } },
  }),
  plain('Service', 'loki-gateway', {
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], selector: { a: 'b' } },
    status: { loadBalancer: { ingress: [{ hostname: 'x' }] } },
  }),
  plain('Service', 'kube-dns', { spec: {} }, { namespace: 'kube-system' }),
  plain('Namespace', 'loki', {}, { labels: { team: 'a' } }),
  plain('StorageClass', 'gp3', {}, { apiVersion: 'storage.k8s.io/v1' }),
  plain('PersistentVolumeClaim', 'data-loki-ingester-0', { spec: { storageClassName: 'gp3' }, status: { phase: 'Pending' } }, { labels: NAME }),
  plain('Event', 'one', {
    type: 'Warning',
    reason: 'FailedMount',
    message: 'MountVolume',
    involvedObject: { kind: 'Pod', namespace: 'loki', name: 'loki-ingester-0' },
  }),
  plain(
    'NetworkPolicy',
    'deny',
    { spec: { podSelector: { matchLabels: { a: 'b' } }, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }] } },
    { apiVersion: 'networking.k8s.io/v1' },
  ),
  plain(
    'ConfigMap',
    'source',
    {
      data: {
        'loki.yaml': stringify({
          datasources: [
            {
              name: 'Loki',
              type: 'loki',
              url: 'http://loki-gateway.loki',
              basicAuth: true,
              basicAuthUser: 'loki',
              jsonData: { httpHeaderName1: 'X-Scope-OrgID' },
              secureJsonData: { httpHeaderValue1: 'dev', basicAuthPassword: 'secret-of-the-test' },
            },
          ],
        }),
      },
    },
    { namespace: 'monitoring', labels: { grafana_datasource: '1' } },
  ),
  plain(
    'ConfigMap',
    'board',
    {
      data: {
        'pods.json': JSON.stringify({
          title: 'Pods',
          panels: [{ datasource: { type: 'loki', uid: 'x' }, targets: [{ expr: '{namespace="a"}' }] }],
          templating: { list: [{ name: 'n', type: 'datasource', query: 'loki' }] },
        }),
      },
    },
    { namespace: 'monitoring', labels: { grafana_dashboard: '1' } },
  ),
]);

const METRICS = [
  'loki_distributor_lines_received_total{tenant="dev"} 10',
  'loki_write_sent_entries_total{host="loki-gateway.loki.svc.cluster.local",tenant="dev"} 4',
  'loki_write_request_duration_seconds_count{host="loki-gateway.loki.svc.cluster.local",status_code="204"} 4',
  'loki_source_file_files_active_total 3',
  '',
].join('\n');
const pods = base.filter(({ kind }) => kind === 'Pod').map(({ metadata }) => metadata.name);
const ok = (data: unknown) => ({ status: 200, body: JSON.stringify({ status: 'success', data }) });
const answer: NonNullable<Fake['answer']> = (path) => {
  if (path.includes('query_range'))
    return ok({ resultType: 'streams', result: [{ stream: { namespace: 'a', pod: 'b' }, values: [['1767744590000000000', 'x']] }] });
  if (path.includes('/label/')) return ok(['a']);
  return path.includes('/query?') ? ok({ resultType: 'vector', result: [] }) : ok(['namespace', 'pod']);
};
const whole: Fake = {
  objects: base,
  metrics: Object.fromEntries(pods.map((name) => [name, METRICS])),
  lines: Object.fromEntries(pods.map((name) => [name, ['level=warn ts=2026-01-07T00:09:00Z msg="something"']])),
  ring: {
    status: 200,
    body: JSON.stringify({
      shards: [
        { id: 'loki-ingester-0', state: 'ACTIVE' },
        { id: 'loki-ingester-1', state: 'ACTIVE' },
      ],
    }),
  },
  answer,
};

/** As `doctor` does it; a stumble is what `doctor` must never do. */
async function looked(fake: Fake) {
  const seen = await surveyOf(fake);
  const unjudged: NotCollected[] = [];
  const toProblem = (error: unknown) => {
    throw error;
  };
  const results = await runChecks(sheltered(doctorChecks, collectErrors(unjudged)), seen, {
    at: 'doctor',
    emit: () => {},
    signal: new AbortController().signal,
    toProblem,
  });
  return { seen, codes: rankFindings(doctorChecks, results).map(({ problem }) => problem.code), notCollected: [...seen.notCollected, ...unjudged] };
}

/** Every place in a document, as a path. */
function* placesIn(value: unknown, path: readonly (string | number)[] = []): Generator<readonly (string | number)[]> {
  if (path.length > 0) yield path;
  if (Array.isArray(value)) for (const [at, one] of value.slice(0, 2).entries()) yield* placesIn(one, [...path, at]);
  else if (typeof value === 'object' && value !== null) for (const [key, one] of Object.entries(value)) yield* placesIn(one, [...path, key]);
}
function put(value: unknown, path: readonly (string | number)[], change: unknown): unknown {
  const copy = structuredClone(value) as Loose;
  const last = path.at(-1)!;
  const inner = path.slice(0, -1).reduce<Loose>((at, key) => at[key] as Loose, copy);
  if (change === undefined) delete inner[last];
  else inner[last] = change;
  return copy;
}
const SPOILT = [undefined, null, 7, 'text', [], {}, [null]] as const;

/** Of objects that are alike one is enough. */
const kinds = base
  .filter(({ kind, metadata: { name } }) => !/^(Pod|Node)$/.test(kind) || /-a$|ingester-1|gateway-1|alloy-1/.test(name))
  .filter(({ metadata: { name } }) => name !== 'loki-querier');

describe('what a whole installation answers', () => {
  it('makes sense', async () => {
    const { seen, notCollected } = await looked(whole);
    expect(notCollected).toEqual([]);
    expect(seen).toMatchObject({ loki: { ring: { active: 2 }, gateway: { asksLogin: true } }, reading: { status: 200, newest: { line: 'x' } } });
    expect(seen.dashboards).toHaveLength(1);
    expect(seen.datasources).toHaveLength(1);
  });
});

describe('one object of the cluster, one field of it spoilt', () => {
  it.each(kinds.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const))('%s', { timeout: 60_000 }, async (_, one) => {
    let tried = 0;
    for (const path of placesIn(one))
      // In turn: of each place two, and of all places all.
      for (const change of [SPOILT[tried % SPOILT.length], SPOILT[(tried + 3) % SPOILT.length]]) {
        tried += 1;
        // Without these nobody finds it at all.
        if (['kind', 'apiVersion'].includes(String(path[0])) || path.join('.') === 'metadata' || path.join('.') === 'metadata.name') continue;
        const objects = base.map((other) => (other === one ? (put(one, path, change) as KubeObject) : other));
        const { codes } = await looked({ ...whole, objects }).catch((error: unknown) => {
          throw new Error(`${path.join('.')} = ${JSON.stringify(change)}`, { cause: error });
        });
        expect(codes, `${path.join('.')} = ${JSON.stringify(change)}`).not.toContain('LOKI_NOT_FOUND');
      }
    expect(tried).toBeGreaterThan(0);
  });
});

const BODIES: readonly (readonly [string, string])[] = [
  ['a page', '<!doctype html><html><body>Sign in</body></html>'],
  ['nothing', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['a number', '42'],
  ['a word', '"ok"'],
  ['other JSON', '{"ok":true}'],
  ['JSON cut short', '{"status":"success","data":{"resu'],
  ['null within', '{"status":"success","data":null,"shards":null}'],
  ['words for lists', '{"status":"success","data":"x","shards":"x"}'],
  [
    'nulls in lists',
    '{"status":"success","data":{"result":[null,{"stream":null,"values":null},{"values":[null,[],[1,2],["x","y"]]}]},"shards":[null,7,{"id":null}]}',
  ],
  ['lists of numbers', '{"status":"success","data":[1,null,{}]}'],
  ['bytes', Buffer.from([0, 255, 254, 7, 10]).toString('latin1')],
];
const STATUSES = [200, 204, 302, 404, 500, 502];

describe('answers of what runs in pods', () => {
  const asked = [/query_range/, /\/labels/, /\/label\//, /\/query\?/];
  it.each(BODIES)('%s, from Loki', async (_, body) => {
    for (const status of STATUSES) {
      for (const pattern of asked) await looked({ ...whole, answer: (path, as) => (pattern.test(path) ? { status, body } : answer(path, as)) });
      await looked({ ...whole, answer: () => ({ status, body }) });
    }
  });
  it.each(BODIES)('%s, as the ring', async (_, body) => {
    for (const status of STATUSES) await looked({ ...whole, ring: { status, body } });
  });
  it.each(BODIES)('%s, as counters, of one pod or of all', async (_, body) => {
    for (const name of [pods[0]!, pods.at(-1)!]) await looked({ ...whole, metrics: { ...whole.metrics, [name]: body } });
    await looked({ ...whole, metrics: Object.fromEntries(pods.map((name) => [name, body])) });
  });
  it.each(BODIES)('%s, as lines', async (_, body) => {
    await looked({ ...whole, lines: Object.fromEntries(pods.map((name) => [name, body.split('\n')])) });
  });

  it('a page in the place of an answer to a query is named, with its beginning', async () => {
    const { codes, seen } = await looked({ ...whole, answer: () => ({ status: 200, body: BODIES[0]![1] }) });
    expect(codes).toContain('QUERY_FAILS');
    expect(seen.reading?.unread).toContain('a web page: <!doctype html>');
  });
  it('a page in the place of a ring or of counters is not checked', async () => {
    const { notCollected } = await looked({
      ...whole,
      ring: { status: 200, body: BODIES[0]![1] },
      metrics: { ...whole.metrics, 'loki-distributor-0': BODIES[0]![1] },
    });
    expect(notCollected.map(({ what, why }) => `${what}: ${why}`).join('\n')).toMatch(
      /Loki's ring: .*a web page[\s\S]*metrics of pod loki-distributor-0: .*a web page/,
    );
  });
});
