/** The log path over the rendered stand-in charts: what is right arrives, and each broken hop shows its own symptom. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Pod } from '../../src/sandbox/cluster/shapes.ts';
import { createLogWorld, type LogWorld, render } from '../support/log-world.ts';

const ROLE = 'arn:aws:iam::111122223333:role/loki';
const PASSWORD = 'a long password';
const values = (name: string): string => readFileSync(new URL(`./values/${name}.yaml`, import.meta.url), 'utf8');
const cached = new Map<string, ReturnType<typeof render>>();

/** Rendering takes a second: equal inputs are rendered once. */
function rendered(chart: 'loki' | 'alloy', set: readonly string[] = [], edit: (values: string) => string = (text) => text): ReturnType<typeof render> {
  const text = edit(values(chart));
  const key = JSON.stringify([chart, text, set]);
  const found = cached.get(key) ?? render(chart, text, set);
  cached.set(key, found);
  return structuredClone(found) as ReturnType<typeof render>;
}

function ssha(password: string): string {
  const salt = Buffer.from('saltsalt');
  return `{SSHA}${Buffer.concat([createHash('sha1').update(password).update(salt).digest(), salt]).toString('base64')}`;
}

interface Broken {
  readonly loki?: readonly string[];
  readonly alloy?: readonly string[];
  readonly editLoki?: (values: string) => string;
  readonly editAlloy?: (values: string) => string;
  readonly password?: string;
  readonly world?: Parameters<typeof createLogWorld>[0];
  readonly without?: (world: LogWorld) => void;
}

/** Loki and Alloy deployed, and a job on node-b that printed a line. */
function installed(broken: Broken = {}): LogWorld & { readonly job: Pod } {
  const world = createLogWorld({
    roles: { [ROLE]: { subject: 'system:serviceaccount:loki:loki', audience: 'sts.amazonaws.com', buckets: ['chunks-bucket', 'ruler-bucket'] } },
    ...broken.world,
  });
  world.secret('loki', 'loki-gateway-htpasswd', { '.htpasswd': `loki:${ssha(PASSWORD)}\n` });
  world.secret('alloy', 'loki-credentials', { password: broken.password ?? PASSWORD });
  world.deploy(rendered('loki', broken.loki, broken.editLoki), 'loki');
  world.deploy(rendered('alloy', broken.alloy, broken.editAlloy), 'alloy');
  broken.without?.(world);
  const job = world.run(
    { metadata: { labels: { app: 'train' } }, spec: { containers: [{ name: 'train', image: 'busybox' }] } },
    { name: 'train-0', namespace: 'training', node: 'node-b' },
  );
  world.write(job, 'train', 'epoch 1 loss 0.25');
  world.advance(2_000);
  return { ...world, job };
}

const login = (world: LogWorld) => world.login('loki', PASSWORD);
const from = (world: LogWorld) => world.query('{namespace="training"}', login(world));
const said = (world: LogWorld, pod: RegExp): string =>
  world.printed
    .filter((entry) => pod.test(entry.pod))
    .map((entry) => entry.line)
    .join('\n');
const metric = async (world: LogWorld, name: string): Promise<number> => {
  const { body } = await world.call('alloy/alloy-1', { path: '/metrics' });
  return body
    .split('\n')
    .filter((line) => line.startsWith(name))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};

