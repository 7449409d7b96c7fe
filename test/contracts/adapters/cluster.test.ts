/** The Kubernetes and helm adapters against the sandbox's API server, with the real helm binary between them. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openCharts } from '../../../src/adapters/helm/charts.ts';
import { openReleases } from '../../../src/adapters/helm/releases.ts';
import { connectKubernetes } from '../../../src/adapters/kube/connect.ts';
import { ProblemError } from '../../../src/problems/problem.ts';
import type { KubeAccess, Kubernetes } from '../../../src/ports/kubernetes.ts';
import type { Chart, HelmTask } from '../../../src/ports/releases.ts';
import type { Clock } from '../../../src/ports/system.ts';
import { helmBinaries } from '../../support/helm-binary.ts';
import { claimsIn, startServer, type TestServer } from '../kube/server.ts';

const run = promisify(execFile);
let dir: string;
let chart: Chart;
let server: TestServer;
let kubernetes: Kubernetes;

const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProblemError);
  return (error as ProblemError).problem;
};
const access = (token = 'admin'): KubeAccess => ({ is: 'eks', server: server.url, ca: Buffer.from(server.ca).toString('base64'), token: async () => token });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cluster-contract-'));
  const at = join(dir, 'demo');
  await mkdir(join(at, 'templates'), { recursive: true });
  await writeFile(join(at, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 1.2.3\nappVersion: "4.5"\n');
  const labels = '{app.kubernetes.io/instance: {{ .Release.Name }}, app: demo}';
  await writeFile(
    join(at, 'templates', 'all.yaml'),
    `apiVersion: v1
kind: ConfigMap
metadata: {name: demo, labels: ${labels}}
data: {text: {{ .Values.text | quote }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: demo, labels: ${labels}}
spec:
  replicas: 2
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: ${labels}, annotations: {text: {{ .Values.text | quote }}}}
    spec: {containers: [{name: demo, image: demo}]}
`,
  );
  for (const token of ['admin', 'viewer'])
    await writeFile(
      join(dir, `${token}.cjs`),
      `console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1beta1', kind: 'ExecCredential', status: { token: '${token}' } }));`,
    );
  chart = await openCharts({ env: { PATH: '' } }).obtain({ is: 'file', path: at });
});
afterAll(() => rm(dir, { recursive: true, force: true }));
beforeEach(async () => {
  server = await startServer({ readyAfterMs: 300 });
  kubernetes = await connectKubernetes(access());
  await kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'loki' } });
});
afterEach(() => server.close());

it('reads a table a page at a time, and keeps of objects what is wanted', async () => {
  for (const name of ['a', 'b', 'c'])
    await kubernetes.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'loki', labels: { app: 'x' } }, data: { [name]: name } });
  const query = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'loki', labels: 'app=x' };
  expect(await kubernetes.table(query)).toMatchObject(['a', 'b', 'c'].map((name) => ({ Name: name, Data: '1' })));
  const kept = await kubernetes.list({ ...query, keep: ({ apiVersion, kind, metadata: { name } }) => ({ apiVersion, kind, metadata: { name } }) });
  expect(kept).toEqual(['a', 'b', 'c'].map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })));
});

describe('objects', () => {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'loki', name: 'a' };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'loki', labels: { x: 'y' } }, data: { one: '1', two: '2' } };

  it('are created, read, patched, replaced under their version, listed and deleted', async () => {
    expect(await kubernetes.get(ref)).toBeUndefined();
    const created = await kubernetes.create(object);
    expect(created.metadata.uid).toBeTruthy();
    expect((await problemOf(kubernetes.create(object))).code).toBe('KUBE_CONFLICT');
    expect(await kubernetes.patch(ref, { data: { one: null, three: '3' } })).toMatchObject({ data: { two: '2', three: '3' } });
    expect(await problemOf(kubernetes.replace({ ...created, data: { late: 'yes' } }))).toMatchObject({
      code: 'KUBE_CONFLICT',
      message: expect.stringContaining('changed concurrently'),
    });
    const now = (await kubernetes.get(ref))!;
    expect(await kubernetes.replace({ ...now, data: { four: '4' } })).toMatchObject({ data: { four: '4' } });
    const [listed] = await kubernetes.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'loki', labels: 'x=y' });
    expect(listed).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { four: '4' } });
    const [meta] = await kubernetes.list({ apiVersion: 'v1', kind: 'ConfigMap', labels: 'x=y', metadataOnly: true });
    expect(meta).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'a' } });
    expect(meta).not.toHaveProperty('data');
    await kubernetes.delete(ref);
    await kubernetes.delete(ref);
    expect(await kubernetes.get(ref)).toBeUndefined();
  });

  it('tell a missing namespace, an unknown kind, a wrong token and a missing right', async () => {
    expect((await problemOf(kubernetes.create({ ...object, metadata: { name: 'a', namespace: 'absent' } }))).code).toBe('KUBE_NOT_FOUND');
    expect((await problemOf(kubernetes.get({ ...ref, apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor' }))).code).toBe('KUBE_KIND_UNKNOWN');
    expect((await problemOf((await connectKubernetes(access('wrong'))).version())).code).toBe('KUBE_UNAUTHORIZED');
    const viewer = await connectKubernetes(access('viewer'));
    expect(await problemOf(viewer.list({ apiVersion: 'v1', kind: 'Secret', namespace: 'loki' }))).toMatchObject({
      code: 'KUBE_FORBIDDEN',
      message: 'viewer is not allowed to list secrets in namespace loki',
    });
    const wish = { verb: 'create', resource: 'secrets', namespace: 'loki' };
    expect(await viewer.denied([wish])).toEqual([wish]);
    expect(await kubernetes.denied([wish])).toEqual([]);
  });

  it('give version, token, logs, raw answers and a forwarded request', async () => {
    expect(await kubernetes.version()).toBe(server.version);
    await kubernetes.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'loki', namespace: 'loki' } });
    const token = await kubernetes.token({ namespace: 'loki', serviceAccount: 'loki', audience: 'sts.amazonaws.com', seconds: 900 });
    expect(claimsIn(token)).toEqual({ sub: 'system:serviceaccount:loki:loki', aud: ['sts.amazonaws.com'] });
    await server.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'loki' },
      spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [{ name: 'c', ready: true, restartCount: 0, state: { running: {} } }],
      },
    });
    expect(await kubernetes.logs({ namespace: 'loki', pod: 'p', tail: 2 })).toEqual(['c two', 'c three']);
    expect(await kubernetes.raw('/no/such/path')).toMatchObject({ status: 404 });
    const reply = await kubernetes.forward(
      { namespace: 'loki', pod: 'p', port: 8080 },
      { method: 'POST', path: '/x?y=1', headers: { 'x-scope-orgid': 't' }, body: 'hello' },
    );
    expect(reply.status).toBe(200);
    expect(JSON.parse(reply.body)).toEqual({ pod: 'p', port: 8080, method: 'POST', path: '/x?y=1', body: 'hello' });
    expect(server.session.at(-1)!.headers).toMatchObject({ 'x-scope-orgid': 't' });
    expect((await problemOf(kubernetes.forward({ namespace: 'loki', pod: 'absent', port: 1 }, { method: 'GET', path: '/' }))).code).toBe('KUBE_FORWARD_FAILED');
  });
});

describe.each(helmBinaries())('releases of $title', ({ helm }) => {
  const said: string[] = [];
  const task = (signal = new AbortController().signal): HelmTask => ({
    name: 'demo',
    namespace: 'loki',
    signal,
    timeoutMs: 60_000,
    say: (text) => void said.push(text),
  });
  const open = (of: { readonly clock?: Clock; readonly as?: string } = {}) =>
    openReleases({
      access: access(),
      kubernetes,
      eks: { cluster: 'dev', region: 'eu-west-1' },
      helm,
      env: { PATH: dirname(helm), HOME: dir },
      cli: { node: process.execPath, script: join(dir, `${of.as ?? 'admin'}.cjs`) },
      ...(of.clock && { clock: of.clock }),
    });
  const upgrade = (adapter: ReturnType<typeof open>, text = 'hello', signal?: AbortSignal) =>
    adapter.upgrade({ ...task(signal), chart, values: { text }, labels: { 'loki-eks/install-id': 'abc', note: 'x' }, description: 'by a test' });
  const later: Clock = { now: () => new Date(Date.now() + 600_000), sleep: (ms) => new Promise((done) => setTimeout(done, ms)) };

  it('are installed, waited for, found, upgraded, rolled back and uninstalled', async () => {
    said.length = 0;
    const adapter = open();
    expect(await adapter.find('demo', 'loki')).toBeUndefined();
    await upgrade(adapter);
    await adapter.ready(task());
    expect(said.at(-1)).toMatch(/0\/1 workloads ready; waiting for demo/);
    expect(await adapter.unready('demo', 'loki')).toEqual([]);
    const found = await adapter.find('demo', 'loki');
    expect(found).toMatchObject({
      name: 'demo',
      namespace: 'loki',
      revision: 1,
      status: 'deployed',
      chart: 'demo',
      chartVersion: '1.2.3',
      appVersion: '4.5',
      values: { text: 'hello' },
      labels: { 'loki-eks/install-id': 'abc', note: 'x' },
      lastGood: 1,
    });
    expect(Date.now() - found!.updated!.getTime()).toBeLessThan(60_000);
    await upgrade(adapter, 'changed');
    expect(await adapter.find('demo', 'loki')).toMatchObject({ revision: 2, values: { text: 'changed' }, lastGood: 2 });
    await adapter.rollback({ ...task(), revision: 1 });
    expect(await adapter.find('demo', 'loki')).toMatchObject({ revision: 3, status: 'deployed', values: { text: 'hello' } });
    expect(await kubernetes.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'loki', name: 'demo' })).toMatchObject({ data: { text: 'hello' } });
    await adapter.uninstall(task());
    expect(await adapter.find('demo', 'loki')).toBeUndefined();
    await adapter.uninstall(task());
    await adapter.dispose();
  });

  it('agree with what helm itself lists', async () => {
    const adapter = open();
    await upgrade(adapter);
    const kubeconfig = join(dir, 'kubeconfig');
    await writeFile(kubeconfig, server.kubeconfig(), { mode: 0o600 });
    const { stdout } = await run(helm, ['list', '-n', 'loki', '-o', 'json'], { env: { PATH: '', HOME: dir, KUBECONFIG: kubeconfig } });
    const [listed] = JSON.parse(stdout) as Record<string, string>[];
    const found = (await adapter.find('demo', 'loki'))!;
    expect(listed).toMatchObject({
      name: found.name,
      namespace: found.namespace,
      revision: String(found.revision),
      status: found.status,
      chart: `${found.chart}-${found.chartVersion}`,
      app_version: found.appVersion,
    });
    await adapter.dispose();
  });

  it('stop at an object of someone else, naming it', async () => {
    await kubernetes.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'demo', namespace: 'loki' } });
    const adapter = open();
    expect(await problemOf(upgrade(adapter))).toMatchObject({ code: 'HELM_OBJECT_NOT_OURS', message: expect.stringContaining('"demo"') });
    await adapter.dispose();
  });

  it('tell a missing right', async () => {
    const adapter = open({ as: 'viewer' });
    expect((await problemOf(upgrade(adapter))).code).toBe('KUBE_FORBIDDEN');
    await adapter.dispose();
  });

  it('are marked failed by an abort, and can be installed over', async () => {
    const adapter = open();
    server.faults.add({ call: 'kube:*:deployments', how: 'slow', ms: 2_000 });
    const stop = new AbortController();
    const running = upgrade(adapter, 'hello', stop.signal);
    const ended = expect(running).rejects.toThrow('interrupted');
    while ((await adapter.find('demo', 'loki'))?.status !== 'pending-install') await new Promise((done) => setTimeout(done, 50));
    stop.abort(new Error('interrupted'));
    await ended;
    expect((await adapter.find('demo', 'loki'))?.status).toBe('failed');
    server.faults.clear();
    await upgrade(adapter);
    expect(await adapter.find('demo', 'loki')).toMatchObject({ status: 'deployed', revision: 2 });
    await adapter.dispose();
  });

  it('are left alone while another helm may be at work, and repaired when it is surely dead', async () => {
    const killed = async (args: readonly string[], status: string) => {
      const kubeconfig = join(dir, 'kubeconfig');
      await writeFile(kubeconfig, server.kubeconfig(), { mode: 0o600 });
      server.faults.add({ call: 'kube:*:deployments', how: 'slow', ms: 3_000 });
      const child = spawn(helm, [...args, '-n', 'loki'], { env: { PATH: '', HOME: dir, KUBECONFIG: kubeconfig }, stdio: 'ignore' });
      while ((await open().find('demo', 'loki'))?.status !== status) await new Promise((done) => setTimeout(done, 50));
      child.kill('SIGKILL');
      await new Promise((done) => child.once('close', done));
      server.faults.clear();
    };
    await killed(['install', 'demo', chart.path, '--set', 'text=a'], 'pending-install');
    const early = open();
    const late = open({ clock: later });
    expect((await problemOf(upgrade(early))).code).toBe('HELM_BUSY');
    // Taking away what that helm has made so far would leave what it makes next.
    const task = { name: 'demo', namespace: 'loki', timeoutMs: 60_000, signal: new AbortController().signal, say: () => undefined };
    expect((await problemOf(early.uninstall(task))).code).toBe('HELM_BUSY');
    await upgrade(late);
    expect(await late.find('demo', 'loki')).toMatchObject({ revision: 1, status: 'deployed', values: { text: 'hello' } });
    await killed(['upgrade', 'demo', chart.path, '--set', 'text=b'], 'pending-upgrade');
    await upgrade(late, 'after');
    expect(await late.find('demo', 'loki')).toMatchObject({ revision: 4, status: 'deployed', values: { text: 'after' } });
    await Promise.all([early.dispose(), late.dispose()]);
  });
});
