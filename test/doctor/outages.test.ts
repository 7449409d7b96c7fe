/** No outage unseen: pushes that fail in silence, by counters, by the gateway's log, and by what is not there. */
import { describe, expect, it } from 'vitest';
import { rankFindings } from '../../src/commands/doctor/diagnose.ts';
import { accessOf } from '../../src/commands/doctor/analyze/access.ts';
import { countersIn } from '../../src/commands/doctor/analyze/counters.ts';
import { fileFault } from '../../src/commands/doctor/collect/objects.ts';
import { scaledToZero } from '../../src/checks/parts.ts';
import { doctorChecks } from '../../src/commands/doctor/analyze/index.ts';
import { pushed } from '../../src/commands/doctor/analyze/pushes.ts';
import type { CollectorEvidence, PushingEvidence } from '../../src/commands/doctor/analyze/collectors-evidence.ts';
import type { LokiEvidence } from '../../src/commands/doctor/analyze/loki-evidence.ts';
import type { PodTemplate, Workload } from '../../src/commands/doctor/analyze/objects-evidence.ts';
import type { Evidence } from '../../src/commands/doctor/analyze/evidence.ts';
import { runChecks } from '../../src/engine/run-checks.ts';
import { collectorSeen, lokiSeen, pod, surveySeen, workload } from './survey-maker.ts';

async function told(collected: Evidence) {
  const toProblem = (error: unknown) => {
    throw error;
  };
  return rankFindings(
    doctorChecks,
    await runChecks(doctorChecks, collected, { at: 'doctor', emit: () => {}, signal: new AbortController().signal, toProblem }),
  );
}
const rootOf = async (collected: Evidence) => (await told(collected)).find(({ role }) => role === 'root')?.problem;

const HOST = 'loki-gateway.loki';
const now = new Date(1_000_000);

interface Counts {
  readonly sent?: number;
  readonly dropped?: number;
  readonly retries?: number;
  readonly read?: number;
  readonly answers?: Readonly<Record<string, number>>;
}

/** As Alloy 1.18.1 writes it. */
const exposition = ({ sent = 0, dropped = 0, retries = 0, read = sent, answers = {} }: Counts, host = HOST) =>
  [
    '# TYPE loki_write_sent_entries_total counter',
    `loki_write_sent_entries_total{component_id="loki.write.gateway",component_path="/",host="${host}",tenant="dev"} ${sent}`,
    `loki_write_dropped_entries_total{component_id="loki.write.gateway",component_path="/",host="${host}",reason="ingester_error",tenant="dev"} ${dropped}`,
    `loki_write_batch_retries_total{component_id="loki.write.gateway",component_path="/",host="${host}",tenant="dev"} ${retries}`,
    ...Object.entries(answers).map(
      ([status, count]) =>
        `loki_write_request_duration_seconds_count{component_id="loki.write.gateway",component_path="/",host="${host}",status_code="${status}",tenant="dev"} ${count}`,
    ),
    `loki_source_file_read_lines_total{component_id="loki.source.file.pods",component_path="/",path="/var/log/pods/a/b/0.log"} ${read}`,
    'loki_source_file_files_active_total{component_id="loki.source.file.pods",component_path="/"} 3',
    '',
  ].join('\n');

const between = (name: string, before: Counts, after: Counts, host = HOST): PushingEvidence => ({
  pod: name,
  before: countersIn(exposition(before, host), { name, node: 'node-a' }),
  after: countersIn(exposition(after, host), { name, node: 'node-a' }),
  seconds: 17,
});

const BEFORE: Counts = { sent: 900, retries: 4, answers: { '204': 100, '500': 4 } };
const FAILING: Counts = { ...BEFORE, read: 950, retries: 6, answers: { '204': 100, '500': 4, '502': 2 } };
const silence: Counts = { ...BEFORE, read: 950, retries: 6, answers: { '204': 100, '500': 4, '-1': 2 } };
const DELIVERING: Counts = { ...BEFORE, sent: 960, read: 960, answers: { '204': 106, '500': 4 } };

const withPushes = (pushing: readonly PushingEvidence[], put: Partial<CollectorEvidence> = {}): CollectorEvidence =>
  collectorSeen({
    pods: pushing.map(({ pod: name }, index) => pod(name, '', { namespace: 'alloy', node: `node-${index}` })),
    counters: pushing.map(({ before }) => before),
    pushing,
    ...put,
  });
