/** Every class of failure, in the words of several versions: what `doctor` must name first, and what it must not take for a failure. */
import { describe, expect, it } from 'vitest';
import { rankFindings } from '../../src/commands/doctor/diagnose.ts';
import type { CollectorEvidence } from '../../src/commands/doctor/analyze/collectors-evidence.ts';
import { doctorChecks } from '../../src/commands/doctor/analyze/index.ts';
import type { LokiEvidence } from '../../src/commands/doctor/analyze/loki-evidence.ts';
import type { PodEvidence } from '../../src/commands/doctor/analyze/objects-evidence.ts';
import type { Evidence } from '../../src/commands/doctor/analyze/evidence.ts';
import { readAlloy } from '../../src/design/alloy-reading.ts';
import { runChecks } from '../../src/engine/run-checks.ts';
import { doctorRow } from '../../src/problems/catalogue.ts';
import { failureClasses, notFound, type FailureClass } from '../../src/problems/failure-classes.ts';
import { bucket, collectorSeen, lokiSeen, pod, surveySeen, workload } from './survey-maker.ts';

async function told(collected: Evidence) {
  const toProblem = (error: unknown) => {
    throw error;
  };
  return rankFindings(
    doctorChecks,
    await runChecks(doctorChecks, collected, { at: 'doctor', emit: () => {}, signal: new AbortController().signal, toProblem }),
  );
}
/** The root, or where nothing is broken the first that is worth a look. */
const firstOf = (found: Awaited<ReturnType<typeof told>>) => (found.find(({ role }) => role === 'root') ?? found[0])?.problem;

const healthy = surveySeen();
const loki = healthy.loki!;
const config = loki.config as Readonly<Record<string, object>>;
const [collector, writer] = [healthy.collectors[0]!, healthy.collectors[0]!.writers[0]!];

const withLoki = (put: Partial<LokiEvidence>, more: Partial<Evidence> = {}): Evidence => surveySeen({ loki: { ...loki, ...put }, ...more });
const withConfig = (put: object, more: Partial<LokiEvidence> = {}): Evidence =>
  withLoki({ config: { ...config, ...put } as LokiEvidence['config'], ...more } as Partial<LokiEvidence>);
const withCollector = (put: Partial<CollectorEvidence>, more: Partial<Evidence> = {}): Evidence => surveySeen({ collectors: [collectorSeen(put)], ...more });
const pipeline = (text: string) => ({ text, blocks: readAlloy(text) });
const ingester = (put: Partial<PodEvidence> = {}) => pod('loki-ingester-0', 'ingester', put);
const says = (...lines: readonly string[]): Evidence => withLoki({ pods: [ingester({ lines }), pod('loki-gateway-0', 'gateway')] });
const crashed = (lines: readonly string[], component = 'ingester', reason = 'Error'): PodEvidence =>
  pod(`loki-${component}-0`, component, {
    ready: false,
    lines,
    containers: [{ name: 'loki', restarts: 5, waiting: { reason: 'CrashLoopBackOff', message: '' }, ended: { reason, exitCode: 1 } }],
  });
const crashes = (line: string, component?: string): Evidence => withLoki({ pods: [crashed([line], component), pod('loki-gateway-0', 'gateway')] });
const agent = (...lines: readonly string[]): Evidence => withCollector({ pods: [pod('alloy-a', '', { namespace: 'alloy', lines })] }, { reading: silent });
const unplaced = (name: string, unscheduled: string, component = 'ingester') => withLoki({ pods: [pod(name, component, { ready: false, unscheduled })] });
const silent: Evidence['reading'] = { ...healthy.reading!, newest: undefined } as unknown as Evidence['reading'];
const irsa = { name: 'loki', exists: true, roleArn: 'arn:aws:iam::111122223333:role/loki' } as const;
const issuer = 'oidc.eks.eu-west-1.amazonaws.com/id/AB';
const providerArn = `arn:aws:iam::111122223333:oidc-provider/${issuer}`;
const cluster = {
  ...healthy.cluster,
  issuer,
  providerArn,
  provider: { arn: providerArn, url: `https://${issuer}`, audiences: ['sts.amazonaws.com'], thumbprints: [], tags: {} },
};
const trust = (sub: string, more: object = {}) => ({
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Federated: providerArn },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: { StringEquals: { [`${issuer}:sub`]: sub, [`${issuer}:aud`]: 'sts.amazonaws.com', ...more } },
    },
  ],
});
const trusting = (sub = 'system:serviceaccount:loki:loki', lines: readonly string[] = []): Evidence =>
  withLoki({ account: { ...irsa, role: { is: 'found', trust: trust(sub) } }, pods: [ingester({ lines })] }, { cluster } as Partial<Evidence>);
const gateway = loki.gateway!;
const access = (agentName: string, status: number, bytes: number, method = 'GET') =>
  `10.0.3.7 - - [01/Jan/1970:00:16:39 +0000]  ${status} "${method} /loki/api/v1/${method === 'POST' ? 'push' : 'labels'} HTTP/1.1" ${bytes} "-" "${agentName}" "-"`;
const source = {
  from: 'ConfigMap monitoring/loki, ds.yaml',
  name: 'Loki',
  url: 'http://loki-gateway.loki.svc.cluster.local',
  uid: 'loki',
  hasLogin: true,
  tenant: 'foo',
  ours: true,
} as const;
const counted = (reason: string) => withLoki({ counters: { received: 9, flushFailures: 0, discarded: [{ reason, tenant: 'foo', lines: 7 }] } });
const policy = { namespace: 'loki', name: 'default-deny', podSelector: {}, types: ['Ingress'], ingress: [], egress: [] } as const;
const board = { from: 'ConfigMap monitoring/pods, pods.json', title: 'Pods', sources: ['loki'], variables: [], labels: [] } as const;

