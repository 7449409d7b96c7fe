/** Reported failures between AWS and Loki's own pods. */
import { changeLoki, part, set, templateOf } from '../../src/sandbox/faults/fault-api.ts';
import type { Doc } from '../../src/sandbox/kube/document.ts';
import { type Case, crash, lines } from './case.ts';

const flush = (why: string): string =>
  `level=error ts={time} caller=flush.go:152 component=ingester org_id=fake msg="failed to flush" err="failed to flush chunks: store put chunk: ${why}"`;
const nodeRole = 'arn:aws:sts::111122223333:assumed-role/general-node-role/i-0f00ba2';
const lokiValues = (more: string): string => `deploymentMode: Distributed\nloki:\n  storage:\n    type: s3\n${more}`;

/** Pods of another product that carry the same component label. */
const mimir = (replicas: number) => {
  const labels = { 'app.kubernetes.io/name': 'mimir', 'app.kubernetes.io/component': 'gateway' };
  const affinity = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: { 'app.kubernetes.io/component': 'gateway' } }, topologyKey: 'kubernetes.io/hostname' },
      ],
    },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'mimir-gateway', namespace: 'loki', labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { affinity, containers: [{ name: 'nginx', image: 'docker.io/nginxinc/nginx-unprivileged:1.27' }] } },
    },
  };
};

const identity: readonly Case[] = [
  {
    id: 'aws-identity-01',
    class: 'irsa-trust',
    hop: 'aws-identity',
    breaks: ['irsa-trust'],
    evidence: {
      logs: [
        lines(
          'compactor',
          'level=error ts={time} caller=main.go:73 msg="error running loki" err="init compactor: failed to init delete store: operation error S3: DeleteObject, get identity: get credentials: failed to refresh cached credentials, operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"',
        ),
      ],
    },
    says: /system:serviceaccount:/,
  },
  {
    id: 'aws-identity-02',
    class: 'irsa-trust',
    hop: 'aws-identity',
    breaks: ['irsa-trust'],
    evidence: { logs: [lines('ingester', flush(`AccessDenied: User: ${nodeRole} is not authorized to perform: sts:AssumeRole`))] },
  },
  { id: 'aws-identity-03', class: 'oidc-provider', hop: 'aws-identity', breaks: ['oidc-provider'] },
  { id: 'aws-identity-06', class: 'sts-unreachable', hop: 'aws-identity', breaks: ['sts-unreachable'] },
  { id: 'aws-identity-07', class: 's3-endpoint-irsa', hop: 'aws-identity', breaks: ['s3-endpoint-irsa'] },
  {
    id: 'aws-identity-08',
    class: 'node-role-imds',
    hop: 'aws-identity',
    breaks: ['node-role-imds'],
    evidence: { logs: [lines('ingester', flush(`AccessDenied: User: ${nodeRole} is not authorized to perform: kms:GenerateDataKey on this resource`))] },
  },
  { id: 'aws-identity-09', class: 'node-role-imds', hop: 'aws-identity', breaks: ['node-role-imds'] },
  {
    id: 'aws-identity-12',
    class: 'irsa-annotation',
    hop: 'aws-identity',
    act: (api) => {
      // An association that came after the pods: they were never given its credentials.
      const { state } = api.place.account;
      const role = [...state.iam.roles.values()].find(({ trust }) => trust.text.includes('system:serviceaccount:loki:loki'));
      api.change({ kind: 'ServiceAccount', namespace: 'loki', name: 'loki' }, ({ metadata }) => void delete metadata.annotations['eks.amazonaws.com/role-arn']);
      api.rollOut({ component: 'loki' });
      for (const cluster of state.eks.clusters.values())
        api.place.clock.after(
          120_000,
          () => void cluster.associations.set('late', { id: 'late', namespace: 'loki', serviceAccount: 'loki', roleArn: role?.arn ?? '', tags: {} } as never),
        );
    },
  },
];