describe('a right installation', () => {
  it('brings a line back under its labels, without the CRI prefix', async () => {
    const world = installed();
    expect(await from(world)).toEqual([
      {
        line: 'epoch 1 loss 0.25',
        labels: {
          cluster: 'training-on-eks',
          job: 'training/train',
          namespace: 'training',
          pod: 'train-0',
          stream: 'stdout',
          service_name: 'training/train',
          detected_level: 'unknown',
        },
      },
    ]);
    expect(await metric(world, 'loki_source_file_files_active_total')).toBeGreaterThan(0);
    expect(await metric(world, 'loki_write_sent_entries_total')).toBeGreaterThan(0);
    expect(await metric(world, 'loki_write_dropped_entries_total')).toBe(0);
  });

  it('writes chunks and index to the bucket, and answers from there when the ingesters are new', async () => {
    const world = installed();
    world.advance(10_000);
    const keys = [...world.objects.keys()];
    expect(keys.some((key) => key.startsWith('chunks-bucket/training/'))).toBe(true);
    expect(keys.some((key) => /^chunks-bucket\/index\/loki_index_\d{5}\//.test(key))).toBe(true);
    const ingesters = world.store.get('StatefulSet', 'loki', 'loki-ingester') as KubeObject;
    for (const at of [0, 1, 2]) world.store.delete('Pod', 'loki', `loki-ingester-${at}`);
    // What nobody may hold back in memory is not looked for in the bucket alone.
    await expect(from(world)).rejects.toThrow('500: empty ring');
    world.deploy([ingesters], 'loki');
    expect((await from(world)).map(({ line }) => line)).toEqual(['epoch 1 loss 0.25']);
  });

  it('shows a tenant only its own lines: the gateway overrides what clients claim', async () => {
    const world = installed();
    expect(await world.query('{namespace="training"}', { ...login(world), 'X-Scope-OrgID': 'evil' })).toHaveLength(1);
    const direct = await world.call('loki/loki-query-frontend-0', { path: '/loki/api/v1/labels', headers: { 'x-scope-orgid': 'other' } });
    expect(JSON.parse(direct.body)).toEqual({ status: 'success' });
  });

  it('reads nothing twice after a restart, as its positions are on the node', async () => {
    const world = installed();
    const before = await metric(world, 'loki_source_file_read_lines_total');
    expect(before).toBeGreaterThan(0);
    // Positions are saved every ten seconds.
    world.advance(10_000);
    world.restart(world.store.get('Pod', 'alloy', 'alloy-1') as Pod);
    world.advance(1_000);
    const again = await world.call('alloy/alloy-1', { path: '/metrics' });
    expect(again.body).toContain('loki_source_file_files_active_total');
    expect(again.body).not.toContain('training_train-0');
  });
});

describe('a broken hop', () => {
  it('no /var/log: no files, no error, nothing sent', async () => {
    const world = installed({ alloy: ['alloy.mounts.varlog=false'] });
    expect(await from(world)).toEqual([]);
    expect(await metric(world, 'loki_source_file_files_active_total')).toBe(0);
    expect(said(world, /^alloy\//)).not.toMatch(/level=(error|warn)/);
  });

  it('wrong password: 401 from nginx, dropped', async () => {
    const world = installed({ password: 'wrong' });
    expect(await from(world)).toEqual([]);
    expect(said(world, /^alloy\/alloy-1/)).toMatch(/level=error msg="final error sending batch, no retries left, dropping data" .*status=401 tenant=training/);
    expect(await metric(world, 'loki_write_dropped_entries_total')).toBeGreaterThan(0);
  });

  it('no tenant anywhere: 401 no org id from Loki', async () => {
    const world = installed({ editLoki: (text) => text.replace(/ {2}nginxConfig:\n.*\n/, ''), editAlloy: (text) => text.replace(/ *tenant_id.*\n/, '') });
    expect(said(world, /^alloy\/alloy-1/)).toMatch(/status=401 .*no org id/);
    await expect(from(world)).rejects.toThrow('401: no org id');
  });

  it('another tenant than the one asked for: 200 and empty', async () => {
    const world = installed({ editLoki: (text) => text.replace(/ {2}nginxConfig:\n.*\n/, '') });
    expect(await world.query('{namespace="training"}', { ...login(world), 'x-scope-orgid': 'foo' })).toEqual([]);
    expect(await world.query('{namespace="training"}', { ...login(world), 'x-scope-orgid': 'training' })).toHaveLength(1);
  });

  it('may not list pods: forbidden, nothing read', async () => {
    const world = installed({ alloy: ['rbac.create=false'] });
    expect(await from(world)).toEqual([]);
    expect(said(world, /^alloy\/alloy-1/)).toContain('User \\"system:serviceaccount:alloy:alloy\\" cannot list resource \\"pods\\"');
  });

  it('not root: files are seen but cannot be opened', async () => {
    const world = installed({
      alloy: ['alloy.securityContext.runAsUser=473', 'alloy.securityContext.runAsGroup=473'],
      editAlloy: (text) =>
        text.replace('/var/lib/alloy/data\n  mounts', '/tmp/alloy\n  mounts').replace('readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false'),
    });
    expect(await from(world)).toEqual([]);
    expect(said(world, /^alloy\/alloy-1/)).toMatch(
      /level=error msg="failed to run tailer" .*error="failed to tail the file: open \/var\/log\/pods\/\S+: permission denied"/,
    );
  });

  it('wrong URL: no such host, retried', async () => {
    const world = installed({ editAlloy: (text) => text.replace('loki-gateway.loki.svc', 'gateway.logs.svc') });
    expect(await from(world)).toEqual([]);
    // What is tried again is told at the level debug only, and in counters.
    expect(said(world, /^alloy\/alloy-1/)).not.toMatch(/level=(warn|error)/);
    expect(await metric(world, 'loki_write_batch_retries_total')).toBeGreaterThan(0);
    const told = installed({ editAlloy: (text) => text.replace('loki-gateway.loki.svc', 'gateway.logs.svc').replace(/level *= *"info"/, 'level = "debug"') });
    expect(said(told, /^alloy\/alloy-1/)).toMatch(/level=debug msg="error sending batch, will retry" .*status=-1 .*no such host/);
  });

  it('a login that only root may read, and a collector of another user in the group of root: files are read, no push is made', async () => {
    const world = installed({
      alloy: ['alloy.securityContext.runAsUser=473', 'alloy.securityContext.runAsGroup=0'],
      editAlloy: (text) =>
        text
          .replace('/var/lib/alloy/data\n  mounts', '/tmp/alloy\n  mounts')
          .replace('readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false')
          .replace('secretName: loki-credentials }', 'secretName: loki-credentials, defaultMode: 256 }')
          .replace(/level *= *"info"/, 'level = "debug"'),
    });
    expect(await from(world)).toEqual([]);
    expect(said(world, /^alloy\/alloy-1/)).toMatch(/status=-1 .*unable to read basic auth password: unable to read file \S+: open \S+: permission denied/);
    expect(await metric(world, 'loki_source_file_read_lines_total')).toBeGreaterThan(0);
    expect(await metric(world, 'loki_write_dropped_entries_total')).toBe(0);
  });

  it('a configuration that does not parse: Alloy ends at once and says where', () => {
    const world = installed({ editAlloy: (text) => text.replace('logging {', '# a comment\n      logging {') });
    expect(said(world, /^alloy\/alloy-1/)).toMatch(/Error: \/etc\/alloy\/config.alloy:1:1: illegal character U\+0023 '#'/);
  });

  it('too few ingesters: 500 from Loki, retried and not lost', async () => {
    const world = installed({ without: (of) => [1, 2].forEach((at) => of.store.delete('Pod', 'loki', `loki-ingester-${at}`)) });
    expect(said(world, /^loki\/loki-distributor/)).toMatch(
      /level=warn .* caller=logging\.go:144 orgID=training msg="POST \/loki\/api\/v1\/push \(500\) \S+ Response: \\"at least 2 live replicas required, could only find 1\\\\n\\""/,
    );
    expect((await world.call('alloy/alloy-1', { path: '/metrics' })).body).toMatch(
      /^loki_write_request_duration_seconds_count\{.*status_code="500",tenant="training"\} [1-9]/m,
    );
    expect(await metric(world, 'loki_write_dropped_entries_total')).toBe(0);
  });

  it('no distributor: 502 from nginx', async () => {
    const world = installed({ loki: ['distributor.replicas=0'] });
    expect((await world.call('alloy/alloy-1', { path: '/metrics' })).body).toMatch(
      /^loki_write_request_duration_seconds_count\{.*status_code="502",tenant="training"\} [1-9]/m,
    );
    expect(said(world, /gateway/)).toMatch(/connect\(\) failed \(111: Connection refused\) while connecting to upstream, client: 10\./);
    expect(said(world, /gateway/)).toMatch(
      /^10\.\S+ - loki \[\d\d\/Mar\/2026:12:00:\d\d \+0000\] {2}502 "POST \/loki\/api\/v1\/push HTTP\/1\.1" \d+ "-" "Alloy\/v\S+ \(linux; helm\)" "-"$/m,
    );
  });

  it('no index gateway: nothing can be queried, while pushes go on', async () => {
    const world = installed({ loki: ['indexGateway.replicas=0'] });
    await expect(from(world)).rejects.toThrow('500: rpc error: code = Unavailable');
    expect(await metric(world, 'loki_write_sent_entries_total')).toBeGreaterThan(0);
  });

  it('no scheduler or no querier: no answer to a query', async () => {
    await expect(from(installed({ loki: ['queryScheduler.replicas=0'] }))).rejects.toThrow('500: failed to enqueue request');
    await expect(from(installed({ loki: ['querier.replicas=0'] }))).rejects.toThrow('504: request timed out, decrease the duration of the request');
  });

  it('patterns switched on without a pattern ingester: empty ring', async () => {
    const world = installed({ loki: ['loki.pattern_ingester.enabled=true'] });
    expect(await world.call('loki/loki-gateway-0', { path: '/loki/api/v1/patterns?query=%7Ba%3D%22b%22%7D', headers: login(world) })).toMatchObject({
      status: 500,
      body: 'empty ring',
    });
    expect(await from(world)).toHaveLength(1);
  });

  it('a resolver that does not exist: nginx ends at once', () => {
    const world = installed({ world: { dns: false } });
    expect(said(world, /gateway-0/)).toContain('host not found in resolver "kube-dns.kube-system.svc.cluster.local."');
  });

  it('a role that trusts another service account: lines are held, never stored, and lost without a disk', async () => {
    const role = { subject: 'system:serviceaccount:loki:other', audience: 'sts.amazonaws.com', buckets: ['chunks-bucket'] };
    const world = installed({ world: { roles: { [ROLE]: role } }, loki: ['ingester.persistence.enabled=false'] });
    world.advance(10_000);
    expect(said(world, /ingester-0/)).toMatch(
      /msg="failed to flush" .*AssumeRoleWithWebIdentity, https response error StatusCode: 403, .*Not authorized to perform sts:AssumeRoleWithWebIdentity/,
    );
    expect(said(world, /compactor-0/)).toMatch(/init compactor: failed to init delete store: operation error S3: DeleteObject, get identity/);
    expect([...world.objects.keys()]).toEqual([]);
    await expect(from(world)).rejects.toThrow(/500: .*AssumeRoleWithWebIdentity/);
  });

  it('a missing bucket permission shows as AccessDenied of S3', () => {
    const role = { subject: 'system:serviceaccount:loki:loki', audience: 'sts.amazonaws.com', buckets: [] };
    const world = installed({ world: { roles: { [ROLE]: role } } });
    world.advance(10_000);
    expect(said(world, /ingester-0/)).toMatch(/operation error S3: PutObject, https response error StatusCode: 403, .*api error AccessDenied/);
  });

  it('no role at all: the SDK finds no credentials', () => {
    const world = installed({ loki: ['serviceAccount.annotations=null'] });
    world.advance(10_000);
    expect(said(world, /ingester-0/)).toContain('no EC2 IMDS role found');
  });

  it('Pod Identity works in place of IRSA', async () => {
    const world = installed({
      loki: ['serviceAccount.annotations=null'],
      world: { roles: { [ROLE]: { subject: '', audience: '', buckets: ['chunks-bucket', 'ruler-bucket'] } }, associations: { 'loki/loki': ROLE } },
    });
    world.advance(10_000);
    expect([...world.objects.keys()].some((key) => key.startsWith('chunks-bucket/training/'))).toBe(true);
  });

  it('Loki refuses a configuration without a schema or with a typo', () => {
    const typo = installed({ loki: ['loki.structuredConfig.limts_config.x=1'] });
    expect(said(typo, /ingester-0/)).toMatch(/field limts_config not found in type loki.ConfigWrapper/);
  });
});

it("every word of the product's own pipeline is understood", async () => {
  const text = readFileSync(new URL('../../templates/alloy/config.alloy', import.meta.url), 'utf8');
  const filled = text.replace(/\$\{(\w+)\}/g, (_, name: string) =>
    JSON.stringify(
      { pushUrl: 'http://loki-gateway.loki.svc.cluster.local/loki/api/v1/push', tenant: 'training', user: 'loki', clusterLabel: 'mine' }[name] ?? name,
    ),
  );
  const world = installed({
    editAlloy: (values) => {
      const document = parse(values) as { alloy: { configMap: { content: string }; mounts: { extra: { mountPath: string }[] } } };
      document.alloy.configMap.content = filled;
      document.alloy.mounts.extra[1] = { ...document.alloy.mounts.extra[1], mountPath: '/etc/loki-eks' };
      return stringify(document);
    },
  });
  expect(await from(world)).toMatchObject([
    { line: 'epoch 1 loss 0.25', labels: { app: 'train', cluster: 'mine', container: 'train', job: 'training/train', node: 'node-b' } },
  ]);
});

describe('what the guide installs', () => {
  it('sends nothing and says nothing, as its volumes are under keys the chart ignores', async () => {
    const world = installed({
      editAlloy: () => values('guide-alloy'),
      editLoki: (text) => text.replace(/ {2}nginxConfig:\n.*\n/, ''),
    });
    expect(await world.query('{cluster="training-on-eks"}', { ...login(world), 'X-Scope-OrgId': 'foo' })).toEqual([]);
    expect(said(world, /^alloy\//)).not.toMatch(/level=(error|warn)/);
    await expect(world.query('{cluster="training-on-eks"}.', { ...login(world), 'X-Scope-OrgId': 'foo' })).rejects.toThrow(/400: parse error .*unexpected \./);
  });

  it('would keep the CRI prefix and a slash at the end of job, if the logs were mounted', async () => {
    const world = installed({
      editAlloy: () => values('guide-alloy').replace('password = "loki"', `password = "${PASSWORD}"`),
      alloy: ['alloy.mounts.varlog=true'],
      editLoki: (text) => text.replace(/ {2}nginxConfig:\n.*\n/, ''),
    });
    const [found] = await world.query('{namespace="training"}', { ...login(world), 'X-Scope-OrgId': 'foo' });
    expect(found?.line).toMatch(/^2026-03-01T12:00:0\d\.\d{9}Z stdout F epoch 1 loss 0\.25$/);
    expect(found?.labels).toMatchObject({
      job: 'training/train/',
      filename: expect.stringMatching(/^\/var\/log\/pods\/training_train-0_uid-\d+\/train\/0\.log$/) as string,
    });
  });
});

/** As recorded at the first start of a cluster, and at the start of a part in one that is there. */
describe('what the parts of Loki 3.7.6 say at their start', () => {
  const ALARMING = [
    /^ts=\S+ caller=memberlist_logger\.go:74 level=warn msg="failed to resolve loki-memberlist\.loki\.svc\.cluster\.local: lookup loki-memberlist\.loki\.svc\.cluster\.local on 10\.100\.0\.10:53: no such host"$/m,
    /^level=error ts=\S+ caller=memberlist_client\.go:599 msg="failed to fast-join the memberlist cluster at startup" err="fast-join failed to reach minimum required seed nodes: joined 0, required 1"$/m,
    /^level=warn ts=\S+ caller=memberlist_client\.go:780 phase=startup msg="joining memberlist cluster" attempts=1 max_attempts=10 err="1 error occurred:\\n\\t\* failed to resolve \S+: lookup \S+ on 10\.100\.0\.10:53: no such host\\n\\n"$/m,
  ];
  const joined =
    /^level=info ts=\S+ caller=memberlist_client\.go:753 phase=startup msg="joining memberlist cluster succeeded" reached_nodes=\d+ elapsed_time=\S+s$/m;

  it('first of all: nobody is found, then the others are, in this order', () => {
    const world = installed();
    for (const part of ['distributor', 'ingester', 'querier', 'ruler', 'compactor']) {
      const text = said(world, new RegExp(`^loki/loki-${part}-0$`));
      for (const line of ALARMING) expect(text).toMatch(line);
      expect(text).toMatch(joined);
      expect(text.search(joined)).toBeGreaterThan(text.lastIndexOf('no such host'));
      expect(text).toMatch(new RegExp(`module_service\\.go:82 msg=starting module=${part}\n`));
    }
    for (const part of ['query-frontend', 'query-scheduler', 'index-gateway'])
      expect(said(world, new RegExp(`^loki/loki-${part}-0$`))).not.toContain('memberlist_client');
    expect(said(world, /^loki\/loki-distributor-0$/)).toMatch(
      /^level=error ts=\S+ caller=ratestore\.go:110 msg="error getting ingester clients" err="empty ring"$/m,
    );
    expect(
      said(world, /^loki\/loki-query-frontend-0$/).match(
        /caller=resolver\.go:100 msg="failed to lookup SRV records" host=_memcached-client\._tcp\.loki-results-cache\.loki\.svc\.cluster\.local/g,
      ),
    ).toHaveLength(5);
    expect(said(world, /^loki\/loki-querier-0$/)).toMatch(/failed to lookup SRV records" host=_memcached-client\._tcp\.loki-chunks-cache\./);
  });

  it('a new part finds the others at once; an ingester waits for its own place in the ring, and is not ready for a while', () => {
    const world = installed();
    world.advance(60_000);
    const before = world.printed.length;
    const pod = world.store.get('Pod', 'loki', 'loki-ingester-0') as Pod;
    world.restart(pod);
    world.path.start(world.store.get('Pod', 'loki', 'loki-ingester-0') as Pod, 'ingester');
    world.advance(20_000);
    const text = world.printed
      .slice(before)
      .filter((entry) => entry.pod === 'loki/loki-ingester-0')
      .map(({ line }) => line)
      .join('\n');
    for (const line of ALARMING) expect(text).not.toMatch(line);
    expect(text).toMatch(joined);
    expect(text).toMatch(
      /^level=warn ts=\S+ caller=lifecycler\.go:304 component=ingester msg="found an existing instance\(s\) with a problem in the ring, this instance cannot become ready until this problem is resolved\. .*" ring=ingester err="instance 10\.0\.1\.\d+:9095 in state JOINING"$/m,
    );
  });

  it('a name of the ring that leads nowhere: each part is alone, tries ten times, and pushes end in an empty ring', async () => {
    const world = installed({ without: (of) => of.store.delete('Service', 'loki', 'loki-memberlist') });
    world.advance(300_000);
    const push = await world.call('loki/loki-distributor-0', {
      method: 'POST',
      path: '/loki/api/v1/push',
      headers: { 'x-scope-orgid': 't', 'content-type': 'application/json' },
      body: JSON.stringify({ streams: [{ stream: { a: 'b' }, values: [[String(BigInt(world.clock.now().getTime()) * 1_000_000n), 'x']] }] }),
    });
    expect(push).toMatchObject({ status: 500, body: 'empty ring\n' });
  });

  it('shows a ring on the parts that have it, with all of its fields', async () => {
    const world = installed();
    const ring = (part: string, path = '/ring') => world.call(`loki/loki-${part}-0`, { port: 3100, path, headers: { accept: 'application/json' } });
    const { shards, now } = JSON.parse((await ring('distributor')).body) as { shards: readonly { tokens: readonly number[] }[]; now: string };
    expect(now).toMatch(/^\d{4}-.+Z$/);
    expect(shards.map(({ tokens, ...rest }) => [rest, tokens.length])).toEqual(
      [0, 1, 2].map((at) => [
        {
          id: `loki-ingester-${at}`,
          state: 'ACTIVE',
          address: expect.stringMatching(/^10\.0\.1\.\d+:9095$/) as string,
          timestamp: expect.stringMatching(/Z$/) as string,
          registered_timestamp: expect.stringMatching(/Z$/) as string,
          read_only: false,
          read_only_updated_timestamp: '0001-01-01T00:00:00Z',
          zone: '',
        },
        128,
      ]),
    );
    for (const part of ['ingester', 'querier', 'ruler']) expect((await ring(part)).status).toBe(200);
    for (const part of ['query-frontend', 'query-scheduler', 'index-gateway', 'compactor'])
      expect(await ring(part)).toMatchObject({ status: 404, body: '404 page not found\n' });
    expect((await ring('compactor', '/compactor/ring')).status).toBe(200);
    expect((await world.call('loki/loki-querier-0', { path: '/ring' })).headers?.['content-type']).toBe('text/html');
  });
});
