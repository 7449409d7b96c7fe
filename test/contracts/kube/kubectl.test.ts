/** Real kubectl: what the guide, the docs and people's fingers use. */
import { request } from 'node:http';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { binary, openBench } from './binaries.ts';
import type { Bench, Ran } from './binaries.ts';
import type { Doc } from './call.ts';
import { DIFFERENT } from './differences.ts';
import { claimsIn, startServer } from './server.ts';
import type { TestServer } from './server.ts';

let server: TestServer;
let api: Bench;
const kubectl = (...args: readonly string[]): Promise<Ran> => api.run(binary('TOOLS_KUBECTL'), args);
const done = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await kubectl(...args);
  expect(code, `kubectl ${args.join(' ')}\n${err}`).toBe(0);
  return out;
};

const manifest = (image: string, more = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: dep }
spec:
  replicas: 2
  selector: { matchLabels: { app: dep } }
  template:
    metadata: { labels: { app: dep } }
    spec: { containers: [{ name: a, image: "${image}", env: [{ name: A, value: "1" }${more}] }] }
`;

function file(name: string, text: string): string {
  const path = join(api.home, name);
  writeFileSync(path, text);
  return path;
}

beforeAll(async () => {
  server = await startServer({ readyAfterMs: 20 });
  api = openBench(server);
  const containerStatuses = [{ name: 'a', ready: true, restartCount: 0, state: { running: { startedAt: '2026-01-07T10:00:00Z' } } }];
  await server.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
    spec: { nodeName: 'n1', containers: [{ name: 'a', image: 'nginx:1' }] },
    status: { phase: 'Running', podIP: '10.0.0.9', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses },
  });
  if (server.is === 'real') await server.running('default', 'web');
});
afterAll(async () => {
  await server.close();
  api.remove();
});

test('gets tables, wide and everywhere', async () => {
  await done('wait', '--for=condition=Ready', 'pod/web', '--timeout=60s');
  expect(await done('get', 'pods')).toMatch(/NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\nweb\s+1\/1\s+Running\s+0\s/);
  expect(await done('get', 'po', '-A', '-o', 'wide')).toMatch(/default\s+web.*10\.0\.\d+\.\d+\s+n1/);
  expect(await done('get', 'all')).toContain('pod/web');
  expect(await done('get', 'pods', '-o', 'jsonpath={.items[0].spec.nodeName}')).toBe('n1');
  expect(await done('version')).toContain(`Server Version: ${server.version}`);
});

test('describes a pod with its events', async () => {
  const { uid } = (await server.get('Pod', 'default', 'web'))?.metadata ?? {};
  await server.put({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'web.1', namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'web', namespace: 'default', uid },
    type: 'Warning',
    reason: 'FailedScheduling',
    message: '0/3 nodes are available',
    source: { component: 'default-scheduler' },
    count: 1,
    firstTimestamp: new Date().toISOString(),
    lastTimestamp: new Date().toISOString(),
  });
  const text = await done('describe', 'pod', 'web');
  expect(text).toMatch(/Node:\s+n1/);
  expect(text).toMatch(/Warning\s+FailedScheduling.*0\/3 nodes are available/);
  expect(await done('get', 'events')).toMatch(/Warning\s+FailedScheduling\s+pod\/web/);
});

test('applies from the client: creates, leaves alone, changes, prunes', async () => {
  const path = file('dep.yaml', manifest('nginx:1', ', { name: B, value: "2" }'));
  expect(await done('apply', '-f', path)).toContain('created');
  expect(await done('apply', '-f', path)).toContain('unchanged');
  const { out, err } = await kubectl('apply', '-f', file('dep.yaml', manifest('nginx:2')));
  expect([out, err]).toEqual(['deployment.apps/dep configured\n', '']);
  expect(await done('get', 'deploy', 'dep', '-o', 'jsonpath={.spec.template.spec.containers[0].env}')).toBe('[{"name":"A","value":"1"}]');
  await done('rollout', 'status', 'deploy/dep', '--timeout=20s');
  await done('wait', '--for=condition=Available', 'deploy/dep', '--timeout=20s');
});

test('applies on the server: owners conflict, force takes over, dropped fields go', async () => {
  await done('scale', 'deploy/dep', '--replicas=4');
  const path = file('dep.yaml', manifest('nginx:2', ', { name: C, value: "3" }'));
  const refused = await kubectl('apply', '--server-side', '-f', path);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas');
  await done('apply', '--server-side', '--force-conflicts', '-f', path);
  await done('apply', '--server-side', '-f', file('dep.yaml', manifest('nginx:3')));
  const { spec } = (await server.get('Deployment', 'default', 'dep')) as Doc;
  expect([spec.replicas, spec.template.spec.containers[0].image, spec.template.spec.containers[0].env]).toEqual([2, 'nginx:3', [{ name: 'A', value: '1' }]]);
  expect(await done('diff', '-f', file('dep.yaml', manifest('nginx:3')))).not.toContain('image');
});

test('creates secrets, service accounts and tokens', async () => {
  await done('create', 'secret', 'generic', 's', '--from-literal=password=x y');
  expect(((await server.get('Secret', 'default', 's')) as Doc).data).toEqual({ password: Buffer.from('x y').toString('base64') });
  expect((await kubectl('create', 'secret', 'generic', 's')).err).toContain('secrets "s" already exists');
  await done('create', 'serviceaccount', 'bot');
  expect(claimsIn(await done('create', 'token', 'bot', '--audience', 'aud'))).toMatchObject({ sub: 'system:serviceaccount:default:bot', aud: ['aud'] });
});

test('creates workloads, whose requests come in protobuf', async () => {
  await done('create', 'deployment', 'made', '--image=example/made:1', '--replicas=2', '--port=80');
  expect(await server.get('Deployment', 'default', 'made')).toMatchObject({
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'made' } },
      template: { spec: { containers: [{ name: 'made', image: 'example/made:1', ports: [{ containerPort: 80 }] }] } },
    },
  });
  await done('create', 'job', 'once', '--image=example/once:1', '--', 'echo', 'hello');
  expect(await server.get('Job', 'default', 'once')).toMatchObject({
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ command: ['echo', 'hello'] }] } } },
  });
  await done('create', 'pdb', 'made', '--selector=app=made', '--min-available=50%');
  expect(await server.get('PodDisruptionBudget', 'default', 'made')).toMatchObject({
    spec: { minAvailable: '50%', selector: { matchLabels: { app: 'made' } } },
  });
  await done('autoscale', 'deployment', 'made', '--max=3', '--cpu=80%');
  expect(await server.get('HorizontalPodAutoscaler', 'default', 'made')).toMatchObject({
    spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'made' } },
  });
  await done('create', 'ingress', 'made', '--rule=example.com/*=made:80');
  expect(await server.get('Ingress', 'default', 'made')).toMatchObject({
    spec: {
      rules: [{ host: 'example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'made', port: { number: 80 } } } }] } }],
    },
  });
});

test('patches, labels and annotates', async () => {
  await done('create', 'configmap', 'c', '--from-literal=a=1');
  await done('patch', 'configmap', 'c', '-p', '{"data":{"b":"2"}}');
  await done('patch', 'configmap', 'c', '--type=json', '-p', '[{"op":"remove","path":"/data/a"}]');
  await done('label', 'configmap', 'c', 'x=y');
  await done('annotate', 'configmap', 'c', 'x=z');
  expect(await server.get('ConfigMap', 'default', 'c')).toMatchObject({ data: { b: '2' }, metadata: { labels: { x: 'y' }, annotations: { x: 'z' } } });
  expect(await done('get', 'cm', '-l', 'x in (y)', '-o', 'name')).toBe('configmap/c\n');
});

test('says who may do what', async () => {
  expect(await done('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}')).toBe('admin');
  expect(await done('auth', 'can-i', 'create', 'clusterroles')).toBe('yes\n');
  const bot = '--as=system:serviceaccount:default:bot';
  expect((await kubectl('auth', 'can-i', 'list', 'pods', bot)).out).toBe('no\n');
  await done('create', 'clusterrole', 'pods', '--verb=get,list', '--resource=pods,pods/log');
  await done('create', 'clusterrolebinding', 'pods', '--clusterrole=pods', '--serviceaccount=default:bot');
  expect(await done('auth', 'can-i', 'list', 'pods', bot)).toBe('yes\n');
  expect((await kubectl('get', 'secrets', bot)).err).toContain(
    'User "system:serviceaccount:default:bot" cannot list resource "secrets" in API group "" in the namespace "default"',
  );
});

test('reads logs, and follows them', async () => {
  expect(await done('logs', 'web', '--tail=1')).toBe('a three\n');
  const child = api.start(binary('TOOLS_KUBECTL'), ['logs', '-f', 'web', '--tail=1']);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await expect.poll(() => text, { timeout: 10_000 }).toBe('a three\n');
  server.print('web', 'more');
  await expect.poll(() => text, { timeout: 10_000 }).toBe('a three\nmore\n');
  child.kill();
});

test('watches', async () => {
  const child = api.start(binary('TOOLS_KUBECTL'), ['get', 'pods', '-w']);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await expect.poll(() => text, { timeout: 10_000 }).toContain('web');
  await server.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'late', namespace: 'default' }, spec: { containers: [{ name: 'a', image: 'i' }] } });
  await expect.poll(() => text, { timeout: 10_000 }).toMatch(/late\s+0\/1\s+Pending/);
  child.kill();
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

const post = (port: number, path: string, body: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request({ port, path, host: '127.0.0.1', method: 'POST', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.end(body);
  });

test.each([
  ['a websocket', {}],
  ['plain SPDY', { KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }],
])('forwards a port over %s, large bodies included', async (_name, env) => {
  const port = await freePort();
  const child = api.start(binary('TOOLS_KUBECTL'), ['port-forward', 'pod/web', `${port}:3100`], env);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await expect.poll(() => text, { timeout: 10_000 }).toContain('Forwarding from');
  const body = 'x'.repeat(300_000);
  expect(JSON.parse(await post(port, '/push?a=b', body))).toEqual({ pod: 'web', port: 3100, method: 'POST', path: '/push?a=b', body });
  expect(JSON.parse(await post(port, '/again', 'small'))).toMatchObject({ path: '/again', body: 'small' });
  child.kill();
});

test('deletes a namespace and waits until it is gone', async () => {
  await done('create', 'namespace', 'gone');
  await done('create', 'configmap', 'c', '-n', 'gone');
  expect(await done('delete', 'namespace', 'gone', '--timeout=20s')).toContain('namespace "gone" deleted');
  expect((await kubectl('get', 'configmap', '-n', 'gone')).out).toBe('');
  expect((await kubectl('create', 'configmap', 'c', '-n', 'gone')).err).toContain('namespaces "gone" not found');
});

test.skipIf(DIFFERENT('exec'))('is told plainly that nothing runs in pods', async () => {
  expect((await kubectl('exec', 'web', '--', 'ls')).err).toContain('the sandbox runs no processes: there is no exec into pod web');
});
