/** Classes of failures that the sandbox does not play, told from what a survey of them holds. */
import { describe, expect, it } from 'vitest';
import { rankFindings } from '../../src/commands/doctor/diagnose.ts';
import { doctorChecks } from '../../src/commands/doctor/analyze/index.ts';
import { isNoise } from '../../src/commands/doctor/analyze/log-lines.ts';
import { hops, type Evidence } from '../../src/commands/doctor/analyze/evidence.ts';
import { runChecks } from '../../src/engine/run-checks.ts';
import { bucket, collectorSeen, pod, surveySeen, workload } from './survey-maker.ts';

async function told(collected: Evidence) {
  const toProblem = (error: unknown) => {
    throw error;
  };
  return rankFindings(
    doctorChecks,
    await runChecks(doctorChecks, collected, { at: 'doctor', emit: () => {}, signal: new AbortController().signal, toProblem }),
  );
}
const rootOf = async (collected: Evidence) => (await told(collected)).find(({ role }) => role === 'root')?.problem.code;
const loki = surveySeen().loki!;
const withPods = (...pods: readonly ReturnType<typeof pod>[]) => surveySeen({ loki: { ...loki, pods } });
const crash = (lines: readonly string[], ended = { reason: 'Error', exitCode: 1 }) =>
  pod('loki-ingester-0', 'ingester', {
    ready: false,
    lines,
    containers: [{ name: 'loki', restarts: 4, ended, waiting: { reason: 'CrashLoopBackOff', message: '' } }],
  });
const unplaced = (name: string, unscheduled: string, component = 'ingester') => pod(name, component, { ready: false, unscheduled });

describe('a healthy survey', () => {
  it('has no finding', async () => {
    expect(await told(surveySeen())).toEqual([]);
  });

  it('nor has one whose logs hold nothing but noise', async () => {
    const lines = [
      'ts=2026-01-07T00:00:00Z level=info msg="failed to register collector with remote server" service=remotecfg err="noop client"',
      'ts=2026-01-07T00:00:00Z level=error msg="position timer: error getting tail position and/or size, stopping tailer" error="file does not exist"',
      'level=error caller=retry.go:73 msg="error processing request" err="context canceled"',
      'ts=2026-01-07T00:00:00Z level=error msg="failed to tail file" err="stat /var/log/pods/a_b_c/d/0.log: no such file or directory"',
    ];
    expect(lines.every(isNoise)).toBe(true);
    expect(
      await told({
        ...surveySeen({ collectors: [collectorSeen({ pods: [pod('alloy-a', '', { lines })] })] }),
        loki: { ...loki, pods: [pod('loki-ingester-0', 'ingester', { lines })] },
      }),
    ).toEqual([]);
  });
});