const s3: readonly Case[] = [
  {
    id: 's3-01',
    class: 's3-region',
    hop: 's3',
    breaks: ['s3-region'],
    evidence: {
      logs: [
        lines(
          'ruler',
          `level=error ts={time} caller=ruler.go:497 msg="unable to list rules" err="BucketRegionError: incorrect region, the bucket is not in 'eu-west-1' region"`,
        ),
      ],
    },
  },
  {
    id: 's3-02',
    class: 's3-policy',
    hop: 's3',
    breaks: ['s3-policy'],
    evidence: {
      logs: [
        lines(
          'index-gateway',
          'level=error ts={time} caller=table_manager.go:218 msg="error syncing tables" err="AccessDenied: Access Denied status code: 403"',
        ),
      ],
    },
    says: /s3:ListBucket/,
  },
  {
    id: 's3-05',
    class: 'retention',
    hop: 's3',
    act: (api) =>
      changeLoki(api, (config) => {
        set(config, 'limits_config.retention_period', '672h');
        set(config, 'compactor.retention_enabled', undefined);
      }),
  },
  { id: 's3-06', class: 's3-region', hop: 's3', quiet: 'prevented', region: 'us-east-1' },
  {
    id: 's3-08',
    class: 's3-egress',
    hop: 's3',
    act: (api) => api.inject({ network: [{ component: 'ingester', pod: 'loki-ingester-1', to: '*.s3.*', error: 'net/http: TLS handshake timeout' }] }),
  },
  { id: 's3-09', class: 'ruler-layout', hop: 's3', breaks: ['ruler-layout'] },
  {
    id: 's3-11',
    class: 'bucket-name',
    hop: 's3',
    breaks: ['bucket-name'],
    evidence: { logs: [lines('ingester', flush('SerializationError: failed to unmarshal error message status code: 404, 3c 21 44 4f 43 54 59 50 45'))] },
    says: /loki-con\/loki-chunks/,
  },
];

const scheduling: readonly Case[] = [
  { id: 'scheduling-01', class: 'cache-memory', hop: 'scheduling', breaks: ['cache-memory'], says: /chunks-cache/ },
  {
    id: 'scheduling-02',
    class: 'cache-memory',
    hop: 'scheduling',
    values: { 'loki-values.yaml': 'deploymentMode: Distributed\nloki:\n  chunksCache:\n    allocatedMemory: 512\n' },
    says: /loki\.chunksCache/,
  },
  { id: 'scheduling-03', class: 'pvc-storage', hop: 'scheduling', breaks: ['pvc-storage'] },
  {
    id: 'scheduling-07',
    class: 'anti-affinity',
    hop: 'scheduling',
    act: (api) => {
      // First come the pods of the other product, then ours find every node taken.
      api.change(part('Deployment', 'gateway'), ({ spec }) => void (spec.replicas = 0));
      api.create(mimir(4) as never);
      api.place.clock.after(20_000, () =>
        api.change(part('Deployment', 'gateway'), (deployment) => {
          deployment['spec'].replicas = 2;
          templateOf(deployment)['affinity'] = mimir(1).spec.template.spec.affinity;
        }),
      );
    },
  },
  { id: 'scheduling-08', class: 'anti-affinity', hop: 'scheduling', breaks: ['anti-affinity'] },
  {
    id: 'scheduling-10',
    class: 'image-pull',
    hop: 'scheduling',
    breaks: ['image-pull'],
    evidence: {
      status: [
        {
          kind: 'Pod',
          selector: 'app.kubernetes.io/name=loki,app.kubernetes.io/component=gateway',
          patch: {
            containerStatuses: [
              {
                name: 'nginx',
                ready: false,
                restartCount: 0,
                state: {
                  waiting: {
                    reason: 'ImagePullBackOff',
                    message:
                      'Back-off pulling image: ErrImagePull: unexpected status code 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit.',
                  },
                },
              },
            ],
          },
        },
      ],
    },
    says: /429/,
  },
  { id: 'scheduling-11', class: 'collector-coverage', hop: 'scheduling', breaks: ['collector-coverage'], says: /nvidia\.com\/gpu/ },
  { id: 'scheduling-12', class: 'collector-resources', hop: 'scheduling', breaks: ['collector-resources'], says: /memory/ },
];