const seen = (pushing: readonly PushingEvidence[], put: Partial<LokiEvidence> = {}, more: Partial<Evidence> = {}): Evidence =>
  surveySeen({ done: now, loki: { ...surveySeen().loki!, ...put }, collectors: [withPushes(pushing)], ...more });

describe('what becomes of pushes between two readings', () => {
  it.each([
    ['delivering', BEFORE, DELIVERING],
    ['delivering', BEFORE, { ...DELIVERING, retries: 9 }],
    ['failing', BEFORE, FAILING],
    ['failing', BEFORE, silence],
    ['failing', { retries: 1, answers: { '-1': 1 } }, { retries: 2, answers: { '-1': 2 }, read: 4 }],
    ['failing', BEFORE, { ...BEFORE, answers: { '204': 100, '429': 1, '500': 4 } }],
    ['waiting', { ...BEFORE, read: 950 }, { ...BEFORE, read: 950 }],
    ['waiting', { sent: 10 }, { sent: 10, read: 12 }],
    ['idle', BEFORE, BEFORE],
    ['idle', { sent: 10, read: 12 }, { sent: 10, read: 12 }],
    ['dropping', BEFORE, { ...BEFORE, dropped: 5, answers: { '204': 100, '400': 1, '500': 4 } }],
    ['restarted', BEFORE, { sent: 3 }],
  ])('%s', (state, before, after) => {
    expect(pushed(between('alloy-a', before, after)).state).toBe(state);
  });

  it('heeds the hosts that matter, where it knows them', () => {
    const other = between('alloy-a', BEFORE, FAILING, 'elsewhere.example.com');
    expect(pushed(other, new Set([HOST])).state).not.toBe('failing');
    expect(pushed(other).state).toBe('failing');
  });

  it("reads Promtail's counters as well", () => {
    const text =
      'promtail_sent_entries_total{host="a"} 7\npromtail_request_duration_seconds_count{host="a",status_code="500"} 2\npromtail_batch_retries_total{host="a"} 2\n';
    expect(countersIn(text, { name: 'promtail-a' }).pushes).toEqual({ a: { sent: 7, dropped: 0, retries: 2, answers: { '500': 2 } } });
  });
});

describe('an outage that no collector says a word about', () => {
  it.each([
    ['502', FAILING, 'GATEWAY_UPSTREAM', /HTTP 502/],
    ['-1', silence, 'ALLOY_PUSH_REFUSED', /get no answer/],
    ['500', { ...BEFORE, read: 950, retries: 6, answers: { '204': 100, '500': 6 } }, 'ALLOY_PUSH_REFUSED', /HTTP 500/],
    ['503', { ...BEFORE, read: 950, answers: { '204': 100, '500': 4, '503': 2 } }, 'GATEWAY_UPSTREAM', /HTTP 503/],
    ['429', { ...BEFORE, read: 950, answers: { '204': 100, '500': 4, '429': 2 } }, 'ALLOY_PUSH_REFUSED', /HTTP 429/],
  ])('is seen by counters, status %s', async (_, after, code, words) => {
    const root = await rootOf(seen([between('alloy-a', BEFORE, after), between('alloy-b', BEFORE, after)]));
    expect(root).toMatchObject({ code, message: expect.stringMatching(words) });
    expect(root?.evidence?.join(' ')).toContain('loki_write_sent_entries_total 900');
  });

  it("brings Loki's own answer along", async () => {
    const answer =
      'level=warn ts=1970-01-01T00:16:39Z caller=logging.go:144 orgID=dev msg="POST /loki/api/v1/push (500) 763.684µs Response: \\"context deadline exceeded\\\\n\\""';
    const after: Counts = { ...BEFORE, read: 950, answers: { '204': 100, '500': 9 } };
    const pods = [...lokiSeen().pods, pod('loki-distributor-0', 'distributor', { lines: [answer] })];
    expect((await rootOf(seen([between('alloy-a', BEFORE, after)], { pods })))?.evidence?.join(' ')).toContain('context deadline exceeded');
  });

  it('is none where everybody delivers, whatever was refused before', async () => {
    expect(await told(seen([between('alloy-a', { ...BEFORE, retries: 400 }, { ...DELIVERING, retries: 401 })]))).toEqual([]);
  });

  it('is none while Loki has only just come up', async () => {
    const just = new Date(now.getTime() - 12_000);
    const pods = ['ingester', 'gateway', 'distributor'].map((component) => pod(`loki-${component}-0`, component, { readySince: just }));
    expect(await told(seen([between('alloy-a', BEFORE, FAILING)], { pods }))).toEqual([]);
  });

  it('of some nodes only is the way from there', async () => {
    const root = await rootOf(seen([between('alloy-a', BEFORE, silence), between('alloy-b', BEFORE, DELIVERING), between('alloy-c', BEFORE, DELIVERING)]));
    expect(root).toMatchObject({ code: 'COLLECTOR_NODE_NETWORK', message: expect.stringContaining('2 of 3 nodes') });
  });

  it('no fix says that collectors are to be restarted', async () => {
    for (const after of [FAILING, silence])
      for (const { problem } of await told(seen([between('alloy-a', BEFORE, after)])))
        expect(problem.fix).not.toMatch(/delete (the )?(one )?pod|rollout restart|kill/);
  });
});

