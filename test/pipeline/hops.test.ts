/** The log path over objects written by hand: no helm, one Loki that is everything, one collector, one gateway. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Pod } from '../../src/sandbox/cluster/shapes.ts';
import { encodePush } from '../../src/sandbox/logs/push-codec.ts';
import { createLogWorld, type LogWorld } from '../support/log-world.ts';

const ROLE = 'arn:aws:iam::111122223333:role/r';
const LOKI = `auth_enabled: true
common: {path_prefix: /var/loki, replication_factor: 1, storage: {s3: {bucketnames: logs, region: eu-west-1}}}
schema_config: {configs: [{from: "2024-01-01", store: tsdb, object_store: s3, schema: v13, index: {prefix: i_, period: 24h}}]}
`;
const NGINX = `events {} http { server { listen 8080; location = / { return 200 'OK'; } location / { proxy_pass http://loki.loki.svc.cluster.local:3100$request_uri; } } }`;
const alloy = (pipeline = 'stage.cri { }', source = FILE): string => `
discovery.kubernetes "p" { 
  role = "pod" 
}
${source}
loki.process "p" {
  ${pipeline}
  forward_to = [loki.write.w.receiver]
}
loki.write "w" {
  endpoint {
    url = "http://gateway.loki/loki/api/v1/push"
    headers = { "x-scope-orgid" = "t" }
  }
}
`;
const FILE = `
discovery.relabel "p" {
  targets = discovery.kubernetes.p.targets
  rule {
    source_labels = ["__meta_kubernetes_pod_uid", "__meta_kubernetes_pod_container_name"]
    separator     = "/"
    target_label  = "__path__"
    replacement   = "/host/log/pods/*$1/*.log"
  }
  rule {
    source_labels = ["__meta_kubernetes_pod_name"]
    target_label  = "pod"
  }
}
local.file_match "p" {
  path_targets = discovery.relabel.p.output
}
loki.source.file "p" {
  targets    = local.file_match.p.targets
  forward_to = [loki.process.p.receiver]
}`;
const TAIL = `
loki.source.kubernetes "p" {
  targets    = discovery.kubernetes.p.targets
  forward_to = [loki.process.p.receiver]
}`;

const object = (kind: string, namespace: string | undefined, name: string, content: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  ...content,
});

interface Options {
  readonly config?: string;
  readonly loki?: string;
  readonly nginx?: string;
  readonly resources?: readonly string[];
  readonly storage?: 'host' | 'container';
  readonly disk?: boolean;
  readonly buckets?: readonly string[];
  readonly command?: readonly string[];
}

function lokiPod(world: LogWorld, options: Options): Pod {
  const data = options.disk === true ? { persistentVolumeClaim: { claimName: 'data-loki-0' } } : { emptyDir: {} };
  return world.run(
    {
      metadata: { labels: { app: 'loki' } },
      spec: {
        serviceAccountName: 'loki',
        containers: [
          {
            name: 'loki',
            image: 'grafana/loki:3.7.6',
            args: ['-config.file=/etc/loki/c.yaml', '-target=all'],
            ports: [{ containerPort: 3100 }],
            volumeMounts: [
              { name: 'c', mountPath: '/etc/loki' },
              { name: 'd', mountPath: '/var/loki' },
            ],
          },
        ],
        volumes: [
          { name: 'c', configMap: { name: 'loki' } },
          { name: 'd', ...data },
        ],
      },
    },
    { name: 'loki-0', namespace: 'loki', node: 'node-a' },
  );
}

function collector(world: LogWorld, options: Options): Pod {
  const storage = { name: 's', mountPath: '/var/alloy' };
  return world.run(
    {
      metadata: { labels: { app: 'alloy' } },
      spec: {
        serviceAccountName: 'alloy',
        containers: [
          {
            name: 'alloy',
            image: 'grafana/alloy:v1.18.1',
            ...(options.command && { command: options.command }),
            args: ['run', '/etc/alloy/c.alloy', '--storage.path=/var/alloy'],
            ports: [{ containerPort: 12_345 }],
            volumeMounts: [
              { name: 'c', mountPath: '/etc/alloy' },
              { name: 'log', mountPath: '/host/log' },
              ...(options.storage === 'container' ? [] : [storage]),
            ],
          },
          { name: 'reloader', image: 'reloader', args: ['--reload-url=http://localhost:12345/-/reload'] },
        ],
        volumes: [
          { name: 'c', configMap: { name: 'alloy' } },
          { name: 'log', hostPath: { path: '/var/log' } },
          { name: 's', hostPath: { path: '/var/lib/alloy' } },
        ],
      },
    },
    { name: 'alloy-a', namespace: 'alloy', node: 'node-a', owner: { kind: 'DaemonSet', name: 'alloy' } },
  );
}

function world(options: Options = {}) {
  const made = createLogWorld({
    roles: { [ROLE]: { subject: 'system:serviceaccount:loki:loki', audience: 'sts.amazonaws.com', buckets: options.buckets ?? ['logs'] } },
  });
  const { store } = made;
  store.create(object('ConfigMap', 'loki', 'loki', { data: { 'c.yaml': options.loki ?? LOKI } }));
  store.create(object('ConfigMap', 'loki', 'gateway', { data: { 'nginx.conf': options.nginx ?? NGINX } }));
  store.create(object('ConfigMap', 'alloy', 'alloy', { data: { 'c.alloy': options.config ?? alloy() } }));
  store.create({
    ...object('ServiceAccount', 'loki', 'loki', {}),
    metadata: { name: 'loki', namespace: 'loki', annotations: { 'eks.amazonaws.com/role-arn': ROLE } },
  });
  store.create(object('ClusterRole', undefined, 'alloy', { rules: [{ apiGroups: [''], resources: options.resources ?? ['pods', 'pods/log'], verbs: ['*'] }] }));
  store.create(
    object('ClusterRoleBinding', undefined, 'alloy', {
      roleRef: { kind: 'ClusterRole', name: 'alloy' },
      subjects: [{ kind: 'ServiceAccount', name: 'alloy', namespace: 'alloy' }],
    }),
  );
  store.create(object('Service', 'loki', 'loki', { spec: { selector: { app: 'loki' }, ports: [{ port: 3100 }] } }));
  store.create(object('Service', 'loki', 'gateway', { spec: { selector: { app: 'gateway' }, ports: [{ port: 80, targetPort: 8080 }] } }));
  lokiPod(made, options);
  made.run(
    {
      metadata: { labels: { app: 'gateway' } },
      spec: {
        containers: [{ name: 'nginx', image: 'nginx', ports: [{ containerPort: 8080 }], volumeMounts: [{ name: 'c', mountPath: '/etc/nginx' }] }],
        volumes: [{ name: 'c', configMap: { name: 'gateway' } }],
      },
    },
    { name: 'gateway-0', namespace: 'loki', node: 'node-b' },
  );
  made.advance(2_000);
  made.ready();
  const alloyPod = collector(made, options);
  const job = (node: string): Pod =>
    made.run({ metadata: { labels: {} }, spec: { containers: [{ name: 'main', image: 'busybox' }] } }, { name: `job-${node}`, namespace: 'jobs', node });
  const all = async (query = '{pod=~"job.*"}') => {
    const response = await made.call('loki/loki-0', { path: `/loki/api/v1/query_range?query=${encodeURIComponent(query)}`, headers: { 'x-scope-orgid': 't' } });
    if (response.status !== 200) throw new Error(`${response.status}: ${response.body}`);
    return (JSON.parse(response.body) as { data: { result: { stream: Record<string, string>; values: [string, string][] }[] } }).data.result.flatMap(
      ({ stream, values }) => values.map(([, line]) => ({ line, stream })),
    );
  };
  const push = (streams: readonly object[], headers: Readonly<Record<string, string>> = { 'X-Scope-OrgID': 't' }) =>
    made.call('loki/loki-0', {
      method: 'POST',
      path: '/loki/api/v1/push',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ streams }),
    });
  const nanos = (msAgo = 0): string => String(BigInt(made.clock.now().getTime() - msAgo) * 1_000_000n);
  return { ...made, alloyPod, job, all, push, nanos };
}

const said = (of: LogWorld, container: string): string =>
  of.printed
    .filter((entry) => entry.container === container)
    .map((entry) => entry.line)
    .join('\n');

describe('reading', () => {
  it('sees the files of its own node only, at the path they are mounted', async () => {
    const of = world();
    of.write(of.job('node-a'), 'main', 'here');
    of.write(of.job('node-b'), 'main', 'there');
    of.advance(2_000);
    expect(await of.all()).toMatchObject([
      { line: 'here', stream: { pod: 'job-node-a', filename: expect.stringMatching(/^\/host\/log\/pods\/jobs_job-node-a_uid-\d+\/main\/0\.log$/) } },
    ]);
  });

  it('joins a line that containerd cut in two', async () => {
    const of = world();
    const long = 'x'.repeat(20_000);
    of.write(of.job('node-a'), 'main', long);
    of.advance(2_000);
    expect((await of.all()).map(({ line }) => line)).toEqual([long]);
  });

  it.each([
    ['host', 1],
    ['container', 2],
  ] as const)('with positions in the %s, a restart reads the file %i time(s) in all', async (storage, times) => {
    const of = world({ storage, config: alloy() });
    const job = of.job('node-a');
    of.write(job, 'main', 'once');
    of.advance(12_000);
    const lines = async () =>
      (await of.call('alloy/alloy-a', { path: '/metrics' })).body
        .split('\n')
        .filter((line) => line.startsWith('loki_source_file_read_lines_total') && line.includes('job-node-a')).length;
    const before = await lines();
    of.restart(of.store.get('Pod', 'alloy', 'alloy-a') as Pod);
    of.advance(2_000);
    expect(before + (await lines())).toBe(times);
  });

  it('through the API: any node, no mount, no CRI frame, but pods/log allowed', async () => {
    const of = world({ config: alloy('stage.static_labels {\n values = { pod = "job" }\n}', TAIL) });
    of.write(of.job('node-b'), 'main', 'tailed');
    of.advance(2_000);
    expect((await of.all('{pod="job", instance="jobs/job-node-b:main"}')).map(({ line }) => line)).toEqual(['tailed']);
    const refused = world({ config: alloy('', TAIL), resources: ['pods'] });
    refused.write(refused.job('node-b'), 'main', 'tailed');
    refused.advance(2_000);
    expect(said(refused, 'alloy')).toContain('cannot get resource \\"pods/log\\"');
  });

  const printed = (lines: number, from = 0): readonly string[] => Array.from({ length: lines }, (_, at) => `${from + at} ${'x'.repeat(1000)}`);
  const arrived = async (of: ReturnType<typeof world>): Promise<readonly number[]> => {
    const response = await of.call('loki/loki-0', { path: '/loki/api/v1/query_range?query={pod=~"job.*"}&limit=5000', headers: { 'x-scope-orgid': 't' } });
    const { data } = JSON.parse(response.body) as { data: { result: { values: [string, string][] }[] } };
    return [...new Set(data.result.flatMap(({ values }) => values.map(([, line]) => Number(line.split(' ')[0]))))].toSorted((a, b) => a - b);
  };
  const outage = (of: ReturnType<typeof world>, during: () => void): void => {
    const service = of.store.get('Service', 'loki', 'gateway') as KubeObject;
    of.store.delete('Service', 'loki', 'gateway');
    during();
    of.store.create(service);
    of.advance(400_000);
  };
  const kill = (of: ReturnType<typeof world>): void => {
    of.restart(of.store.get('Pod', 'alloy', 'alloy-a') as Pod);
    of.advance(1_000);
  };

  it.each([
    ['nothing else', () => undefined, true],
    ['the collector killed', kill, false],
    ['the pod of the collector deleted', (of: ReturnType<typeof world>) => (of.store.delete('Pod', 'alloy', 'alloy-a'), collector(of, {})), false],
  ])('while no push is taken, and %s', async (_, during, kept) => {
    const of = world();
    const job = of.job('node-a');
    of.advance(1_000);
    outage(of, () => {
      for (const line of printed(50)) of.write(job, 'main', line);
      of.advance(25_000);
      during(of);
      for (const line of printed(50, 50)) of.write(job, 'main', line);
    });
    const numbers = await arrived(of);
    expect(numbers.filter((number) => number >= 50)).toHaveLength(50);
    expect(numbers.filter((number) => number < 50)).toHaveLength(kept ? 50 : 0);
  });

  it('with the checkpoint script beside it, a collector that is killed reads again what was not taken', async () => {
    const of = world({
      command: ['/bin/sh', '-c', 'perl /etc/checkpoint.pl restore "$@"; perl /etc/checkpoint.pl track "$@" & exec /bin/alloy "$@"', 'alloy'],
    });
    const job = of.job('node-a');
    of.advance(1_000);
    outage(of, () => {
      for (const line of printed(50)) of.write(job, 'main', line);
      of.advance(25_000);
      kill(of);
    });
    expect(await arrived(of)).toHaveLength(50);
  });

  it.each([
    ['loses the files between the one that it has open and the newest', undefined, false],
    [
      'loses none with a write-ahead log',
      'wal {\n enabled = true\n max_segment_age = "1h"\n min_read_frequency = "250ms"\n max_read_frequency = "1s"\n drain_timeout = "30s"\n }',
      true,
    ],
  ])('while no push is taken and a file is rotated four times, %s', async (_, wal, whole) => {
    const of = world({
      config: alloy().replace(/(loki\.write "w" \{)/, `$1\n${wal ?? ''}`),
      nginx: NGINX.replace('listen', 'client_max_body_size 64m; listen'),
      loki: `${LOKI}limits_config: {max_line_size: 8MB}\n`,
    });
    const job = of.job('node-a');
    of.advance(1_000);
    const half = 'y'.repeat(512 * 1024);
    outage(of, () => {
      // Twenty lines of half a MiB fill a file of 10 MiB.
      for (let line = 0; line < 100; line += 1) {
        of.write(job, 'main', `${line} ${half}`);
        of.advance(500);
      }
    });
    const numbers = await arrived(of);
    const lost = Array.from({ length: 100 }, (__, at) => at).filter((number) => !numbers.includes(number));
    if (whole) expect(lost).toEqual([]);
    else {
      // Whole files from the middle, no more: the beginning was in memory, the end is in the newest file.
      expect(lost.length).toBeGreaterThan(19);
      expect(lost).toEqual(Array.from({ length: lost.length }, (__, at) => (lost[0] ?? 0) + at));
      expect(numbers).toContain(99);
      expect(numbers).toContain(0);
    }
  });

  it('does not try again what is too large for the gateway, and loses it with its neighbours; a bounded line arrives cut', async () => {
    // Snappy makes nothing of noise.
    const noise = randomBytes(3_400_000).toString('base64');
    const nginx = NGINX.replace('listen', 'client_max_body_size 4m; listen');
    const loki = `${LOKI}limits_config: {max_line_size_truncate: true}\n`;
    const of = world({ nginx, loki });
    of.write(of.job('node-a'), 'main', noise);
    of.advance(20_000);
    expect(await of.all()).toEqual([]);
    expect(said(of, 'alloy')).toMatch(/final error sending batch, no retries left, dropping data" .*status=413 .*413 Request Entity Too Large/);
    const cut = world({ nginx, loki, config: alloy('stage.cri {\n max_partial_line_size = 262144\n max_partial_line_size_truncate = true\n }') });
    cut.write(cut.job('node-a'), 'main', noise);
    cut.advance(20_000);
    expect((await cut.all()).map(({ line }) => line)).toEqual([noise.slice(0, 262_144)]);
  });

  it('finds the files of a static pod below the hash of its manifest', async () => {
    const of = world();
    const hash = '3f1c2d';
    const annotations = { 'kubernetes.io/config.hash': hash, 'kubernetes.io/config.mirror': hash };
    const pod = of.job('node-a');
    of.store.update({ ...pod, metadata: { ...pod.metadata, annotations } });
    of.write(of.store.get('Pod', 'jobs', 'job-node-a') as Pod, 'main', 'static');
    of.advance(2_000);
    expect(await of.all()).toEqual([]);
    const rule = `rule {
      source_labels = ["__meta_kubernetes_pod_annotation_kubernetes_io_config_hash", "__meta_kubernetes_pod_container_name"]
      separator     = "/"
      regex         = "(.+)/(.+)"
      target_label  = "__path__"
      replacement   = "/host/log/pods/*$1/$2/*.log"
    }`;
    const other = world({ config: alloy().replace(/\}\nlocal\.file_match/, () => `${rule}\n}\nlocal.file_match`) });
    const mirror = other.job('node-a');
    other.store.update({ ...mirror, metadata: { ...mirror.metadata, annotations } });
    other.write(other.store.get('Pod', 'jobs', 'job-node-a') as Pod, 'main', 'static');
    other.advance(2_000);
    expect(await other.all()).toMatchObject([{ line: 'static', stream: { filename: expect.stringContaining(`_${hash}/main/0.log`) as string } }]);
  });

  it('counts what it pushes with the names and labels of Alloy 1.18.1, from zero on', async () => {
    const of = world({ config: alloy() });
    const told = async (metric: string): Promise<Readonly<Record<string, number>>> =>
      Object.fromEntries(
        [...(await of.call('alloy/alloy-a', { path: '/metrics' })).body.matchAll(new RegExp(`^loki_write_${metric}\\{(.*)\\} (.+)$`, 'gm'))].map(
          ([, labels = '', value]) => [/(?:reason|status_code)="([^"]+)"/.exec(labels)?.[1] ?? '', Number(value)],
        ),
      );
    const own = 'component_id="loki.write.w",component_path="/",host="gateway.loki"';
    const job = of.job('node-a');
    of.write(job, 'main', 'sent');
    of.advance(2_000);
    const sent = (await told('sent_entries_total'))[''] ?? 0;
    expect(sent).toBeGreaterThan(0);
    expect((await of.call('alloy/alloy-a', { path: '/metrics' })).body).toContain(`loki_write_sent_entries_total{${own},tenant=""} ${sent}\n`);
    expect(await told('batch_retries_total')).toEqual({ '': 0 });
    expect(await told('dropped_entries_total')).toEqual({ ingester_error: 0, rate_limited: 0, stream_limited: 0, line_too_long: 0, queue_is_full: 0 });
    of.store.delete('Pod', 'loki', 'loki-0');
    of.write(job, 'main', 'kept');
    of.advance(5_000);
    const [retries, answers] = [await told('batch_retries_total'), await told('request_duration_seconds_count')];
    expect(retries['']).toBeGreaterThan(2);
    expect(answers).toMatchObject({ '204': expect.any(Number), '502': retries[''] });
    expect((await told('sent_entries_total'))['']).toBe(sent);
    lokiPod(of, {});
    of.advance(2_000);
    of.ready();
    of.advance(20_000);
    expect((await told('sent_entries_total'))['']).toBeGreaterThan(sent);
    // The metrics of a file go with its tailer.
    const read = async () => (await of.call('alloy/alloy-a', { path: '/metrics' })).body.match(/^loki_source_file_read_lines_total\{.*job-node-a.*$/m)?.[0];
    expect(await read()).toMatch(/^loki_source_file_read_lines_total\{component_id="loki\.source\.file\.p",component_path="\/",path=".+"\} 2$/);
    of.store.delete('Pod', 'jobs', 'job-node-a');
    of.advance(5_000);
    of.write(of.job('node-a'), 'main', 'other');
    of.advance(1_000);
    expect(await read()).toMatch(/ 1$/);
  });

  it('takes a changed ConfigMap, and keeps the old pipeline when the new one is wrong', async () => {
    const of = world();
    const set = (text: string): void => {
      of.store.update(object('ConfigMap', 'alloy', 'alloy', { data: { 'c.alloy': text } }));
      of.advance(3_000);
    };
    set(alloy('stage.cri { }\n stage.bogus { }'));
    expect(said(of, 'alloy')).toMatch(/level=error msg="failed to reload config" .*unrecognized block name \\"stage.bogus\\"/);
    set(alloy('stage.cri { }\n stage.static_labels {\n values = { v = "2" }\n }'));
    of.write(of.job('node-a'), 'main', 'line');
    of.advance(2_000);
    expect(await of.all('{v="2", pod=~"job.*"}')).toHaveLength(1);
  });

  it.each([
    ['otelcol.receiver.otlp "x" {\n}', 'cannot find the definition of component name "otelcol.receiver.otlp"'],
    ['loki.write "v" {\n endpoint {\n }\n}', 'missing required attribute "url"'],
    ['loki.write "v" {\n url = "x"\n}', 'unrecognized attribute name "url"'],
    ['loki.write {\n}', 'component "loki.write" must have a label'],
    ['loki.write "w" {\n}', 'block loki.write.w already declared'],
    [
      'loki.source.file "v" {\n targets = discovery.kubernetes.nope.targets\n forward_to = []\n}',
      'component "discovery.kubernetes.nope" does not exist or is out of scope',
    ],
    ['loki.source.file "v" {\n targets = []\n forward_to = ["x"]\n}', 'expected capsule("loki.LogsReceiver"), got string'],
    ['local.file "v" {\n filename = "/nope"\n}', 'failed to read file'],
    ['discovery.relabel "v" {\n targets = []\n rule {\n action = "erase"\n }\n}', 'unrecognized relabel action "erase"'],
  ])('ends at once on %j', (extra, message) => {
    const of = world({ config: `${alloy()}\n${extra}` });
    expect(said(of, 'alloy')).toContain(message);
    expect(said(of, 'alloy')).toContain('could not perform the initial load successfully');
  });
});

describe('Loki', () => {
  it('takes a push from curl and tells tenants apart', async () => {
    const of = world();
    expect((await of.push([{ stream: { job: 'test' }, values: [[of.nanos(), 'fizzbuzz']] }])).status).toBe(204);
    expect((await of.all('{job="test"}')).map(({ line }) => line)).toEqual(['fizzbuzz']);
    expect(await of.push([], {})).toMatchObject({ status: 401, body: 'no org id\n' });
    const other = await of.call('loki/loki-0', { path: '/loki/api/v1/label/job/values', headers: { 'x-scope-orgid': 'other' } });
    expect(JSON.parse(other.body)).toEqual({ status: 'success' });
  });

  it('refuses old, future and long lines, takes unlabelled ones, and keeps the good ones of the same push', async () => {
    const of = world();
    const stream = { job: 'x' };
    expect(
      (
        await of.push([
          {
            stream,
            values: [
              [of.nanos(8 * 86_400_000), 'old'],
              [of.nanos(), 'good'],
            ],
          },
        ])
      ).body,
    ).toMatch(
      /^entry for stream '\{job="x", service_name="x"\}' has timestamp too old: 2026-02-21T12:00:02Z, oldest acceptable timestamp is: 2026-02-22T12:00:02Z\n$/,
    );
    expect((await of.push([{ stream, values: [[of.nanos(-3_600_000), 'new']] }])).body).toContain('has timestamp too new: ');
    expect((await of.push([{ stream, values: [[of.nanos(), 'y'.repeat(300_000)]] }])).body).toContain("max entry size '262144' bytes exceeded");
    expect((await of.push([{ stream: {}, values: [[of.nanos(), 'bare']] }])).status).toBe(204);
    expect((await of.all('{service_name="unknown_service"}')).map(({ line }) => line)).toEqual(['bare']);
    expect((await of.all('{job="x"}')).map(({ line }) => line)).toEqual(['good']);
    expect((await of.call('loki/loki-0', { path: '/metrics' })).body).toContain(
      'loki_discarded_samples_total{format="loki",policy="",reason="greater_than_max_sample_age",retention_hours="0",tenant="t"} 1',
    );
  });

  it('answers several faults of one push with all of them, as Loki 3.7.6 groups them, and counts a label fault twice', async () => {
    const of = world();
    const old = of.nanos(8 * 86_400_000);
    const response = await of.push([
      {
        stream: { job: 'x' },
        values: [
          [old, 'old'],
          [old, 'as old'],
          [of.nanos(-3_600_000), 'new'],
        ],
      },
      { stream: Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`l${at}`, 'x'])), values: [[of.nanos(), 'many labels']] },
    ]);
    expect(response.status).toBe(400);
    expect(response.body).toMatch(
      /^2 errors like: entry for stream '[^']+' has timestamp too old: .+; 1 errors like: .+ has timestamp too new: .+; 1 errors like: .+ has 16 label names; limit 15\n$/,
    );
    const metrics = (await of.call('loki/loki-0', { path: '/metrics' })).body;
    const counted = [...metrics.matchAll(/^loki_discarded_samples_total\{.*reason="(\w+)".*\} (\d+)$/gm)].map(([, reason, lines]) => [reason, lines]);
    expect(Object.fromEntries(counted)).toEqual({
      greater_than_max_sample_age: '2',
      too_far_in_future: '1',
      max_label_names_per_series: '1',
      invalid_labels: '1',
    });
    expect(await of.push([])).toMatchObject({ status: 422, body: 'error at least one valid stream is required for ingestion\n' });
  });

  it('flushes after it has answered, and tells of chunks in memory, in the queue and not taken by the bucket', async () => {
    const told = async (of: ReturnType<typeof world>, metric: string) =>
      Number(new RegExp(`^loki_ingester_${metric}(?:\\{.*\\})? (.+)$`, 'm').exec((await of.call('loki/loki-0', { path: '/metrics' })).body)?.[1]);
    const flush = (of: ReturnType<typeof world>) => of.call('loki/loki-0', { method: 'POST', path: '/flush' });
    const config = alloy('stage.drop {\n expression = ".*"\n }');
    const of = world({ config });
    expect(await told(of, 'memory_streams')).toBeNaN();
    await of.push([{ stream: { job: 'x' }, values: [[of.nanos(), 'kept']] }]);
    expect([await told(of, 'memory_chunks'), await told(of, 'memory_streams'), await told(of, 'flush_queue_length')]).toEqual([1, 1, 0]);
    expect((await flush(of)).status).toBe(204);
    expect(of.objects.size).toBe(0);
    expect(await told(of, 'flush_queue_length')).toBe(1);
    of.advance(200);
    expect([...of.objects.keys()].some((key) => /^logs\/t\/[0-9a-f]{16}\/[0-9a-f]+:[0-9a-f]+:[0-9a-f]{8}$/.test(key))).toBe(true);
    // What is in the bucket stays in memory until the next check of the ingester.
    expect([await told(of, 'memory_chunks'), await told(of, 'flush_queue_length')]).toEqual([1, 0]);
    of.advance(2_000);
    expect([await told(of, 'memory_chunks'), await told(of, 'memory_streams')]).toEqual([0, 0]);
    const closed = world({ config, buckets: [] });
    await closed.push([{ stream: { job: 'x' }, values: [[closed.nanos(), 'stuck']] }]);
    await flush(closed);
    closed.advance(200);
    expect([await told(closed, 'chunks_flush_failures_total'), await told(closed, 'flush_queue_length'), await told(closed, 'memory_chunks')]).toEqual([
      1, 1, 1,
    ]);
  });

  it('is prepared for its end by a file on its disk, which outlives a crash and goes with what was flushed', async () => {
    const of = world({ disk: true });
    const marker = (method: string) => of.call('loki/loki-0', { method, path: '/ingester/prepare_shutdown' });
    expect(await marker('GET')).toMatchObject({ status: 200, body: 'unset' });
    expect(await marker('POST')).toMatchObject({ status: 204, body: '' });
    of.restart(of.store.get('Pod', 'loki', 'loki-0') as Pod);
    of.advance(2_000);
    expect(await marker('GET')).toMatchObject({ status: 200, body: 'set' });
    expect((await of.call('loki/loki-0', { path: '/metrics' })).body).toContain('loki_ingester_shutdown_marker 1\n');
    expect((await marker('DELETE')).status).toBe(204);
    expect((await marker('GET')).body).toBe('unset');
    expect((await marker('PUT')).status).toBe(405);
    await marker('POST');
    await of.push([{ stream: { job: 'x' }, values: [[of.nanos(), 'last words']] }]);
    of.store.delete('Pod', 'loki', 'loki-0');
    expect([...of.objects.keys()].some((key) => key.startsWith('logs/t/'))).toBe(true);
    lokiPod(of, { disk: true });
    expect((await marker('GET')).body).toBe('unset');
  });

  it.each([
    ['protobuf, compressed by snappy', {}, 204, ''],
    ['another tenant', { headers: { 'X-Scope-OrgID': 'a|b' } }, 400, 'multiple org IDs present\n'],
    ['a tenant with a slash', { headers: { 'X-Scope-OrgID': 'a/b' } }, 400, "tenant ID 'a/b' contains unsupported character '/'\n"],
    ['a tenant that is a folder', { headers: { 'X-Scope-OrgID': '..' } }, 400, "tenant ID is '.' or '..'\n"],
    ['no type', { headers: { 'Content-Type': '' } }, 400, 'mime: no media type\n'],
    ['text', { headers: { 'Content-Type': 'text/plain' }, body: 'hello' }, 400, 'snappy: corrupt input\n'],
    ['GET', { method: 'GET' }, 404, '404 page not found\n'],
  ] as const)('answers a push of %s as Loki 3.7.6 does', async (_, change, status, body) => {
    const of = world();
    const values = [[of.nanos(), 'from protobuf with "quotes" and µ'] as const];
    const request = {
      method: 'POST',
      path: '/loki/api/v1/push',
      body: encodePush([{ labels: { job: 'p', quoted: 'a "b", c=d' }, values }]),
      ...change,
      headers: { 'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy', 'X-Scope-OrgID': 't', ...('headers' in change && change.headers) },
    };
    expect(await of.call('loki/loki-0', request)).toMatchObject({ status, body });
    const found = await of.all('{job="p"}');
    if (status === 204) expect(found).toMatchObject([{ line: values[0]?.[1], stream: { quoted: 'a "b", c=d' } }]);
    else expect(found).toEqual([]);
  });

  it.each([
    [[{ stream: { job: 'x' }, values: [[1_795_896_372_111, 'a number']] }], /^loghttp\.PushRequest\.Streams: .*Value looks like Number\/Boolean\/None/],
    [[{ stream: { 'a-b': 'x' }, values: [] }], /^couldn't parse labels: 1:3: parse error: unexpected character inside braces: '-'\n$/],
    [
      [{ stream: { a: 'x'.repeat(3000) }, values: [['1772366400000000000', 'x']] }],
      /^stream '\{a="x+", service_name="unknown_service"\}' has label value too long: 'x+'\n$/,
    ],
  ])('refuses %j with 400, and the distributor tells it in its log', async (streams, words) => {
    const of = world();
    expect(await of.push(streams)).toMatchObject({ status: 400, body: expect.stringMatching(words) as string });
    if (JSON.stringify(streams).length < 1000)
      expect(said(of, 'loki')).toMatch(
        /level=error .* caller=manager\.go:49 component=distributor path=write msg="write operation failed" details="couldn't parse push request: /,
      );
  });

  it.each([
    ['query_range?query={job="x"}&limit=0', 'limit must be a positive value'],
    ['query_range?query={job="x"}&limit=6000', 'max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)'],
    ['query_range?query={job="x"}&limit=abc', 'strconv.Atoi: parsing "abc": invalid syntax'],
    ['query_range?query={job="x"}&step=abc', 'cannot parse "abc" to a valid duration'],
    ['query_range?query={job="x"}&step=0', 'zero or negative query resolution step widths are not accepted. Try a positive integer'],
    ['query_range?query={job="x"}&direction=up', "invalid direction 'up'"],
    ['query_range?query={job="x"}&start=abc', `could not parse 'start' parameter: strconv.ParseInt: parsing "abc": invalid syntax`],
    ['query_range?query={job="x"}&since=32d', 'the query time range exceeds the limit (query length: 768h0m0s, limit: 30d1h)'],
    ['labels?since=32d', 'the query time range exceeds the limit (query length: 768h0m0s, limit: 30d1h)'],
    ['query?query={job="x"}', 'log queries are not supported as an instant query type, please change your query to a range query type'],
    ['index/stats', 'parse error : syntax error: unexpected $end'],
    ['tail?query={job="x"}', 'Bad Request\n'],
  ])('refuses %s', async (path, body) => {
    const of = world();
    expect(await of.call('loki/loki-0', { path: `/loki/api/v1/${path}`, headers: { 'x-scope-orgid': 't' } })).toMatchObject({ status: 400, body });
  });

  it('lets a query span what max_query_length says, and makes no more series than max_query_series', async () => {
    const wide = world({ loki: `${LOKI}limits_config: {max_query_length: 0, max_query_series: 1}\n` });
    const ask = (path: string) => wide.call('loki/loki-0', { path: `/loki/api/v1/${path}`, headers: { 'x-scope-orgid': 't' } });
    expect((await ask('query_range?query={job="x"}&since=400d')).status).toBe(200);
    for (const job of ['x', 'y']) await wide.push([{ stream: { job }, values: [[wide.nanos(), 'plain']] }]);
    expect(await ask('query?query=count_over_time({job=~"x|y"}[5m])')).toMatchObject({
      status: 400,
      body: expect.stringMatching(/^maximum number of series \(1\) reached for a single query; consider reducing query cardinality/) as string,
    });
    expect((await ask('query?query=sum(count_over_time({job=~"x|y"}[5m]))')).status).toBe(200);
  });

  it('answers what Grafana and its drilldown ask beyond queries, in the shapes of Loki 3.7.6', async () => {
    const of = world({ config: alloy('stage.drop {\n expression = ".*"\n }') });
    await of.push([
      {
        stream: { job: 'x' },
        values: [
          [of.nanos(1), 'level=warn took=5ms'],
          [of.nanos(), '{"level":"info","code":200}'],
        ],
      },
      { stream: { job: 'y' }, values: [[of.nanos(), 'plain']] },
    ]);
    const ask = async (path: string, headers = { 'x-scope-orgid': 't' }) => {
      const { status, body } = await of.call('loki/loki-0', { path: `/loki/api/v1/${path}`, headers });
      return status === 200 ? (JSON.parse(body) as unknown) : { status, body };
    };
    expect(await ask('index/volume?query={job=~".%2B"}')).toMatchObject({
      data: {
        resultType: 'vector',
        result: [
          { metric: { job: 'x' }, value: [expect.any(Number), '46'] },
          { metric: { job: 'y' }, value: [expect.any(Number), '5'] },
        ],
      },
    });
    expect(await ask('index/volume_range?query={}&targetLabels=service_name')).toMatchObject({
      data: { result: [{ metric: { service_name: 'x' } }, { metric: { service_name: 'y' } }] },
    });
    expect(await ask('detected_labels')).toEqual({
      detectedLabels: [
        { label: 'job', cardinality: 2 },
        { label: 'service_name', cardinality: 2 },
      ],
    });
    expect(await ask('detected_fields?query={job="x"}')).toMatchObject({
      fields: expect.arrayContaining([
        { label: 'detected_level', type: 'string', cardinality: 2, parsers: null },
        { label: 'took', type: 'duration', cardinality: 1, parsers: ['logfmt'] },
        { label: 'code', type: 'int', cardinality: 1, parsers: ['json'] },
      ]) as unknown,
      limit: 1000,
    });
    expect(await ask('format_query?query={job="x"}')).toEqual({ status: 'success', data: '{job="x"}' });
    expect(await ask('format_query?query={job=')).toMatchObject({ status: 400, body: expect.stringContaining('"status":"invalid-query"') as string });
    expect(await ask('drilldown-limits')).toMatchObject({ limits: { max_query_length: '30d1h', max_query_series: 500 }, version: '3.7.6' });
    expect(await ask('patterns?query={job="x"}')).toEqual({ status: 404, body: '' });
    expect(await ask('query?query=count_over_time({job="x"}[5m])')).toMatchObject({
      data: { result: [{ metric: { detected_level: 'warn' } }, { metric: { detected_level: 'info' } }] },
    });
    const other = { 'x-scope-orgid': 'other' };
    expect([await ask('labels', other), await ask('series', other), await ask('detected_labels', other)]).toEqual([
      { status: 'success' },
      { status: 'success', data: [] },
      {},
    ]);
    expect(await ask('labels', { 'x-scope-orgid': 'a|b' })).toEqual({ status: 500, body: 'multiple org IDs present' });
    expect(said(of, 'loki')).toContain('caller=logging.go:144 orgID=a|b msg="GET /loki/api/v1/labels (500) 1.2ms Response: \\"multiple org IDs present\\""');
    expect(await ask('labels', { 'x-scope-orgid': 'a/b' })).toMatchObject({ status: 400 });
  });

  it.each([
    [true, ['unflushed']],
    [false, []],
  ])('an ingester that goes before it could flush: with a disk %s, %j is left', async (disk, left) => {
    const of = world({ disk, buckets: [] });
    await of.push([{ stream: { job: 'x' }, values: [[of.nanos(), 'unflushed']] }]);
    of.store.delete('Pod', 'loki', 'loki-0');
    of.roles.set(ROLE, { subject: 'system:serviceaccount:loki:loki', audience: 'sts.amazonaws.com', buckets: ['logs'] });
    lokiPod(of, { disk });
    of.advance(2_000);
    of.ready();
    expect((await of.all('{job="x"}')).map(({ line }) => line)).toEqual(left);
  });

  it("answers Grafana's check without touching storage", async () => {
    const of = world({ buckets: [] });
    const response = await of.call('loki/loki-0', {
      path: `/loki/api/v1/query?query=${encodeURIComponent('vector(1)+vector(1)')}`,
      headers: { 'x-scope-orgid': 'anyone' },
    });
    expect(JSON.parse(response.body)).toMatchObject({
      status: 'success',
      data: { resultType: 'vector', result: [{ metric: {}, value: [expect.any(Number), '2'] }] },
    });
  });

  it.each([
    ['schema_config: {configs: [', /failed parsing config: .*yaml: line \d+/],
    ['auth_enabled: true\n', /must specify at least one schema configuration/],
    [LOKI.replace('bucketnames: logs, ', ''), /at least one bucket name must be specified/],
    [`${LOKI}compactor: {retention_enabled: true}\n`, /delete-request-store should be configured/],
    [`${LOKI}nonsense: {}\n`, /line 4: field nonsense not found/],
  ])('ends at once on the configuration %j', (config, message) => {
    expect(said(world({ loki: config }), 'loki')).toMatch(message);
  });

  it('is not ready at once', async () => {
    const of = world();
    of.store.delete('Pod', 'loki', 'loki-0');
    lokiPod(of, {});
    expect((await of.call('loki/loki-0', { path: '/ready' })).status).toBe(503);
    of.advance(1_500);
    expect((await of.call('loki/loki-0', { path: '/ready' })).body).toBe('Ingester not ready: waiting for 15s after being ready\n');
    of.advance(1_000);
    expect(await of.call('loki/loki-0', { path: '/ready' })).toMatchObject({ status: 200, body: 'ready\n' });
  });
});

describe('the gateway', () => {
  const get = (of: LogWorld, path: string) => of.call('loki/gateway-0', { path });

  it('answers / itself, asks upstream for the rest, and says 502 when nobody is there', async () => {
    const of = world();
    expect(await get(of, '/')).toMatchObject({ status: 200, body: 'OK' });
    expect((await get(of, '/loki/api/v1/status/buildinfo')).body).toContain('"version":"3.7.6"');
    of.store.delete('Pod', 'loki', 'loki-0');
    const gone = await get(of, '/loki/api/v1/labels');
    expect(gone).toMatchObject({ status: 502, headers: { 'content-type': 'text/html' } });
    expect(said(of, 'nginx')).toContain('Connection refused');
  });

  it('asks for a login, and says 403 when the password file is missing', async () => {
    const of = world({ nginx: NGINX.replace('listen 8080;', 'listen 8080; auth_basic "Loki"; auth_basic_user_file /etc/nginx/secrets/.htpasswd;') });
    expect(await get(of, '/loki/api/v1/labels')).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Basic realm="Loki"' } });
    expect((await of.call('loki/gateway-0', { path: '/loki/api/v1/labels', headers: of.login('a', 'b') })).status).toBe(403);
  });

  it('lets two slashes through to a Loki that sends them away, where a push becomes a GET', async () => {
    const of = world({ config: alloy().replace('gateway.loki/loki', 'gateway.loki//loki') });
    of.write(of.job('node-a'), 'main', 'line');
    of.advance(2_000);
    expect(said(of, 'alloy')).toMatch(/msg="final error sending batch, no retries left, dropping data" .*status=404 .*404 page not found/);
    expect(await of.all()).toEqual([]);
  });

  it('ends at once on a configuration it cannot read', () => {
    expect(said(world({ nginx: 'http { server {' }), 'nginx')).toMatch(/\[emerg\] 1#1: unexpected end of file, expecting "}" in \/etc\/nginx\/nginx.conf:1/);
  });
});
