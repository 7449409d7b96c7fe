/** The client the product uses, unchanged, against the sandbox's API. */
import { PassThrough, Writable } from 'node:stream';
import {
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  Watch,
} from '@kubernetes/client-node';
import type { KubernetesObject } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimsIn, startServer } from './server.ts';
import type { TestServer } from './server.ts';

const PATIENT = { timeout: 20_000 };
let server: TestServer;
let config: KubeConfig;
let core: CoreV1Api;

beforeAll(async () => {
  server = await startServer({ readyAfterMs: 20 });
  config = new KubeConfig();
  config.loadFromString(server.kubeconfig());
  core = config.makeApiClient(CoreV1Api);
  await core.createNamespacedPod({ namespace: 'default', body: { metadata: { name: 'web' }, spec: { containers: [{ name: 'a', image: 'nginx:1' }] } } });
  await server.running('default', 'web');
});
afterAll(() => server.close());

test('creates, reads, patches, lists and deletes', async () => {
  await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'c', labels: { a: 'b' } }, data: { x: '1' } } });
  const body = { data: { x: '2' } };
  await core.patchNamespacedConfigMap({ namespace: 'default', name: 'c', body }, setHeaderOptions('Content-Type', PatchStrategy.MergePatch));
  expect((await core.readNamespacedConfigMap({ namespace: 'default', name: 'c' })).data).toEqual({ x: '2' });
  const list = await core.listNamespacedConfigMap({ namespace: 'default', labelSelector: 'a=b' });
  expect(list.items.map((item) => item.metadata?.name)).toEqual(['c']);
  await core.deleteNamespacedConfigMap({ namespace: 'default', name: 'c' });
  await expect(core.readNamespacedConfigMap({ namespace: 'default', name: 'c' })).rejects.toMatchObject({ code: 404 });
});

test('applies any kind by its name, and meets conflicts with other appliers', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const apply = (manager: string, replicas: number): Promise<KubernetesObject> => {
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'i:1' }] } };
    const body = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: 'default' },
      spec: { replicas, selector: { matchLabels: { a: 'b' } }, template },
    };
    return objects.patch(body, undefined, undefined, manager, undefined, PatchStrategy.ServerSideApply);
  };
  await apply('one', 1);
  await apply('one', 2);
  await expect(apply('two', 3)).rejects.toMatchObject({ code: 409 });
  const apps = config.makeApiClient(AppsV1Api);
  await expect.poll(async () => (await apps.readNamespacedDeployment({ namespace: 'default', name: 'd' })).status?.readyReplicas, PATIENT).toBe(2);
});

test('watches, and keeps an informer current', async () => {
  const seen: string[] = [];
  const aborter = await new Watch(config).watch(
    '/api/v1/namespaces/default/secrets',
    {},
    (type, object) => seen.push(`${type} ${object.metadata.name}`),
    () => undefined,
  );
  const informer = makeInformer(config, '/api/v1/namespaces/default/secrets', () => core.listNamespacedSecret({ namespace: 'default' }));
  const added = new Promise<string | undefined>((resolve) => informer.on('add', (object) => resolve(object.metadata?.name)));
  await informer.start();
  await core.createNamespacedSecret({ namespace: 'default', body: { metadata: { name: 's' }, stringData: { a: 'b' } } });
  expect(await added).toBe('s');
  await expect.poll(() => seen, PATIENT).toContain('ADDED s');
  await informer.stop();
  aborter.abort();
});

test('asks what it may do, and for tokens', async () => {
  const reviews = config.makeApiClient(AuthorizationV1Api);
  const answer = await reviews.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes: { verb: 'create', resource: 'namespaces' } } } });
  expect(answer.status?.allowed).toBe(true);
  const token = await core.createNamespacedServiceAccountToken({
    namespace: 'default',
    name: 'default',
    body: { spec: { audiences: ['sts.amazonaws.com'], expirationSeconds: 3600 } },
  });
  expect(claimsIn(token.status?.token ?? '')).toMatchObject({ sub: 'system:serviceaccount:default:default', aud: ['sts.amazonaws.com'] });
  expect(token.status?.expirationTimestamp.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
});

test('reads and follows logs', async () => {
  expect(await core.readNamespacedPodLog({ namespace: 'default', name: 'web', tailLines: 1 })).toBe('a three\n');
  const sink = new PassThrough();
  let text = '';
  sink.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const aborter = await new Log(config).log('default', 'web', 'a', sink, { follow: true, tailLines: 1 });
  await expect.poll(() => text, PATIENT).toBe('a three\n');
  server.print('web', 'more');
  await expect.poll(() => text, PATIENT).toBe('a three\nmore\n');
  aborter.abort();
});

test('forwards a port and speaks HTTP through it, twice over one connection', async () => {
  const input = new PassThrough();
  let text = '';
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const socket = await new PortForward(config).portForward('default', 'web', [3100], output, null, input);
  input.write('GET /ready HTTP/1.1\r\nHost: x\r\n\r\n');
  await expect.poll(() => text, PATIENT).toContain('"path":"/ready"');
  input.write('POST /push HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
  await expect.poll(() => text, PATIENT).toContain('"body":"hello"');
  expect(text).toContain('"port":3100');
  expect(text.startsWith('HTTP/1.1 200 OK')).toBe(true);
  if ('close' in socket) socket.close();
});

test('a port-forward to a pod that is not there is refused before it begins', async () => {
  const forward = new PortForward(config).portForward('default', 'nobody', [80], new PassThrough(), null, new PassThrough());
  await expect(forward).rejects.toMatchObject({ message: expect.stringContaining('404') });
});