const access = (seconds: number, status: number, agent = 'Alloy/v1.18.1 (linux; helm)', method = 'POST') =>
  `10.244.0.31 - loki [01/Jan/1970:00:${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')} +0000]  ${status} "${method} /loki/api/v1/${method === 'POST' ? 'push' : 'labels'} HTTP/1.1" 0 "-" "${agent}" "-"`;
const atGateway = (lines: readonly string[]): Partial<LokiEvidence> => ({
  pods: [pod('loki-ingester-0', 'ingester'), pod('loki-gateway-0', 'gateway', accessOf(lines))],
});

describe("the gateway's own log", () => {
  it('counts pushes that were taken, and keeps what matters', () => {
    const { lines, access: seenPushes } = accessOf([
      ...Array.from({ length: 2000 }, (_, at) => access(900 + (at % 60), 204)),
      access(950, 502),
      access(951, 401, 'Grafana/12', 'GET'),
      access(952, 200, 'kube-probe/1.34', 'GET'),
      '2026/11/28 18:27:37 [error] 8#8: *97 loki-distributor.loki.svc.cluster.local could not be resolved (3: Host not found)',
    ]);
    expect(lines).toHaveLength(3);
    expect(seenPushes).toMatchObject({ taken: 2000, refused: [{ status: 502, count: 1 }] });
  });

  it.each([502, 503, 504, 499])('tells of %d where counters can not be read', async (status) => {
    const root = await rootOf(seen([], atGateway([access(930, 204), access(960, status), access(975, status), access(990, status)])));
    expect(root?.code).toBe('GATEWAY_UPSTREAM');
  });

  it('what was taken since is over', async () => {
    expect(await told(seen([], atGateway([access(960, 502), access(975, 502), access(990, 204)])))).toEqual([]);
  });

  it('one that other collectors got past is a moment', async () => {
    expect(await told(seen([between('alloy-a', BEFORE, DELIVERING)], atGateway([access(994, 502), access(995, 502)])))).toEqual([]);
  });

  it('names what it should pass on to and is not there', async () => {
    const url = 'http://loki-distributor.loki.svc.cluster.local:3100';
    const gateway = { ...lokiSeen().gateway!, upstreams: [url] };
    const root = await rootOf(seen([between('alloy-a', BEFORE, FAILING)], { gateway }, { services: new Map([[url, undefined]]) }));
    expect(root?.evidence?.join('\n')).toContain(`${url}, and there is no Service of that name`);
  });

  it('reads pages of nginx with its version', async () => {
    const answer = {
      status: 502,
      headers: {},
      body: '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.31.0</center>\r\n</body>\r\n</html>\r\n',
    };
    const root = await rootOf(seen([], { gateway: { ...lokiSeen().gateway!, anonymous: answer } }));
    expect(root?.evidence?.[0]).toMatch(/HTTP 502 Bad Gateway \(nginx\)$/);
  });
});