const helm: readonly Case[] = [
  {
    id: 'helm-01',
    class: 'bucket-name',
    hop: 'helm',
    values: {
      'loki-values.yaml': lokiValues(
        '  schemaConfig:\n    configs:\n      - {from: "2024-04-01", store: tsdb, object_store: s3, schema: v13, index: {prefix: i_, period: 24h}}\n',
      ),
    },
    says: /bucketNames\.chunks/,
  },
  {
    id: 'helm-02',
    class: 'bucket-name',
    hop: 'helm',
    values: { 'loki-values.yaml': lokiValues('    bucketNames:\n      chunks: my-chunks\n') },
    says: /bucketNames\.ruler/,
  },
  {
    id: 'helm-03',
    class: 'bucket-name',
    hop: 'helm',
    act: (api) => {
      changeLoki(api, (config) => set(config, 'ruler.storage.s3.bucketnames', ''));
      crash(api, 'ruler', {
        line: `level=error ts=${api.now()} caller=log.go:216 msg="error running loki" err="at least one bucket name must be specified\\nerror initialising module: ruler-storage"`,
      });
    },
    says: /bucket/,
  },
  {
    id: 'helm-04',
    class: 'helm-unknown-keys',
    hop: 'helm',
    values: {
      'alloy-values.yaml':
        'alloy:\n  extraVolumes:\n    - name: varlog\n      hostPath: {path: /var/log}\n  mounts:\n    varlog: true\ncontroller:\n  type: daemonset\n',
    },
    says: /alloy\.extraVolumes/,
  },
  { id: 'helm-05', class: 'helm-pending', hop: 'helm', breaks: ['helm-pending'], says: /pending-upgrade/ },
  {
    id: 'helm-06',
    class: 'helm-pending',
    hop: 'helm',
    breaks: ['loadbalancer', 'helm-pending'],
    says: /pending-upgrade|LoadBalancer/,
  },
  { id: 'helm-10', class: 'pvc-lifecycle', hop: 'helm', breaks: ['pvc-lifecycle'] },
];

const config: readonly Case[] = [
  { id: 'loki-config-01', class: 'schema', hop: 'loki-config', breaks: ['schema'], says: /v13/ },
  { id: 'loki-config-03', class: 'retention', hop: 'loki-config', breaks: ['retention'] },
  {
    id: 'loki-config-04',
    class: 'retention',
    hop: 'loki-config',
    act: (api) => {
      changeLoki(api, (settings) => {
        set(settings, 'common.compactor_address', undefined);
        set(settings, 'common.compactor_grpc_address', undefined);
      });
      crash(api, 'querier', {
        line: `level=error ts=${api.now()} caller=log.go:216 msg="error running loki" err="query filtering for deletes requires 'compactor_address' to be configured\\nerror initialising module: querier"`,
      });
    },
    says: /compactor_address/,
  },
  {
    id: 'loki-config-06',
    class: 'schema',
    hop: 'loki-config',
    act: (api) => {
      changeLoki(api, (settings) => void ((settings['schema_config'].configs as Doc[])[0]!['from'] = new Date().toISOString().slice(0, 10)));
      api.inject({
        logs: [
          lines(
            'ingester',
            `level=error ts={time} caller=instance.go:212 msg="failed to create stream" org_id=fake err="failed to create stream: no schema config found for time ${Math.floor(Date.now() / 1000) - 900_000}"`,
          ),
        ],
      });
    },
    says: /no schema config found|from/,
  },
  {
    id: 'loki-config-07',
    class: 'schema',
    hop: 'loki-config',
    act: (api) => changeLoki(api, (settings) => void ((settings['schema_config'].configs as Doc[])[0]!['index'].period = '168h')),
    says: /24h/,
  },
];

const unready = (pod: string) => ({
  kind: 'Pod',
  namespace: 'loki',
  name: pod,
  patch: {
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: 'False', reason: 'ContainersNotReady' },
    ],
  },
});