describe('each class has its code', () => {
  const cases: Readonly<Record<string, readonly [string, Evidence]>> = {
    'no Loki': ['LOKI_NOT_FOUND', { ...surveySeen(), loki: undefined } as unknown as Evidence],
    'no collector': ['COLLECTOR_NOT_FOUND', surveySeen({ collectors: [] })],
    'fewer nodes than replicas': [
      'PODS_PENDING_SPREAD',
      withPods(unplaced('loki-ingester-2', "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.")),
    ],
    'a cache that asks too much': [
      'PODS_PENDING_CAPACITY',
      withPods(unplaced('loki-chunks-cache-0', '0/4 nodes are available: 4 Insufficient memory.', 'memcached-chunks-cache')),
    ],
    'a claim without a class': [
      'PODS_PENDING_VOLUME',
      withPods(unplaced('loki-ingester-0', '0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims.')),
    ],
    'another reason': ['PODS_PENDING', withPods(unplaced('loki-ingester-0', '0/4 nodes are available: 4 node(s) had untolerated taint {a: b}.'))],
    'an image that is limited': [
      'PODS_IMAGE_UNPULLABLE',
      withPods(
        pod('loki-0', 'ingester', {
          ready: false,
          containers: [{ name: 'loki', restarts: 0, waiting: { reason: 'ImagePullBackOff', message: '429 Too Many Requests: toomanyrequests' } }],
        }),
      ),
    ],
    memory: ['LOKI_OOM', withPods(crash([], { reason: 'OOMKilled', exitCode: 137 }))],
    'a full disk': ['LOKI_DISK_FULL', withPods(crash(['level=error msg="error running loki" err="open /var/loki/wal/00039919: no space left on device"']))],
    'an unknown field': ['LOKI_CONFIG_INVALID', withPods(crash(['failed parsing config: /etc/loki/config/config.yaml: yaml: unmarshal errors:']))],
    'the old words of the SDK': [
      'LOKI_IDENTITY_REFUSED',
      withPods(crash(['level=error err="WebIdentityErr: failed to retrieve credentials\\ncaused by: AccessDenied"'])),
    ],
    'the new words of the SDK': [
      'LOKI_IDENTITY_REFUSED',
      withPods(crash(['level=error err="operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, api error AccessDenied"'])),
    ],
    'another crash': ['LOKI_CRASHES', withPods(crash(['panic: runtime error']))],
    'a ring without ingesters': [
      'LOKI_RING_UNHEALTHY',
      surveySeen({ loki: { ...loki, ring: { active: 1, states: ['loki-ingester-0: ACTIVE', 'loki-ingester-1: UNHEALTHY'] } } }),
    ],
    'chunks in each pod': [
      'LOKI_STORAGE_LOCAL',
      surveySeen({ loki: { ...loki, buckets: [], config: { schema_config: { configs: [{ store: 'tsdb', schema: 'v13', object_store: 'filesystem' }] } } } }),
    ],
    'a path in the name of the bucket': ['LOKI_BUCKET_NAME', surveySeen({ loki: { ...loki, buckets: [bucket('loki-con/loki-chunks')] } })],
    'a bucket of others': ['LOKI_BUCKET_FOREIGN', surveySeen({ loki: { ...loki, buckets: [{ ...bucket('chunks'), look: { is: 'foreign' } }] } })],
    'the resolver': [
      'GATEWAY_RESOLVER',
      surveySeen({
        loki: {
          ...loki,
          pods: [
            pod('loki-gateway-0', 'gateway', { ready: false, lines: ['[emerg] 1#1: host not found in resolver "kube-dns.kube-system.svc.cluster.local."'] }),
          ],
          gateway: { ...loki.gateway!, workload: workload('loki-gateway', 'gateway', { ready: 0 }) },
        },
      }),
    ],
    'an answer of nginx alone': [
      'GATEWAY_UPSTREAM',
      surveySeen({ loki: { ...loki, gateway: { ...loki.gateway!, anonymous: { status: 502, body: '<html>502 Bad Gateway', headers: {} } } } }),
    ],
    'a limit': [
      'LOKI_RATE_LIMITED',
      surveySeen({ loki: { ...loki, counters: { received: 9, flushFailures: 0, discarded: [{ reason: 'rate_limited', tenant: 'foo', lines: 7 }] } } }),
    ],
    'a query that fails': ['QUERY_FAILS', surveySeen({ reading: { ...surveySeen().reading!, status: 500, body: 'too many unhealthy instances in the ring' } })],
    'nothing at all': ['NOTHING_ARRIVES', surveySeen({ reading: { as: 'the collector', status: 200, body: '', labels: [], asked: new Date(0) } })],
  };
  for (const [what, [code, collected]] of Object.entries(cases)) {
    it(`${what}: ${code}`, async () => {
      expect(await rootOf(collected)).toBe(code);
    });
  }

  it('old lines are refused rightly, which is a warning', async () => {
    const counters = { received: 9, flushFailures: 0, discarded: [{ reason: 'greater_than_max_sample_age', tenant: 'foo', lines: 7 }] };
    expect(await told(surveySeen({ loki: { ...loki, counters } }))).toMatchObject([{ severity: 'warn', problem: { code: 'LOKI_TIMES_REFUSED' } }]);
  });

  it('refusals that are over are no fault', async () => {
    const line = 'level=error ts=1970-01-01T00:00:01Z msg="failed to flush" err="operation error S3: PutObject, api error AccessDenied"';
    const after = { ...bucket('chunks'), newest: new Date(5_000) };
    const found = await told(surveySeen({ loki: { ...loki, pods: [pod('loki-ingester-0', 'ingester', { lines: [line] })], buckets: [after] } }));
    expect(found).toEqual([]);
  });
});

describe('secrets', () => {
  it('in addresses are not shown', async () => {
    const url = 'http://loki:hunter2@loki-gateway.loki/push';
    const [writer] = collectorSeen().writers;
    const text = JSON.stringify(await told(surveySeen({ collectors: [collectorSeen({ writers: [{ ...writer!, url }] })] })));
    expect(text).toContain('ALLOY_PUSH_URL');
    expect(text).toContain('http://***@loki-gateway.loki/push');
    expect(text).not.toContain('hunter2');
  });
});

describe('what is named first', () => {
  it('is what loses everything, before what loses some', async () => {
    const counters = { received: 9, flushFailures: 0, discarded: [{ reason: 'stream_limit', tenant: 'foo', lines: 7 }] };
    const reading = { as: 'the collector', status: 500, body: '', labels: [], asked: new Date(0) };
    const found = await told(surveySeen({ loki: { ...loki, counters }, reading }));
    expect(found.map(({ problem, role }) => `${problem.code} ${role}`)).toEqual(['LOKI_STREAMS_LIMITED also', 'QUERY_FAILS root']);
  });

  it('is the upstream one, and what follows from it is marked so', async () => {
    const killed = crash([], { reason: 'OOMKilled', exitCode: 137 });
    const found = await told(surveySeen({ loki: { ...loki, pods: [killed], ring: { active: 0, states: [] } } }));
    expect(found.map(({ problem, role }) => `${problem.code} ${role}`)).toEqual(['LOKI_OOM root', 'LOKI_RING_UNHEALTHY consequence']);
  });
});

describe('the checks', () => {
  it('stand in the order of the hops, each with an id of its own, and every hop has one', () => {
    expect(new Set(doctorChecks.map(({ id }) => id)).size).toBe(doctorChecks.length);
    expect([...new Set(doctorChecks.map(({ hop }) => hop))]).toEqual(hops);
  });
});