const micro = ['distributor', 'ingester', 'querier', 'query-frontend', 'query-scheduler', 'index-gateway', 'compactor', 'gateway'];
const MODES: Readonly<Record<string, readonly string[]>> = {
  microservices: micro,
  'simple scalable': ['write', 'read', 'backend', 'gateway'],
  'one binary': ['single-binary', 'gateway'],
};
const CODES: Readonly<Record<string, string>> = {
  ingester: 'LOKI_NO_INGESTERS',
  write: 'LOKI_COMPONENT_SCALED_DOWN',
  'single-binary': 'LOKI_COMPONENT_SCALED_DOWN',
  'query-scheduler': 'LOKI_NO_SCHEDULER',
  gateway: 'GATEWAY_UNAVAILABLE',
};
const parts = Object.entries(MODES).flatMap(([mode, components]) => components.map((component) => [mode, component] as const));
const lokiOf = (mode: string, change: (one: Workload) => Workload): Partial<LokiEvidence> => {
  const workloads = MODES[mode]!.map((component) => change(workload(`loki-${component}`, component, { wanted: 2, ready: 2, claims: ['data'] })));
  const gateway = { ...lokiSeen().gateway!, workload: workloads.find(({ component }) => component === 'gateway')! };
  const config = {
    ...(lokiSeen().config as object),
    storage_config: { tsdb_shipper: { index_gateway_client: { server_address: 'dns:///loki-index-gateway' } } },
  };
  return {
    workloads,
    gateway,
    config: config as never,
    pods: workloads.filter(({ wanted }) => wanted > 0).map(({ name, component }) => pod(`${name}-0`, component)),
  };
};

describe('a part with zero replicas', () => {
  it.each(parts)('%s: %s is a fault, in a Loki of ours and in any other', async (mode, component) => {
    const put = lokiOf(mode, (one) => (one.component === component ? { ...one, wanted: 0, ready: 0 } : one));
    for (const ours of [true, false]) {
      const found = await told(seen([between('alloy-a', BEFORE, DELIVERING)], put, { ours }));
      const code = CODES[component] ?? 'LOKI_COMPONENT_SCALED_DOWN';
      const failed = found.filter(({ severity }) => severity === 'fail').map(({ problem }) => problem);
      expect(failed[0]).toMatchObject({ code });
      expect(`${failed[0]!.message} ${failed[0]!.evidence?.join(' ')}`).toContain(`loki-${component}`);
    }
  });

  it.each(Object.keys(MODES))('%s: nothing is, where everything has some', async (mode) => {
    expect(
      await told(
        seen(
          [between('alloy-a', BEFORE, DELIVERING)],
          lokiOf(mode, (one) => one),
        ),
      ),
    ).toEqual([]);
  });

  it('is none where others do the same: on the way from one mode to another, or by zone', () => {
    const part = (component: string, wanted: number) => ({ component, wanted, ready: wanted });
    expect(scaledToZero([part('write', 0), part('distributor', 1), part('ingester', 1), part('read', 1), part('backend', 1)])).toEqual([]);
    expect(scaledToZero([part('ingester-zone-a', 0), part('ingester-zone-b', 3), part('distributor', 1)])).toEqual([]);
    expect(scaledToZero([part('ingester-zone-a', 0), part('ingester-zone-b', 0)]).map(({ work }) => work)).toEqual(['store']);
  });
});

describe('a part whose process does not go on', () => {
  const old = { created: new Date(now.getTime() - 3_600_000), containers: [{ name: 'loki', restarts: 0, startedAt: new Date(now.getTime() - 3_600_000) }] };
  const works = parts.filter(([, component]) => !['gateway', 'query-scheduler', 'index-gateway', 'compactor', 'backend'].includes(component));
  const stopped = (mode: string, component: string, ready: boolean): Partial<LokiEvidence> => {
    const put = lokiOf(mode, (one) => (one.component === component && !ready ? { ...one, ready: 0 } : one));
    const pods = put.pods!.map((one) => (one.component === component ? { ...one, ...old, ready } : one));
    const asked = [...pods.map(({ name }) => name), 'loki-other-0'];
    return { ...put, pods, asked, mute: [{ pod: `loki-${component}-0`, why: 'no answer within 6 s' }] };
  };
  it.each(works)('%s: %s, as long as Kubernetes takes it for ready', async (mode, component) => {
    const found = await told(seen([between('alloy-a', BEFORE, silence)], stopped(mode, component, true)));
    expect(found.map(({ problem }) => problem.code)).toContain('LOKI_COMPONENT_DOWN');
    expect(found.find(({ role }) => role === 'root')?.problem.message).toContain(`loki-${component}`);
  });
  it.each(works)('%s: %s, and after that', async (mode, component) => {
    const root = await rootOf(seen([between('alloy-a', BEFORE, FAILING)], stopped(mode, component, false)));
    expect(root).toMatchObject({ code: 'LOKI_COMPONENT_DOWN', message: expect.stringContaining(`loki-${component}`) });
  });
  it('is none where nobody answers: that is the way there', async () => {
    const put = lokiOf('microservices', (one) => one);
    const asked = put.pods!.map(({ name }) => name);
    expect(await told(seen([], { ...put, asked, mute: asked.map((name) => ({ pod: name, why: 'no answer within 6 s' })) }))).toEqual([]);
  });
});