type Case = readonly [what: string, code: string, collected: Evidence];
const cases: Readonly<Partial<Record<FailureClass, readonly Case[]>>> = {
  'irsa-annotation': [
    ['no role', 'LOKI_ROLE_ANNOTATION_MISSING', withLoki({ account: { name: 'loki', exists: true } })],
    ['no account', 'LOKI_ACCOUNT_MISSING', withLoki({ account: { name: 'loki', exists: false } })],
    ['no ARN', 'IRSA_ROLE_MISSING', withLoki({ account: { name: 'loki', exists: true, roleArn: 'loki-role' } })],
    ['Pod Identity without an agent', 'POD_IDENTITY_NO_AGENT', withLoki({ account: { ...loki.account, agent: false } })],
    [
      'pods from before the association',
      'LOKI_PODS_WITHOUT_ROLE',
      withLoki({ pods: [ingester({ spec: { serviceAccountName: 'loki', containers: [{ name: 'loki' }] } })] }),
    ],
  ],
  'irsa-trust': [
    ['another namespace', 'IRSA_TRUST_MISMATCH', trusting('system:serviceaccount:logging:loki')],
    ['a role for Pod Identity that trusts IRSA', 'IRSA_TRUST_MISMATCH', withLoki({ account: { ...loki.account, role: { is: 'found', trust: trust('x') } } })],
    [
      'refused in the words of the second SDK, though all looks right',
      'LOKI_IDENTITY_REFUSED',
      trusting(undefined, [
        'err="operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, api error AccessDenied: Not authorized"',
      ]),
    ],
    [
      'in those of the first',
      'LOKI_IDENTITY_REFUSED',
      says(
        'err="WebIdentityErr: failed to retrieve credentials\\ncaused by: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity status code: 403"',
      ),
    ],
  ],
  'oidc-provider': [
    [
      'no provider',
      'IRSA_PROVIDER_MISSING',
      withLoki(
        { account: { ...irsa, role: { is: 'found', trust: trust('system:serviceaccount:loki:loki') } } },
        { cluster: { ...cluster, provider: undefined } as unknown as Evidence['cluster'] },
      ),
    ],
  ],
  'sts-unreachable': [
    [
      'global, old SDK',
      'LOKI_STS_UNREACHABLE',
      says(
        'err="WebIdentityErr: failed to retrieve credentials\\ncaused by: RequestError: send request failed\\ncaused by: Post \\"https://sts.amazonaws.com/\\": dial tcp 10.0.0.1:443: connect: connection refused"',
      ),
    ],
    [
      'regional, new SDK',
      'LOKI_STS_UNREACHABLE',
      says(
        'err="operation error STS: AssumeRoleWithWebIdentity, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post \\"https://sts.eu-west-1.amazonaws.com/\\": dial tcp: lookup sts.eu-west-1.amazonaws.com: i/o timeout"',
      ),
    ],
  ],
  's3-endpoint-irsa': [
    ['in storage_config', 'LOKI_S3_ENDPOINT', withConfig({ storage_config: { aws: { endpoint: 's3.eu-west-1.amazonaws.com', bucketnames: 'chunks' } } })],
    [
      'in the ruler',
      'LOKI_S3_ENDPOINT',
      withConfig({ ruler: { storage: { type: 's3', s3: { endpoint: 'https://s3.eu-west-1.amazonaws.com', bucketnames: 'r' } } } }),
    ],
  ],
  'node-role-imds': [
    [
      'and a key that refuses it',
      'LOKI_NODE_ROLE',
      says(
        'msg="failed to flush" err="store put chunk: AccessDenied: User: arn:aws:sts::1:assumed-role/nodes/i-07c0b8a749aca2fce is not authorized to perform: kms:GenerateDataKey"',
      ),
    ],
    [
      'and a bucket that does',
      'LOKI_NODE_ROLE',
      says('err="User: arn:aws:sts::123456789012:assumed-role/eks_node_groups/i-0abcdef0123456789 is not authorized to perform: s3:ListBucket on x"'),
    ],
  ],
  'bucket-name': [
    ['a path', 'LOKI_BUCKET_NAME', withLoki({ buckets: [bucket('loki-con/loki-chunks')] })],
    ['none', 'LOKI_BUCKET_NOT_SET', withLoki({ buckets: [] })],
    ['absent', 'LOKI_BUCKET_NOT_FOUND', withLoki({ buckets: [{ ...bucket('chunks'), look: { is: 'absent' } }] })],
    ['absent, says S3', 'LOKI_BUCKET_NOT_FOUND', says('msg="failed to flush" err="NoSuchBucket: The specified bucket does not exist"')],
    [
      'a path, says S3',
      'LOKI_BUCKET_NAME',
      says('err="failed to flush chunks: store put chunk: SerializationError: failed to unmarshal error message status code: 404"'),
    ],
    [
      'the ruler without one',
      'LOKI_BUCKET_NOT_SET',
      withConfig(
        { ruler: { storage: { type: 's3', s3: { bucketnames: '' } } } },
        { pods: [crashed(['level=error msg="error running loki" err="init ruler"'], 'backend')] },
      ),
    ],
  ],
  's3-region': [
    ['elsewhere', 'LOKI_BUCKET_REGION', withLoki({ buckets: [{ ...bucket('chunks'), look: { is: 'elsewhere', region: 'us-east-1' } }] })],
    [
      'says the old SDK',
      'LOKI_BUCKET_REGION',
      says(`msg="failed to run compaction" err="BucketRegionError: incorrect region, the bucket is not in 'eu-west-1' region status code: 301"`),
    ],
    ['says the new one', 'LOKI_BUCKET_REGION', says('err="operation error S3: PutObject, https response error StatusCode: 301, api error PermanentRedirect"')],
  ],
  's3-policy': [
    ['says the simulator', 'LOKI_ROLE_POLICY', withLoki({ buckets: [{ ...bucket('chunks'), denied: ['s3:ListBucket'] }] })],
    [
      'says the table manager',
      'LOKI_S3_DENIED',
      says('caller=table_manager.go:218 msg="error syncing tables" err="AccessDenied: Access Denied status code: 403"'),
    ],
    [
      'says the new SDK',
      'LOKI_S3_DENIED',
      says('err="operation error S3: ListObjectsV2, https response error StatusCode: 403, api error AccessDenied: Access Denied"'),
    ],
  ],
  's3-egress': [
    [
      'handshake',
      'LOKI_S3_UNREACHABLE',
      says(
        'msg="failed to flush user" err="RequestError: send request failed\\ncaused by: Put \\"https://b.s3.eu-west-1.amazonaws.com/fake/x\\": net/http: TLS handshake timeout"',
      ),
    ],
    [
      'timeout, new SDK',
      'LOKI_S3_UNREACHABLE',
      says(
        'err="operation error S3: PutObject, exceeded maximum number of attempts, 3, https response error StatusCode: 0, request send failed, Put \\"https://b.s3.eu-west-1.amazonaws.com/\\": dial tcp 52.218.0.1:443: i/o timeout"',
      ),
    ],
  ],
  'ruler-layout': [
    ['beside rules/', 'LOKI_RULES_MISPLACED', withLoki({ buckets: [bucket('chunks'), { ...bucket('rules'), use: 'ruler', keys: ['fake/rules.yaml'] }] })],
    [
      'of another tenant',
      'LOKI_RULES_MISPLACED',
      withLoki({ buckets: [bucket('chunks'), { ...bucket('rules'), use: 'ruler', keys: ['rules/fake/rules.yaml'] }] }),
    ],
  ],
  cascade: [
    [
      'flushes fail, the ring is empty, pushes are lost',
      'LOKI_FLUSH_FAILS',
      {
        ...withCollector(
          {
            pods: [
              pod('alloy-a', '', {
                namespace: 'alloy',
                lines: ['level=error msg="final error sending batch" status=500 error="server returned HTTP status 500: empty ring"'],
              }),
            ],
          },
          { reading: silent },
        ),
        loki: {
          ...loki,
          ring: { active: 0, states: [] },
          pods: [ingester({ lines: ['caller=flush.go:152 msg="failed to flush" err="mkdir fake: permission denied"'] })],
        },
      },
    ],
  ],
  'cache-memory': [
    ['pending', 'PODS_PENDING_CAPACITY', unplaced('loki-chunks-cache-0', '0/1 nodes are available: 1 Insufficient memory.', 'memcached-chunks-cache')],
  ],
  'pvc-storage': [
    ['unbound', 'PODS_PENDING_VOLUME', unplaced('loki-ingester-0', '0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims.')],
    ['another zone', 'PODS_PENDING_VOLUME', unplaced('loki-ingester-0', '0/4 nodes are available: 4 node(s) had volume node affinity conflict.')],
    [
      'none to bind',
      'PODS_PENDING_VOLUME',
      unplaced('loki-ingester-0', "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind."),
    ],
    [
      'not attached',
      'PODS_PENDING_VOLUME',
      withLoki({
        pods: [ingester({ ready: false, containers: [{ name: 'loki', restarts: 0, waiting: { reason: 'ContainerCreating', message: '' } }] })],
        events: [
          { object: 'Pod loki/loki-ingester-0', reason: 'FailedAttachVolume', message: 'AttachVolume.Attach failed: driver name ebs.csi.aws.com not found' },
        ],
      }),
    ],
  ],
  'anti-affinity': [
    [
      'old words',
      'PODS_PENDING_SPREAD',
      unplaced(
        'loki-ingester-2',
        "0/2 nodes are available: 2 node(s) didn't match pod affinity/anti-affinity, 2 node(s) didn't match pod anti-affinity rules.",
      ),
    ],
    [
      'a gateway that is rolled out',
      'PODS_PENDING_SPREAD',
      unplaced('loki-gateway-b', "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. preemption: 0/1", 'gateway'),
    ],
    ['of others', 'PODS_PENDING_SPREAD', unplaced('loki-ingester-2', "0/3 nodes are available: 3 node(s) didn't satisfy existing pods anti-affinity rules.")],
  ],
  'image-pull': [
    [
      'a limit',
      'PODS_IMAGE_UNPULLABLE',
      withLoki({
        pods: [
          ingester({
            ready: false,
            containers: [{ name: 'loki', restarts: 0, waiting: { reason: 'ErrImagePull', message: '429 Too Many Requests - toomanyrequests' } }],
          }),
        ],
      }),
    ],
  ],
  'collector-coverage': [
    [
      'a taint',
      'COLLECTOR_EXCLUDED_FROM_NODES',
      surveySeen({ nodes: [node('node-a'), node('gpu', [{ key: 'nv', value: 'NoSchedule', effect: 'NoSchedule' }])] }),
    ],
    ['none at all', 'COLLECTOR_NOT_FOUND', surveySeen({ collectors: [], reading: silent })],
    [
      'an affinity',
      'COLLECTOR_EXCLUDED_FROM_NODES',
      withCollector(
        { workload: { ...collector.workload, template: { ...collector.workload.template, affinity: affinity('arch', 'amd64') } } },
        { nodes: [node('node-a'), node('arm', [], { arch: 'arm64' })] },
      ),
    ],
  ],
  'collector-resources': [
    [
      'OOM of a node',
      'COLLECTOR_UNLIMITED',
      surveySeen({ nodeEvents: [{ object: 'Node a', reason: 'SystemOOM', message: 'System OOM encountered, victim process: alloy, pid: 1' }] }),
    ],
    [
      'OOM of a pod that came back',
      'COLLECTOR_OOM',
      withCollector({ pods: [pod('alloy-a', '', { containers: [{ name: 'alloy', restarts: 3, ended: { reason: 'OOMKilled', exitCode: 137 } }] })] }),
    ],
  ],
  'helm-unknown-keys': [['in a release', 'VALUES_UNKNOWN_KEY', withCollector({ release: release('alloy', '1.11.1', { alloy: { extraVolumes: [] } }) })]],
  'helm-pending': [['upgrade', 'RELEASE_UNFINISHED', withLoki({ release: { ...release('loki', '6.30.0', {}), status: 'pending-upgrade' } })]],
  'pvc-lifecycle': [
    ['a pod that is no more', 'LOKI_VOLUMES_ORPHANED', withLoki({ claims: [{ name: 'data-loki-ingester-5', phase: 'Bound', classKnown: true, events: [] }] })],
    [
      'an installation before this one',
      'LOKI_VOLUMES_ORPHANED',
      withLoki({
        release: { ...release('loki', '6.30.0', {}), revision: 1, updated: new Date('2026-02-02T00:00:00Z') },
        claims: [{ name: 'data-loki-ingester-0', phase: 'Bound', classKnown: true, events: [], created: new Date('2025-01-01T00:00:00Z') }],
      }),
    ],
  ],
  schema: [
    [
      'structured metadata',
      'LOKI_CONFIG_INVALID',
      crashes(
        'level=error caller=main.go:70 msg="validating config" err="MULTIPLE CONFIG ERRORS FOUND, PLEASE READ CAREFULLY\\nCONFIG ERROR: schema v13 is required to store Structured Metadata"',
      ),
    ],
    [
      'the period',
      'LOKI_CONFIG_INVALID',
      crashes(
        'msg="validating config" err="CONFIG ERROR: invalid schema config: validating period_config: tsdb must always have periodic config for index set to 24h"',
      ),
    ],
    [
      'begins too late',
      'LOKI_SCHEMA_STARTS_LATE',
      agent(
        'level=error msg="final error sending batch" status=500 error="server returned HTTP status 500: failed to create stream: no schema config found for time 1786574252"',
      ),
    ],
    ['old', 'LOKI_SCHEMA_OLD', withConfig({ schema_config: { configs: [{ store: 'boltdb-shipper', schema: 'v11', object_store: 's3' }] } })],
    ['a field that is not known', 'LOKI_CONFIG_INVALID', crashes('failed parsing config: /etc/loki/config/config.yaml: yaml: unmarshal errors:')],
  ],
  retention: [
    ['never on', 'LOKI_RETENTION_OFF', withConfig({ limits_config: { retention_period: '168h' } })],
    [
      'no compactor',
      'LOKI_RETENTION_FAILS',
      withConfig({ limits_config: { retention_period: '168h' }, compactor: { retention_enabled: true, delete_request_store: 's3' } }),
    ],
    [
      'no address',
      'LOKI_COMPACTOR_ADDRESS_MISSING',
      crashes(
        `level=error msg="error running loki" err="query filtering for deletes requires 'compactor_address' to be configured\\nerror initialising module: querier"`,
        'querier',
      ),
    ],
  ],
  'ring-unhealthy': [
    ['too few', 'LOKI_RING_UNHEALTHY', withLoki({ ring: { active: 1, states: ['a: ACTIVE', 'b: UNHEALTHY'] } })],
    [
      'a query says so',
      'LOKI_RING_STALE',
      withLoki({
        ring: { active: 2, states: ['loki-ingester-9: UNHEALTHY'] },
        pods: [
          ingester({
            lines: [
              'caller=retry.go:73 org_id=fake msg="error processing request" err="rpc error: code = Code(500) desc = too many unhealthy instances in the ring"',
            ],
          }),
        ],
      }),
    ],
    [
      'a new one waits',
      'LOKI_RING_STALE',
      withLoki({
        pods: [
          ingester({
            ready: false,
            lines: [
              'caller=lifecycler.go:245 msg="found an existing instance(s) with a problem in the ring" ring=ingester err="instance 172.20.15.152:9095 past heartbeat timeout"',
            ],
          }),
        ],
      }),
    ],
    [
      'a push says so',
      'LOKI_RING_UNHEALTHY',
      agent(
        'level=warn msg="error sending batch, will retry" status=500 error="server returned HTTP status 500 Internal Server Error (500): at least 2 live replicas required, could only find 1"',
      ),
    ],
  ],
  'ring-empty': [
    ['patterns', 'LOKI_PATTERN_INGESTER_MISSING', withConfig({ pattern_ingester: { enabled: true } })],
    [
      'no scheduler',
      'LOKI_NO_SCHEDULER',
      withLoki({
        workloads: [...loki.workloads, workload('loki-querier', 'querier'), workload('loki-query-scheduler', 'query-scheduler', { wanted: 0, ready: 0 })],
        pods: [
          ...loki.pods,
          pod('loki-querier-0', 'querier', {
            lines: ['caller=ring_watcher.go:56 component=querier-scheduler-worker msg="error getting addresses from ring" err="empty ring"'],
          }),
        ],
      }),
    ],
    [
      'memberlist',
      'LOKI_MEMBERLIST',
      {
        ...says('level=error caller=memberlist_client.go:560 msg="failed to join memberlist cluster" err="lookup loki-memberlist: no such host"'),
        reading: silent,
      } as Evidence,
    ],
    [
      'a push says so',
      'LOKI_RING_UNHEALTHY',
      agent('level=error msg="final error sending batch" status=500 error="server returned HTTP status 500 Internal Server Error (500): empty ring"'),
    ],
    [
      'no ingesters',
      'LOKI_NO_INGESTERS',
      withLoki({ workloads: [workload('loki-ingester', 'ingester', { wanted: 0, ready: 0 })], ring: { active: 0, states: [] } }),
    ],
  ],
  'wal-oom': [
    ['for ever', 'LOKI_OOM', withLoki({ pods: [crashed([], 'ingester', 'OOMKilled')] })],
    ['once', 'LOKI_OOM', withLoki({ pods: [ingester({ containers: [{ name: 'loki', restarts: 1, ended: { reason: 'OOMKilled', exitCode: 137 } }] })] })],
    [
      'to come',
      'LOKI_WAL_CEILING',
      withLoki({
        workloads: [
          workload('loki-ingester', 'ingester', {
            wanted: 3,
            ready: 3,
            claims: ['data'],
            template: { containers: [{ name: 'ingester', resources: { limits: { memory: '1Gi' } } }] },
          }),
        ],
      }),
    ],
  ],
  'wal-loss': [
    ['no claim', 'LOKI_WAL_EPHEMERAL', withLoki({ workloads: [workload('loki', 'single-binary', { kind: 'StatefulSet' })], ring: { active: 2, states: [] } })],
  ],
  'disk-full': [
    [
      'the log',
      'LOKI_DISK_FULL',
      crashes(
        'level=error caller=log.go:216 ts=1970-01-01T00:00:01Z msg="error running loki" err="open /var/loki/wal/00039919: no space left on device\\nerror initialising module: ingester"',
      ),
    ],
    ['the index', 'LOKI_DISK_FULL', crashes('mkdir /var/loki/tsdb-shipper-active/scratch: no space left on device\\nerror initialising module: store')],
  ],
  memcached: [['timeouts', 'LOKI_CACHE_TIMEOUTS', says('msg="failed to put to memcached" name=chunks err="server=100.98.56.68:11211: read tcp: i/o timeout"')]],
  'gateway-dns': [
    [
      'at the start',
      'GATEWAY_RESOLVER',
      withLoki({
        pods: [
          pod('loki-gateway-0', 'gateway', {
            ready: false,
            lines: ['nginx: [emerg] host not found in resolver "kube-dns.kube-system.svc.cluster.local." in /etc/nginx/nginx.conf:33'],
          }),
        ],
      }),
    ],
    [
      'later',
      'GATEWAY_RESOLVER',
      withLoki({
        pods: [
          ingester(),
          pod('loki-gateway-0', 'gateway', {
            lines: ['1970/01/01 00:16:39 [error] 9#9: *1 loki-distributor.loki.svc.cluster.local could not be resolved (3: Host not found)'],
          }),
        ],
        gateway: { ...gateway, anonymous: { status: 502, body: '<html>502', headers: {} } },
      }),
    ],
  ],
  'gateway-auth': [
    ['no login', 'WRITER_LOGIN_MISSING', withCollector({ writers: [{ ...writer, hasLogin: false }] })],
    [
      'a wrong one',
      'WRITER_LOGIN_REFUSED',
      withCollector({
        writers: [{ ...writer, login: { user: 'a', password: 'b' }, answer: { status: 401, body: '<html>401 Authorization Required', headers: {} } }],
      }),
    ],
    [
      'a hash of no use',
      'GATEWAY_HASH',
      withLoki({
        pods: [
          ingester(),
          pod('loki-gateway-0', 'gateway', { lines: ['1970/01/01 00:16:39 [crit] 16#16: *6090 crypt_r() failed (22: Invalid argument), client: 10.0.0.1'] }),
        ],
      }),
    ],
    [
      'a Secret of no use',
      'GATEWAY_HASH',
      withLoki({ gateway: { ...gateway, loginSecret: { name: 'login', exists: true, wrong: 'it has no key .htpasswd, only auth' } } }),
    ],
    ['no Secret', 'GATEWAY_SECRET_MISSING', withLoki({ gateway: { ...gateway, loginSecret: { name: 'login', exists: false } } })],
    ['a data source without one', 'DATASOURCE_NO_LOGIN', surveySeen({ datasources: [{ ...source, hasLogin: false }] })],
    [
      'some collector that nobody knows',
      'WRITER_LOGIN_MISSING',
      withLoki(
        { pods: [ingester(), pod('loki-gateway-0', 'gateway', { lines: [access('Fluent-Bit', 401, 179, 'POST')] })] },
        { collectors: [collectorSeen({ software: 'other', writers: [] })] },
      ),
    ],
  ],
  loadbalancer: [
    [
      'no subnet',
      'GATEWAY_NO_ADDRESS',
      withLoki({
        gateway: { ...gateway, serviceType: 'LoadBalancer', addressed: false },
        events: [
          {
            object: 'Service loki/loki-gateway',
            reason: 'SyncLoadBalancerFailed',
            message: 'Error syncing load balancer: could not find any suitable subnets for creating the ELB',
          },
        ],
      }),
    ],
  ],
  istio: [
    [
      'S3',
      'MESH_BLOCKS_TRAFFIC',
      withLoki({
        pods: [
          ingester({
            spec: { containers: [{ name: 'loki' }, { name: 'istio-proxy' }] },
            lines: [
              'caller=flush.go:220 org_id=fake msg="failed to flush user" err="RequestCanceled: request context canceled\\ncaused by: context deadline exceeded"',
            ],
          }),
        ],
      }),
    ],
    [
      'the ring',
      'MESH_BLOCKS_TRAFFIC',
      withLoki({
        ring: { active: 0, states: [] },
        pods: [
          ingester({
            spec: { containers: [{ name: 'loki' }], initContainers: [{ name: 'istio-proxy' }] },
            lines: ['level=warn msg="error contacting ingester" addr=10.0.0.1:9095 err="connection reset by peer"'],
          }),
        ],
      }),
    ],
    [
      'pushes',
      'MESH_BLOCKS_TRAFFIC',
      {
        ...withLoki({ pods: [ingester({ spec: { containers: [{ name: 'loki' }, { name: 'istio-proxy' }] } })] }, { reading: silent }),
        collectors: [
          collectorSeen({
            pods: [pod('alloy-a', '', { lines: ['level=warn msg="error sending batch, will retry" status=-1 error="Post: read: connection reset by peer"'] })],
          }),
        ],
      },
    ],
  ],
  networkpolicy: [
    [
      'a default that denies',
      'NETWORK_POLICY',
      { ...agent('level=warn msg="error sending batch, will retry" status=-1 error="context deadline exceeded"'), policies: [policy] } as Evidence,
    ],
    [
      'other labels',
      'NETWORK_POLICY',
      {
        ...agent('level=warn msg="error sending batch, will retry" status=-1 error="dial tcp 10.0.0.1:80: i/o timeout"'),
        policies: [{ ...policy, ingress: [{ peers: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'promtail' } } }] }] }],
      } as Evidence,
    ],
    [
      'no way out',
      'NETWORK_POLICY',
      {
        ...says('err="Post \\"https://sts.eu-west-1.amazonaws.com/\\": dial tcp: i/o timeout"'),
        policies: [{ ...policy, types: ['Egress'], egress: [{ peers: [{ podSelector: {} }] }] }],
      } as Evidence,
    ],
  ],
  'node-network': [
    [
      'some nodes',
      'COLLECTOR_NODE_NETWORK',
      withCollector({
        pods: [
          pod('alloy-a', '', { lines: ['level=info msg=ok'] }),
          pod('alloy-b', '', {
            node: 'node-b',
            lines: ['level=warn msg="error sending batch, will retry" status=-1 tenant= error="Post: context deadline exceeded"'],
          }),
        ],
      }),
    ],
  ],
  'tenant-missing': [
    ['writers', 'WRITER_TENANT_MISSING', withCollector({ writers: [{ ...writer, tenant: undefined } as unknown as typeof writer] })],
    ['readers', 'READER_TENANT_MISSING', surveySeen({ datasources: [{ ...source, tenant: undefined } as unknown as typeof source] })],
    [
      'Grafana, as nginx notes it',
      'READER_TENANT_MISSING',
      withLoki({ pods: [ingester(), pod('loki-gateway-0', 'gateway', { lines: [access('Grafana/7.3.5', 401, 10)] })] }),
    ],
  ],
  'tenant-mismatch': [['another', 'READER_TENANT_MISMATCH', surveySeen({ datasources: [{ ...source, tenant: 'bar' }] })]],
  'alloy-syntax': [
    [
      'a comma',
      'ALLOY_CONFIG_INVALID',
      withCollector({
        pods: [
          pod('alloy-a', '', {
            ready: false,
            containers: [{ name: 'alloy', restarts: 4 }],
            lines: ["Error: /etc/alloy/config.alloy:16:31: missing ',' in field list", 'Error: could not perform the initial load successfully'],
          }),
        ],
      }),
    ],
    [
      'a reference',
      'ALLOY_CONFIG_INVALID',
      withCollector({
        pods: [
          pod('alloy-a', '', {
            ready: false,
            containers: [{ name: 'alloy', restarts: 4 }],
            lines: [
              'level=error msg="failed to evaluate config" err="87:17: component \\"loki.write.grafana_cloud_loki.receiver\\" does not exist or is out of scope (and 2 more diagnostics)"',
            ],
          }),
        ],
      }),
    ],
  ],
  rbac: [
    [
      'pods',
      'ALLOY_RBAC',
      withCollector({
        counters: [],
        pods: [
          pod('alloy-a', '', {
            lines: [
              'level=error msg="Unhandled Error" err="failed to list *v1.Pod: pods is forbidden: User \\"system:serviceaccount:alloy:alloy\\" cannot list resource \\"pods\\" in API group \\"\\" at the cluster scope"',
            ],
          }),
        ],
      }),
    ],
  ],
  'discovery-scope': [
    [
      'a variable',
      'ALLOY_NODE_FILTER',
      withCollector(
        pipeline(
          'discovery.kubernetes "p" {\n role = "pod"\n selectors {\n role = "pod"\n field = "spec.nodeName=" + sys.env("HOSTNAME")\n }\n}\nloki.source.file "a" {\n forward_to = [loki.write.a.receiver]\n}\nloki.process "x" {\n stage.cri {}\n}\n',
        ),
      ),
    ],
    [
      'the host',
      'ALLOY_NODE_FILTER',
      withCollector(
        pipeline('discovery.kubernetes "p" {\n role = "pod"\n selectors {\n role = "pod"\n field = "spec.nodeName=" + constants.hostname\n }\n}\n'),
      ),
    ],
    [
      'a rule',
      'ALLOY_NODE_FILTER',
      withCollector(
        pipeline('discovery.relabel "p" {\n rule {\n source_labels = ["__meta_kubernetes_pod_node_name"]\n regex = env("NODE")\n action = "keep"\n }\n}\n'),
      ),
    ],
    [
      'a Deployment',
      'COLLECTOR_NOT_DAEMONSET',
      withCollector({
        workload: { ...collector.workload, kind: 'Deployment', wanted: 1 },
        ...pipeline(`// /var/log/pods\n${collector.text}`),
        text: `// reads /var/log/pods\n${collector.text}`,
      }),
    ],
  ],
  'varlog-mount': [
    [
      'no mount',
      'ALLOY_NO_VARLOG',
      withCollector(
        {
          workload: { ...collector.workload, template: { ...collector.workload.template, volumes: [] } },
          counters: [{ ...collector.counters[0]!, activeFiles: 0 }],
        },
        { reading: silent },
      ),
    ],
    ['Promtail', 'ALLOY_NO_VARLOG', surveySeen({ collectors: [promtail({ volumes: false })] })],
  ],
  'read-permission': [
    [
      'Alloy',
      'ALLOY_PERMISSION',
      withCollector({
        counters: [],
        pods: [pod('alloy-a', '', { lines: ['level=error msg="failed to start tailer" err="open /var/log/pods/a_b_c/d/0.log: permission denied"'] })],
      }),
    ],
    [
      'Pod Security',
      'COLLECTOR_FORBIDDEN',
      withCollector(
        {
          pods: [],
          counters: [],
          events: [
            {
              object: 'DaemonSet alloy/alloy',
              reason: 'FailedCreate',
              message: 'pods "alloy-x" is forbidden: violates PodSecurity "restricted:latest": hostPath volumes',
            },
          ],
        },
        { nodes: [node('node-a')], reading: silent },
      ),
    ],
  ],
  'cri-parse': [
    [
      'no stage',
      'ALLOY_NO_CRI',
      withCollector(pipeline('loki.source.file "a" {\n forward_to = [loki.write.a.receiver]\n}\nloki.write "a" {\n endpoint { }\n}\n')),
    ],
    [
      'another stage',
      'ALLOY_NO_CRI',
      surveySeen({ reading: { ...healthy.reading!, newest: { ...healthy.reading!.newest!, line: '2019-02-23T05:30:45.598142519Z stdout F INFO x' } } }),
    ],
  ],
  'duplicates-positions': [
    [
      'forgotten',
      'ALLOY_POSITIONS_LOST',
      withCollector({
        workload: {
          ...collector.workload,
          template: {
            ...collector.workload.template,
            containers: [{ ...collector.workload.template.containers[0]!, args: ['run', '/etc/alloy/config.alloy', '--storage.path=/tmp/alloy'] }],
          },
        },
      }),
    ],
    ['two collectors', 'DUPLICATE_COLLECTORS', surveySeen({ collectors: [collector, promtail({})] })],
  ],
  'api-tail-loss': [
    [
      'through the API server',
      'ALLOY_API_TAIL',
      withCollector(pipeline('loki.source.kubernetes "a" {\n forward_to = [loki.write.a.receiver]\n}\nloki.write "a" {\n endpoint { }\n}\n')),
    ],
  ],
  'app-not-on-stdout': [['nothing printed', 'APP_SILENT', surveySeen({ silent: { pods: ['shop/cart-1'], of: 5 } })]],
  'collector-stuck': [['one node', 'COLLECTOR_STUCK', withCollector({ stuck: [{ pod: 'alloy-a', node: 'node-a', printing: 'shop/cart-1', sentEntries: 7 }] })]],
  'push-url': [
    ['no scheme', 'ALLOY_PUSH_URL', withCollector({ writers: [{ ...writer, url: 'loki:3100/loki/api/v1/push', ours: false }] })],
    ['OTLP', 'ALLOY_PUSH_URL', withCollector({ writers: [{ ...writer, url: 'http://loki:3100/otlp', ours: false }] })],
    ['two slashes', 'ALLOY_PUSH_URL', withCollector({ writers: [{ ...writer, url: 'http://loki-gateway.loki//loki/api/v1/push', ours: false }] })],
    [
      'a part that reads',
      'ALLOY_PUSH_URL',
      withCollector(
        {},
        { services: new Map([[writer.url!, { namespace: 'loki', name: 'loki-read', ports: [80], selector: { 'app.kubernetes.io/component': 'read' } }]]) },
      ),
    ],
  ],
  'rate-limit': [
    ['counted', 'LOKI_RATE_LIMITED', counted('rate_limited')],
    [
      'old words',
      'LOKI_RATE_LIMITED',
      agent(
        'level=warn msg="error sending batch, will retry" status=429 error="server returned HTTP status 429 Too Many Requests (429): Ingestion rate limit exceeded (limit: 4194304 bytes/sec) while attempting to ingest \'9\' lines totaling \'999\' bytes"',
      ),
    ],
    [
      'new words',
      'LOKI_RATE_LIMITED',
      agent('level=warn msg="error sending batch, will retry" status=429 error="ingestion rate limit exceeded for user foo (limit: 2396745 bytes/sec)"'),
    ],
    ['of a stream', 'LOKI_RATE_LIMITED', counted('per_stream_rate_limit')],
  ],
  'stream-limit': [
    ['counted', 'LOKI_STREAMS_LIMITED', counted('stream_limit')],
    [
      'said',
      'LOKI_STREAMS_LIMITED',
      agent(
        'error="server returned HTTP status 429 Too Many Requests (429): Maximum active stream limit exceeded when trying to create stream {message_id=\\"019bf02c-01ae-7edb-aaaa-000000000000\\"}"',
      ),
    ],
  ],
  'label-limit': [
    ['counted', 'LOKI_LABELS_LIMITED', counted('max_label_names_per_series')],
    [
      'said',
      'LOKI_LABELS_LIMITED',
      agent('level=error msg="final error sending batch" status=400 error="entry for stream \'{a=\\"b\\"}\' has 16 label names; limit 15"'),
    ],
  ],
  'old-or-future-samples': [
    ['counted', 'LOKI_TIMES_REFUSED', counted('too_far_behind')],
    [
      'said',
      'LOKI_TIMES_REFUSED',
      agent(
        'level=error status=400 error="entry too far behind, entry timestamp is: 2025-07-31T05:48:01Z, oldest acceptable timestamp is: 2025-07-31T06:52:31Z"',
      ),
    ],
    ['old words', 'LOKI_TIMES_REFUSED', agent('level=error status=400 error="Entry out of order for stream"')],
    ['a clock', 'LOKI_TIMES_REFUSED', counted('too_far_in_future')],
  ],
  'grpc-size': [
    [
      'pushes',
      'LOKI_MESSAGE_LARGE',
      agent(
        'level=warn msg="error sending batch, will retry" status=500 error="rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5229930 vs. 4194304)"',
      ),
    ],
    [
      'queries',
      'LOKI_MESSAGE_LARGE',
      withLoki({
        pods: [
          pod('loki-read-0', 'read', {
            lines: ['err="rpc error: code = ResourceExhausted desc = grpc: received message larger than max (104857601 vs. 104857600)"'],
          }),
        ],
      }),
    ],
  ],
  'service-name-endpoint': [
    [
      'a part that does not answer',
      'DATASOURCE_URL',
      surveySeen({
        datasources: [{ ...source, url: 'http://loki-distributor.loki:3100' }],
        services: new Map([
          [
            'http://loki-distributor.loki:3100',
            {
              namespace: 'loki',
              name: 'loki-distributor',
              ports: [3100],
              selector: { 'app.kubernetes.io/name': 'loki', 'app.kubernetes.io/component': 'distributor' },
            },
          ],
        ]),
      }),
    ],
    [
      'no such Service',
      'DATASOURCE_URL',
      surveySeen({ datasources: [{ ...source, ours: false, url: 'http://loki-gateway' }], services: new Map([['http://loki-gateway', undefined]]) }),
    ],
    [
      'no such Service to push to',
      'ALLOY_PUSH_URL',
      withCollector(
        { writers: [{ ...writer, url: 'http://loki-gateway/loki/api/v1/push', ours: false }] },
        { services: new Map([['http://loki-gateway/loki/api/v1/push', undefined]]), reading: silent },
      ),
    ],
  ],
  'dashboard-uid-labels': [
    ['an import', 'DASHBOARD_DATASOURCE', surveySeen({ dashboards: [{ ...board, sources: ['${DS_LOKI}'] }] })],
    ['a uid', 'DASHBOARD_DATASOURCE', surveySeen({ sourceNames: new Set(['Loki', 'loki']), dashboards: [{ ...board, sources: ['P8E80F9AEF21F6940'] }] })],
    ['a label', 'DASHBOARD_LABELS', surveySeen({ dashboards: [{ ...board, labels: ['app'] }] })],
  ],
  'loki-grafana-version': [
    [
      '1+1',
      'LOKI_TOO_OLD',
      surveySeen({
        reading: { ...healthy.reading!, health: { status: 400, body: 'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER', headers: {} } },
      }),
    ],
  ],
  'connected-no-labels': [
    ['no labels', 'NOTHING_ARRIVES', surveySeen({ reading: { ...silent!, labels: [] } })],
    ['nothing new', 'LOGS_STALE', surveySeen({ reading: { ...healthy.reading!, asked: new Date(5_000_000) } })],
  ],
  'query-limits': [
    [
      'length',
      'QUERY_LIMITED',
      says('level=error component=frontend err="the query time range exceeds the limit (query length: 2160h29m35.444s, limit: 30d1h)"'),
    ],
    ['queue', 'QUERY_LIMITED', says('level=error component=frontend err="too many outstanding requests"')],
    [
      'configured',
      'QUERY_LIMITED',
      withConfig(
        { limits_config: { retention_period: '744h', max_query_length: '30d1h' }, compactor: { retention_enabled: true, delete_request_store: 's3' } },
        { workloads: [...loki.workloads, workload('loki-compactor', 'compactor')] },
      ),
    ],
  ],
  'store-read-gap': [
    ['too short', 'QUERY_GAP', withConfig({ querier: { query_ingesters_within: '1h' }, ingester: { max_chunk_age: '2h' } })],
    ['chunks too old', 'QUERY_GAP', withConfig({ ingester: { max_chunk_age: '12h' } })],
    ['store only', 'QUERY_GAP', withConfig({ querier: { query_store_only: true } })],
  ],
};