const runtime: readonly Case[] = [
  {
    id: 'loki-runtime-01',
    class: 'ring-unhealthy',
    hop: 'loki-runtime',
    breaks: ['ring-unhealthy'],
    evidence: {
      logs: [
        lines(
          'query-frontend',
          'level=error ts={time} caller=retry.go:73 org_id=fake msg="error processing request" try=0 err="rpc error: code = Code(500) desc = too many unhealthy instances in the ring\\n"',
        ),
      ],
    },
  },
  { id: 'loki-runtime-03', class: 'ring-unhealthy', hop: 'loki-runtime', breaks: ['ring-unhealthy'] },
  {
    id: 'loki-runtime-05',
    class: 'ring-unhealthy',
    hop: 'loki-runtime',
    evidence: {
      status: [unready('loki-ingester-0'), unready('loki-ingester-1')],
      logs: [
        lines(
          'ingester',
          'level=warn ts={time} caller=lifecycler.go:245 component=ingester msg="found an existing instance(s) with a problem in the ring, this instance cannot become ready until this problem is resolved. The /ring http endpoint on the distributor (or single binary) provides visibility into the ring." ring=ingester err="instance 172.20.15.152:9095 past heartbeat timeout"',
        ),
      ],
    },
  },
  {
    id: 'loki-runtime-06',
    class: 'ring-empty',
    hop: 'loki-runtime',
    act: (api) => changeLoki(api, (settings) => set(settings, 'pattern_ingester.enabled', true)),
    says: /pattern/,
  },
  {
    id: 'loki-runtime-07',
    class: 'ring-empty',
    hop: 'loki-runtime',
    act: (api) => {
      api.change(part('Deployment', 'query-scheduler'), ({ spec }) => void (spec.replicas = 0));
      api.inject({
        logs: [
          lines(
            'querier',
            'level=error ts={time} caller=ring_watcher.go:56 component=querier component=querier-scheduler-worker msg="error getting addresses from ring" err="empty ring"',
          ),
        ],
      });
    },
  },
  { id: 'loki-runtime-09', class: 'ring-empty', hop: 'loki-runtime', breaks: ['ring-empty'] },
  { id: 'loki-runtime-13', class: 'wal-oom', hop: 'loki-runtime', breaks: ['wal-oom'] },
  { id: 'loki-runtime-14', class: 'disk-full', hop: 'loki-runtime', breaks: ['disk-full'] },
  {
    id: 'loki-runtime-15',
    class: 'disk-full',
    hop: 'loki-runtime',
    act: (api) =>
      crash(api, 'compactor', {
        line: `level=error ts=${api.now()} caller=log.go:216 msg="error running loki" err="mkdir /var/loki/tsdb-shipper-active/scratch: no space left on device\\nerror initialising module: store"`,
      }),
  },
  {
    id: 'loki-runtime-16',
    class: 'wal-oom',
    hop: 'loki-runtime',
    evidence: {
      status: [
        {
          kind: 'Pod',
          namespace: 'loki',
          name: 'loki-ingester-2',
          patch: {
            containerStatuses: [
              {
                name: 'ingester',
                ready: true,
                started: true,
                restartCount: 1,
                image: 'docker.io/grafana/loki:3.7.6',
                imageID: '',
                state: { running: { startedAt: '2026-01-07T10:00:00Z' } },
                lastState: { terminated: { reason: 'OOMKilled', exitCode: 137, startedAt: '2026-01-07T08:00:00Z', finishedAt: '2026-01-07T10:00:00Z' } },
              },
            ],
          },
        },
      ],
    },
  },
  { id: 'loki-runtime-17', class: 'wal-loss', hop: 'loki-runtime', breaks: ['wal-loss'] },
  { id: 'loki-runtime-19', class: 'memcached', hop: 'loki-runtime', breaks: ['memcached'] },
  { id: 'loki-runtime-21', class: 'cascade', hop: 'loki-runtime', breaks: ['cascade'] },
];

export const lokiCases: readonly Case[] = [...identity, ...s3, ...scheduling, ...helm, ...config, ...runtime];