describe('a password that the collector can not read', () => {
  const template = (run: object, volume: object = {}, own: object = {}): PodTemplate => ({
    containers: [{ name: 'alloy', securityContext: own, volumeMounts: [{ name: 'login', mountPath: '/etc/loki-eks' }] }],
    volumes: [{ name: 'login', secret: { secretName: 'login', ...volume } }],
    securityContext: run,
  });
  const faultOf = (of: PodTemplate, data: object | undefined = { password: 'eA==' }) =>
    fileFault(
      { get: async () => data && { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login' }, data } },
      { namespace: 'alloy', template: of, container: of.containers[0]!, path: '/etc/loki-eks/password' },
    );
  it.each([
    [template({ runAsUser: 473 }, { defaultMode: 0o400 }), /mode 0400, and the process runs as user 473/],
    [template({}, { defaultMode: 0o400 }, { runAsUser: 473, runAsGroup: 0 }), /user 473/],
    [template({ runAsUser: 473, runAsGroup: 473 }, { defaultMode: 0o440 }), /mode 0440/],
    [template({}, { items: [{ key: 'password', path: 'password', mode: 0o600 }] }, { runAsUser: 1000 }), /mode 0600/],
  ])('by its mode', async (of, words) => {
    expect(await faultOf(of)).toMatch(words);
  });
  it.each([
    template({}, { defaultMode: 0o400 }),
    template({ runAsUser: 0 }, { defaultMode: 0o400 }),
    template({ runAsUser: 473 }),
    template({ runAsUser: 473, fsGroup: 473 }, { defaultMode: 0o400 }),
    template({ runAsUser: 473, runAsGroup: 0 }, { defaultMode: 0o440 }),
    template({ runAsUser: 473, supplementalGroups: [0] }, { defaultMode: 0o440 }),
  ])('it can: %#', async (of) => {
    expect(await faultOf(of)).toBeUndefined();
  });
  it('because it is not there', async () => {
    expect(await faultOf(template({}), { user: 'eA==' })).toBe('Secret alloy/login has no key password, only user');
    expect(
      await fileFault(
        { get: async () => undefined },
        { namespace: 'alloy', template: template({}), container: template({}).containers[0]!, path: '/etc/loki-eks/password' },
      ),
    ).toBe('Secret alloy/login does not exist');
  });

  const [writer] = collectorSeen().writers;
  const unreadable = (after: Counts) => {
    const pushing = [between('alloy-a', BEFORE, after), between('alloy-b', BEFORE, after)];
    return surveySeen({ done: now, collectors: [withPushes(pushing, { writers: [{ ...writer!, passwordFault: 'Secret alloy/login has no key password' }] })] });
  };
  it('is the cause, and the silence its symptom', async () => {
    const found = await told(unreadable(silence));
    expect(found.map(({ role, problem }) => [role, problem.code])).toEqual([
      ['root', 'WRITER_PASSWORD_UNREADABLE'],
      ['consequence', 'ALLOY_PUSH_REFUSED'],
    ]);
  });
  it('is none where pushes are taken', async () => {
    expect(await told(unreadable(DELIVERING))).toEqual([]);
  });
});

describe('a network policy', () => {
  const deny = (namespace: string) => ({ namespace, name: 'default-deny', podSelector: {}, types: ['Ingress', 'Egress'], ingress: [], egress: [] });
  const pods = [pod('loki-ingester-0', 'ingester'), pod('loki-gateway-0', 'gateway'), pod('loki-distributor-0', 'distributor')];
  it.each([
    ['alloy', silence],
    ['loki', silence],
    ['loki', FAILING],
  ])('of namespace %s that cuts pushes off is named, though queries are answered and a line is new', async (namespace, after) => {
    const root = await rootOf(
      seen(
        [between('alloy-a', BEFORE, after)],
        { pods, gateway: { ...lokiSeen().gateway!, anonymous: { status: 401, headers: {}, body: '' } } },
        { policies: [deny(namespace)] },
      ),
    );
    expect(root).toMatchObject({ code: 'NETWORK_POLICY', message: expect.stringContaining(`${namespace}/default-deny`) });
  });
  it('that nothing enforces is none', async () => {
    expect(await told(seen([between('alloy-a', BEFORE, DELIVERING)], { pods }, { policies: [deny('loki'), deny('alloy')] }))).toEqual([]);
  });
});

describe('counters of Loki have no time', () => {
  const counters = (reason: string) => ({ counters: { received: 10_000, flushFailures: 0, discarded: [{ reason, tenant: 'dev', lines: 3639 }] } });
  it.each(['rate_limited', 'per_stream_rate_limit', 'stream_limit'])('%s that collectors got past loses nothing', async (reason) => {
    const found = await told(seen([between('alloy-a', BEFORE, DELIVERING)], counters(reason)));
    expect(found.map(({ severity, problem }) => [severity, problem.message])).toEqual([['warn', expect.stringContaining('lost none')]]);
  });
  it.each(['rate_limited', 'stream_limit'])('%s that collectors have given lines up for does', async (reason) => {
    const after = { ...DELIVERING, dropped: 12 };
    expect(
      (await told(seen([between('alloy-a', { ...BEFORE, dropped: 12 }, after)], counters(reason)))).map(({ severity, hop }) => `${severity} ${hop}`),
    ).toContain('fail limits');
  });
  it('one label fault is one finding, though Loki counts it twice', async () => {
    const discarded = ['invalid_labels', 'max_label_names_per_series'].map((reason) => ({ reason, tenant: 'dev', lines: 7 }));
    const found = await told(seen([], { counters: { received: 10, flushFailures: 0, discarded } }));
    expect(found.map(({ problem }) => problem.code)).toEqual(['LOKI_LABELS_LIMITED']);
    expect(found[0]?.problem.message).toContain('7 lines of tenant dev: max_label_names_per_series');
  });
});

describe('lines that are sent and not found', () => {
  it('are a warning within minutes', async () => {
    const reading = { ...surveySeen().reading!, asked: now, newest: { line: 'x', labels: {}, time: new Date(now.getTime() - 300_000) } };
    const found = await told(seen([between('alloy-a', BEFORE, DELIVERING)], {}, { reading }));
    expect(found[0]?.problem).toMatchObject({ code: 'LOGS_STALE', message: expect.stringContaining('though collectors deliver') });
    expect(await told(seen([between('alloy-a', BEFORE, BEFORE)], {}, { reading }))).toEqual([]);
  });
});

describe("an API server that does not reach the nodes' kubelets", () => {
  it('is named as that, and nothing else is blamed', async () => {
    const unreached = {
      code: 'KUBE_KUBELET_UNREACHABLE',
      message: "The Kubernetes API server can't reach the kubelet of node a (10.0.0.1:10250): i/o timeout",
      fix: 'open the port',
      evidence: ['HTTP 500 dial tcp 10.0.0.1:10250: i/o timeout'],
    };
    const healthy = surveySeen();
    const without = <T extends object, K extends keyof T>(from: T, ...keys: readonly K[]) =>
      Object.fromEntries(Object.entries(from).filter(([key]) => !keys.includes(key as K))) as Omit<T, K>;
    const pods = healthy.loki!.pods.map((one) => without(one, 'lines'));
    const loki = without(healthy.loki!, 'counters', 'ring');
    const found = await told({
      ...without(healthy, 'reading'),
      loki: { ...loki, pods },
      collectors: [collectorSeen({ counters: [], pods: [pod('alloy-a', '', { namespace: 'alloy' })] })],
      unreached,
    });
    expect(found.map(({ role, problem }) => [role, problem.code, problem.message])).toEqual([['root', 'KUBELETS_UNREACHABLE', unreached.message]]);
  });
});