function node(name: string, taints: Evidence['nodes'][number]['taints'] = [], labels: Readonly<Record<string, string>> = {}): Evidence['nodes'][number] {
  const none = { cpu: 4, memory: 1e10, pods: 58 };
  return {
    name,
    os: 'linux',
    arch: 'amd64',
    kind: 'ec2',
    ready: true,
    unschedulable: false,
    gpu: false,
    taints,
    labels: { arch: 'amd64', ...labels },
    allocatable: none,
    requested: none,
  };
}

function affinity(key: string, value: string) {
  const nodeSelectorTerms = [{ matchExpressions: [{ key, operator: 'In', values: [value] }] }];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

function release(chart: string, chartVersion: string, values: object) {
  return {
    name: chart,
    namespace: chart,
    revision: 3,
    status: 'deployed',
    chart,
    chartVersion,
    appVersion: '3',
    values: values as Record<string, unknown>,
    labels: {},
  };
}

function promtail({ volumes = true }: { readonly volumes?: boolean }): CollectorEvidence {
  const { template } = collector.workload;
  const scrapes = {
    positions: { filename: '/var/lib/alloy/positions.yaml' },
    scrape_configs: [{ job_name: 'pods', pipeline_stages: [{ cri: {} }], kubernetes_sd_configs: [{ role: 'pod' }] }],
  };
  const env = [{ name: 'HOSTNAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }];
  return collectorSeen({
    software: 'promtail',
    workload: workload('promtail', '', {
      kind: 'DaemonSet',
      namespace: 'promtail',
      template: {
        ...template,
        containers: [{ ...template.containers[0]!, name: 'promtail', args: ['-config.file=/etc/promtail/promtail.yaml'], env }],
        ...(!volumes && { volumes: [] }),
      },
    }),
    configFrom: 'Secret promtail/promtail, promtail.yaml',
    blocks: [],
    scrapes,
    text: JSON.stringify(scrapes),
    pods: [pod('promtail-a', '', { namespace: 'promtail' })],
    counters: [],
  });
}

describe('every class', () => {
  it('has a case here, or a reason why there is none', () => {
    expect(failureClasses.filter((name) => !(name in cases) && !(name in notFound))).toEqual([]);
  });

  for (const [name, told_] of Object.entries(cases))
    describe(name, () => {
      it.each(told_.map(([what, code, collected]) => ({ what, code, collected })))('$what: $code', async ({ code, collected }) => {
        const found = await told(collected);
        const first = firstOf(found);
        expect(first?.code, found.map(({ problem, role }) => `${problem.code} ${role}`).join(', ')).toBe(code);
        expect(doctorRow(code)!.covers).toContain(name);
        expect(first!.evidence?.length).toBeGreaterThan(0);
        expect(first!.message).not.toMatch(/undefined|NaN|\[object/);
      });
    });
});

describe('what is no failure', () => {
  const quiet: Readonly<Record<string, Evidence>> = {
    'noise of collectors': agentOk(
      'level=info msg="failed to register collector with remote server" service=remotecfg id=x name="" err="noop client"',
      '{"level":"error","msg":"node exited with error","node":"remotecfg","err":"noop client"}',
      'level=error msg="position timer: error getting tail position and/or size, stopping tailer" component_id=x error="file does not exist"',
      'level=info msg="reload requested via /-/reload endpoint" service=http',
    ),
    'a gateway that came anew, as some nodes have noticed': {
      ...withLoki({
        pods: [
          pod('loki-ingester-0', 'ingester'),
          pod('loki-gateway-0', 'gateway', {
            readySince: new Date('2026-01-07T10:00:05Z'),
            lines: ['2026/01/07 10:00:30 [notice] 1#1: start worker processes'],
          }),
        ],
      }),
      collectors: [
        collectorSeen({
          pods: [
            pod('alloy-a', '', { lines: ['level=info msg=ok'] }),
            pod('alloy-b', '', {
              node: 'node-b',
              lines: [
                'ts=2026-01-07T10:00:05.9Z level=warn msg="error sending batch, will retry" status=-1 error="Post: dial tcp 10.100.0.25:80: connect: connection refused"',
              ],
            }),
          ],
        }),
      ],
    },
    'a canary without a login': withLoki({
      pods: [
        ...loki.pods,
        pod('loki-canary-a', 'canary', {
          lines: [
            'level=error msg="failed to send entry, server rejected push with a non-retryable status code" status=401 err="server returned HTTP status 401 Unauthorized"',
          ],
        }),
      ],
    }),
    'a shutdown': says(
      'level=error caller=retry.go:73 msg="error processing request" err="context canceled"',
      'level=warn msg="server closed the stream without sending trailers"',
    ),
    'a sidecar that lets through': withLoki({ pods: [ingester({ spec: { containers: [{ name: 'loki' }, { name: 'istio-proxy' }] } })] }),
    'policies that allow': surveySeen({ policies: [{ ...policy, ingress: [{ peers: [{ namespaceSelector: {} }], ports: [{ port: 8080 }] }] }] }),
    'policies that nobody enforces': surveySeen({ policies: [policy] }),
    'MinIO in place of S3': withConfig(
      { storage_config: { aws: { endpoint: 'minio:9000', bucketnames: 'chunks' } } },
      { buckets: [], otherStore: 'minio:9000', account: { name: 'loki', exists: true } },
    ),
    'a single binary with a file system': withLoki({
      workloads: [
        workload('loki', 'single-binary', { kind: 'StatefulSet', claims: ['storage'] }),
        workload('loki-gateway', 'gateway'),
        workload('loki-canary', 'canary', { kind: 'DaemonSet' }),
        workload('loki-chunks-cache', 'memcached-chunks-cache', { kind: 'StatefulSet' }),
      ],
      buckets: [],
      config: {
        auth_enabled: true,
        schema_config: { configs: [{ store: 'tsdb', schema: 'v13', object_store: 'filesystem' }] },
        common: { replication_factor: 1 },
      },
      ring: { active: 1, states: [] },
    }),
    'Promtail in place of Alloy': surveySeen({ collectors: [promtail({})] }),
    'a module that this file does not show': withCollector(
      pipeline('loki.source.file "a" {\n forward_to = argument.logs_destinations.value\n}\nloki.process "x" {\n stage.cri {}\n}\n'),
    ),
    'a dashboard with a variable of its own': surveySeen({
      dashboards: [{ ...board, sources: ['${loki}', '$datasource'], variables: ['loki', 'datasource'], labels: ['namespace'] }],
    }),
    'dashboards that name what is there, or what Grafana itself stands for': surveySeen({
      sourceNames: new Set(['Loki', 'loki']),
      dashboards: [
        { ...board, sources: ['loki', 'Loki', 'default', '-- Mixed --', '-- Grafana --', 'grafana', '[[source]]', '${source:raw}'], variables: ['source'] },
      ],
    }),
    'a dashboard whose data source may have been made by hand': surveySeen({ datasources: [source], dashboards: [{ ...board, sources: ['by-hand'] }] }),
    'a volume of a pod that is there': withLoki({ claims: [{ name: 'data-loki-ingester-2', phase: 'Bound', classKnown: true, events: [] }] }),
    'values of a chart that is not known': withLoki({ release: release('loki', '6.30.0', { anything: { at: 'all' } }) }),
    'another chart with a version of the same name': withCollector({ release: release('k8s-monitoring', '1.11.1', { cluster: {} }) }),
    'a refusal of a probe in the access log': withLoki({
      pods: [ingester(), pod('loki-gateway-0', 'gateway', { lines: [access('node', 401, 172), access('node', 401, 10)] })],
    }),
    'Grafana, refused once and let in since': withLoki({
      pods: [ingester(), pod('loki-gateway-0', 'gateway', { lines: [access('Grafana/11.0.0', 401, 10), access('Grafana/11.0.0', 200, 900)] })],
    }),
  };
  it.each(Object.entries(quiet))('%s', async (_, collected) => {
    expect((await told(collected)).map(({ problem }) => `${problem.code}: ${problem.message}`)).toEqual([]);
  });

  function agentOk(...lines: readonly string[]): Evidence {
    return withCollector({ pods: [pod('alloy-a', '', { namespace: 'alloy', lines })] });
  }
});

describe('what looks alike', () => {
  it("is told apart: nginx's 401 and Loki's", async () => {
    const answered = (body: string, headers: Readonly<Record<string, string>> = {}) =>
      withCollector({ writers: [{ ...writer, login: { user: 'a', password: 'b' }, answer: { status: 401, body, headers } }] });
    expect(firstOf(await told(answered('<html>401 Authorization Required', { 'www-authenticate': 'Basic realm="Loki"' })))?.code).toBe('WRITER_LOGIN_REFUSED');
    expect(firstOf(await told(answered('no org id\n')))?.code).toBe('WRITER_TENANT_MISSING');
  });

  it('is told apart: a Loki without a gateway', async () => {
    const found = await told(
      withLoki({
        gateway: undefined,
        workloads: [workload('loki', 'single-binary', { kind: 'StatefulSet', claims: ['storage'] })],
        ring: { active: 2, states: [] },
      } as unknown as Partial<LokiEvidence>),
    );
    expect(found).toEqual([]);
    expect(lokiSeen().gateway).toBeDefined();
  });

  it("is told apart: a refusal of now, and one of the time before Loki's gateway and ingesters were ready", async () => {
    const at = (seconds: number) => new Date(900_000 + seconds * 1000);
    const line = (seconds: number) =>
      `ts=${at(seconds).toISOString()} level=warn msg="error sending batch, will retry" status=500 error="server returned HTTP status 500: empty ring"`;
    const with_ = (seconds: number, ready: number) =>
      withLoki(
        {
          ring: undefined,
          pods: [ingester({ readySince: at(ready) }), pod('loki-gateway-0', 'gateway', { readySince: at(0) })],
        } as unknown as Partial<LokiEvidence>,
        { reading: silent, collectors: [collectorSeen({ pods: [pod('alloy-a', '', { namespace: 'alloy', lines: [line(seconds)] })] })] },
      );
    const codes = async (collected: Evidence) => (await told(collected)).map(({ problem }) => problem.code);
    expect(await codes(with_(60, 30))).toContain('LOKI_RING_UNHEALTHY');
    expect(await codes(with_(28, 30))).toEqual(['NOTHING_ARRIVES']);
  });

  it('is told apart: lines that the pipeline drops, and lines that nobody reads', async () => {
    const counters = (readLines: number) => [{ ...collector.counters[0]!, readLines, sentEntries: 0 }];
    const first = async (readLines: number) => firstOf(await told(withCollector({ counters: counters(readLines) }, { reading: silent })));
    expect(await first(90)).toMatchObject({ code: 'NOTHING_ARRIVES', fix: expect.stringContaining('kubectl -n alloy port-forward daemonset/alloy 12345') });
    expect((await first(90))?.evidence).toContain('1 collector has read 90 lines and sent none');
    expect((await first(0))?.fix).not.toContain('port-forward');
  });

  it('is told apart: an address that is wrong, and a right one whose Service was deleted', async () => {
    const url = 'http://loki-gateway.loki.svc.cluster.local/loki/api/v1/push';
    const lost = ['Service loki/loki-gateway'];
    const pushing = { collectors: [collectorSeen({ writers: [{ ...writer, url }] })], services: new Map([[url, undefined]]) };
    const codesOf = async (put: Partial<LokiEvidence>) =>
      (await told(withLoki({ release: release('loki', '18.11.0', {}), ...put }, pushing))).map(({ problem }) => problem);
    expect((await codesOf({})).map(({ code }) => code)).toEqual(['ALLOY_PUSH_URL']);
    const [first, ...others] = await codesOf({ gatewayLost: lost });
    expect(others).toEqual([]);
    expect(first).toMatchObject({ code: 'GATEWAY_UNAVAILABLE', fix: expect.stringMatching(/^helm -n \S+ rollback \S+ \d+$/) });
    expect(first?.message).toBe('Service loki/loki-gateway is gone, and with it the way to Loki');
  });
});
