import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startKubeServer, status, type Answer, type Asked, type KubeServer } from '../../../test/support/kube-server.ts';
import { ProblemError, stop } from '../../problems/problem.ts';
import { connectKubernetes } from './connect.ts';

let server: KubeServer | undefined;
const others: Server[] = [];
afterEach(async () => {
  await server?.stop();
  for (const other of others.splice(0)) other.close();
  server = undefined;
});

const start = async (answer: (asked: Asked, nth: number) => Answer) => {
  server = await startKubeServer(answer);
  return connectKubernetes(server.access, { backoffMs: 1, timeoutMs: 300 });
};
const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProblemError);
  return (error as ProblemError).problem;
};
const secret = { apiVersion: 'v1', kind: 'Secret', namespace: 'loki', name: 'login' };

describe('objects', () => {
  it('asks for a token before each request', async () => {
    server = await startKubeServer(() => ({ body: { gitVersion: 'v1.33.4-eks-1' } }));
    let asked = 0;
    const kubernetes = await connectKubernetes({ ...server.access, token: async () => `token-${++asked}` } as typeof server.access);
    expect(await kubernetes.version()).toBe('v1.33.4-eks-1');
    await kubernetes.version();
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('tells an absent object from a path the server does not serve', async () => {
    const kubernetes = await start(({ path }) =>
      path.startsWith('/api/v1/')
        ? status(404, { reason: 'NotFound', message: 'secrets "login" not found', details: { name: 'login', kind: 'secrets' } })
        : { status: 404, body: '404 page not found' },
    );
    expect(await kubernetes.get(secret)).toBeUndefined();
    expect((await problemOf(kubernetes.get({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', namespace: 'loki', name: 'x' }))).code).toBe(
      'KUBE_KIND_UNKNOWN',
    );
    expect(server!.asked[0]!.path).toBe('/api/v1/namespaces/loki/secrets/login');
  });

  it('reads all pages, and gives every item its kind', async () => {
    const kubernetes = await start(({ query }) =>
      query.get('continue') === 'two'
        ? { body: { metadata: {}, items: [{ metadata: { name: 'c' } }] } }
        : { body: { metadata: { continue: 'two' }, items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }] } },
    );
    const pods = await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'loki', labels: 'a=b', fields: 'spec.nodeName=x', metadataOnly: true });
    expect(pods.map((pod) => `${pod.kind} ${pod.metadata.name}`)).toEqual(['Pod a', 'Pod b', 'Pod c']);
    expect(server!.asked[0]!.query.toString()).toBe('limit=500&labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dx');
    expect(server!.asked[0]!.headers.accept).toContain('as=PartialObjectMetadataList');
  });

  it('starts a list again, once, when the server has forgotten the place', async () => {
    const kubernetes = await start((_, nth) =>
      nth === 2
        ? status(410, { reason: 'Expired' })
        : { body: { metadata: nth === 1 ? { continue: 'two' } : {}, items: [{ metadata: { name: `page-${nth}` } }] } },
    );
    expect((await kubernetes.list({ apiVersion: 'v1', kind: 'Node' })).map(({ metadata }) => metadata.name)).toEqual(['page-3']);
  });

  it('finds the path of a kind that is not in the table by discovery, once', async () => {
    const kubernetes = await start(({ path }) =>
      path === '/apis/monitoring.coreos.com/v1'
        ? {
            body: {
              resources: [
                { name: 'servicemonitors', kind: 'ServiceMonitor', namespaced: true },
                { name: 'servicemonitors/status', kind: 'ServiceMonitor', namespaced: true },
              ],
            },
          }
        : { body: { metadata: { name: 'x' } } },
    );
    const ref = { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor', namespace: 'loki', name: 'x' };
    await kubernetes.get(ref);
    await kubernetes.get(ref);
    expect(server!.asked.map(({ path }) => path)).toEqual([
      '/apis/monitoring.coreos.com/v1',
      '/apis/monitoring.coreos.com/v1/namespaces/loki/servicemonitors/x',
      '/apis/monitoring.coreos.com/v1/namespaces/loki/servicemonitors/x',
    ]);
    expect((await problemOf(kubernetes.get({ ...ref, kind: 'Nothing' }))).code).toBe('KUBE_KIND_UNKNOWN');
  });

  it('writes with the verb, path and body of each', async () => {
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login', namespace: 'loki' } };
    const kubernetes = await start(() => ({ body: object }));
    await kubernetes.create(object);
    await kubernetes.replace(object);
    await kubernetes.patch(secret, { data: { a: null } });
    await kubernetes.delete(secret, { propagation: 'Foreground' });
    expect(server!.asked.map(({ method, path, headers }) => `${method} ${path} ${headers['content-type']}`)).toEqual([
      'POST /api/v1/namespaces/loki/secrets application/json',
      'PUT /api/v1/namespaces/loki/secrets/login application/json',
      'PATCH /api/v1/namespaces/loki/secrets/login application/merge-patch+json',
      'DELETE /api/v1/namespaces/loki/secrets/login application/json',
    ]);
    expect(JSON.parse(server!.asked[2]!.body)).toEqual({ data: { a: null } });
    expect(JSON.parse(server!.asked[3]!.body)).toMatchObject({ propagationPolicy: 'Foreground' });
  });

  it('deletes what is not there without a word', async () => {
    const kubernetes = await start(() => status(404, { details: { name: 'login' } }));
    await expect(kubernetes.delete(secret)).resolves.toBeUndefined();
  });
});

describe('repeating', () => {
  it('repeats a read over 429, 503 and a reset', async () => {
    const kubernetes = await start((_, nth) =>
      nth === 1
        ? { ...status(429), headers: { 'retry-after': '0' } }
        : nth === 2
          ? status(503)
          : nth === 3
            ? 'hang-up'
            : { body: { metadata: { name: 'login' } } },
    );
    expect((await kubernetes.get(secret))?.metadata.name).toBe('login');
    expect(server!.asked).toHaveLength(4);
  });

  it.each([
    ['a reset', 'hang-up'],
    ['a 503', status(503)],
  ] as const)('does not repeat a write over %s, which may have happened', async (_, answer) => {
    const kubernetes = await start(() => answer);
    await problemOf(kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'loki' } }));
    expect(server!.asked).toHaveLength(1);
  });

  it('repeats a write over 429, which has not happened', async () => {
    const kubernetes = await start((_, nth) => (nth < 3 ? { ...status(429), headers: { 'retry-after': '0' } } : { body: { metadata: { name: 'loki' } } }));
    await kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'loki' } });
    expect(server!.asked).toHaveLength(3);
  });
});

describe('failures', () => {
  const create = async (answer: Answer) =>
    problemOf((await start(() => answer)).create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login', namespace: 'loki' } }));

  it.each([
    ['KUBE_UNAUTHORIZED', status(401, { message: 'Unauthorized' }), '127.0.0.1'],
    ['KUBE_CONFLICT', status(409, { reason: 'AlreadyExists' }), 'Secret loki/login already exists'],
    ['KUBE_CONFLICT', status(409, { reason: 'Conflict' }), 'changed concurrently'],
    ['KUBE_INVALID', status(422, { message: 'metadata.name: Invalid value: "X"' }), 'metadata.name: Invalid value'],
    ['KUBE_NOT_FOUND', status(404, { message: 'namespaces "loki" not found', details: { name: 'loki' } }), 'namespaces "loki" not found'],
    ['KUBE_SERVER_ERROR', status(500, { message: 'etcdserver: leader changed' }), 'HTTP 500'],
    ['KUBE_QUOTA_EXCEEDED', status(403, { message: 'secrets "login" is forbidden: exceeded quota: q, requested: 1' }), 'Secret loki/login'],
    [
      'KUBE_NAMESPACE_TERMINATING',
      status(403, { message: 'secrets "login" is forbidden: unable to create new content in namespace loki because it is being terminated' }),
      'Namespace loki is being deleted',
    ],
    [
      'KUBE_WEBHOOK_DOWN',
      status(500, { message: 'Internal error occurred: failed calling webhook "mservice.elbv2.k8s.aws": no endpoints available' }),
      'mservice.elbv2.k8s.aws',
    ],
    ['KUBE_ADMISSION_DENIED', status(403, { message: 'admission webhook "policy.example" denied the request: no' }), 'policy.example'],
  ] as const)('%s', async (code, answer, names) => {
    const problem = await create(answer);
    expect(problem.code).toBe(code);
    expect(problem.message).toContain(names);
  });

  it('names verb, resource and namespace of what RBAC forbids', async () => {
    const problem = await create(
      status(403, { message: 'secrets is forbidden: User "ci" cannot create resource "secrets" in API group "" in the namespace "loki"' }),
    );
    expect(problem).toMatchObject({ code: 'KUBE_FORBIDDEN', message: 'ci is not allowed to create secrets in namespace loki' });
  });

  it('survives an answer that is a page of a proxy', async () => {
    const problem = await create({ status: 502, body: '<html>bad gateway</html>' });
    expect(problem).toMatchObject({ code: 'KUBE_SERVER_ERROR', evidence: [expect.stringContaining('bad gateway')] });
  });

  it('tells refused, unknown name, silence and a wrong certificate apart', async () => {
    const kubernetes = await start(() => 'silence');
    expect((await problemOf(kubernetes.version())).message).toMatch(/is not responding/);
    const eks = { is: 'eks', ca: '', token: async () => 't' } as const;
    const say = async (url: string) => (await problemOf((await connectKubernetes({ ...eks, server: url }, { backoffMs: 1 })).version())).message;
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => free.once('listening', done));
    const { port } = free.address() as { port: number };
    await new Promise((done) => free.close(done));
    expect(await say(`https://127.0.0.1:${port}`)).toMatch(/refuses connections/);
    expect(await say('https://nowhere.invalid')).toMatch(/nowhere\.invalid, can't be resolved/);
    expect(await say(server!.url)).toMatch(/certificate .* is not trusted/);
  });
});

it('does not wait long for a connection that never stands', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  others.push(silent);
  await new Promise((done) => silent.once('listening', done));
  const url = `https://127.0.0.1:${(silent.address() as { port: number }).port}`;
  const kubernetes = await connectKubernetes({ is: 'eks', server: url, ca: '', token: async () => 't' }, { connectMs: 50 });
  expect((await problemOf(kubernetes.version())).evidence).toEqual([`${url}: ETIMEDOUT no response within 0.05 s`]);
});

describe('requests', () => {
  it('asks for reviews in parallel and gives back what is denied', async () => {
    const kubernetes = await start(({ body }) => ({ status: 201, body: { status: { allowed: !body.includes('"secrets"') } } }));
    const access = [
      { verb: 'create', resource: 'secrets', namespace: 'loki' },
      { verb: 'get', resource: 'pods', subresource: 'log' },
    ];
    expect(await kubernetes.denied(access)).toEqual([access[0]]);
    expect(JSON.parse(server!.asked.find(({ body }) => body.includes('pods'))!.body).spec.resourceAttributes).toEqual({
      verb: 'get',
      resource: 'pods',
      subresource: 'log',
      group: '',
    });
  });

  it('asks for a token that lives at least ten minutes', async () => {
    const kubernetes = await start(() => ({ status: 201, body: { status: { token: 'jwt' } } }));
    expect(await kubernetes.token({ namespace: 'loki', serviceAccount: 'loki', audience: 'sts.amazonaws.com', seconds: 60 })).toBe('jwt');
    expect(JSON.parse(server!.asked[0]!.body).spec).toEqual({ audiences: ['sts.amazonaws.com'], expirationSeconds: 600 });
  });

  it('reads log lines, and none of a container that has not started', async () => {
    const kubernetes = await start(({ query }) =>
      query.get('previous') ? status(400, { message: 'previous terminated container "loki" in pod "p" not found' }) : { body: 'one\ntwo\n' },
    );
    expect(await kubernetes.logs({ namespace: 'loki', pod: 'p', container: 'loki', tail: 10 })).toEqual(['one', 'two']);
    expect(await kubernetes.logs({ namespace: 'loki', pod: 'p', container: 'loki', tail: 10, previous: true })).toEqual([]);
    expect(server!.asked[0]!.query.toString()).toBe('tailLines=10&container=loki');
  });

  it('gives raw answers as they are', async () => {
    const kubernetes = await start(() => ({ status: 404, body: 'no' }));
    expect(await kubernetes.raw('/metrics')).toEqual({ status: 404, body: 'no' });
  });
});

describe('forward', () => {
  const pod = { namespace: 'loki', pod: 'gateway-1', port: 8080 };

  it('carries one HTTP request and its headers to the pod', async () => {
    const kubernetes = await start(() => status(500));
    let received = '';
    server!.pod =
      (port, { send }) =>
      (bytes) => {
        received += bytes.toString();
        if (!received.includes('hello')) return;
        send(Buffer.from(`HTTP/1.1 200 OK\r\nx-port: ${port}\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`));
        send(Buffer.from('3\r\ndef\r\n0\r\n\r\n'));
      };
    const reply = await kubernetes.forward(pod, {
      method: 'POST',
      path: '/push?a=b',
      headers: { authorization: 'Basic x', 'X-Scope-OrgID': 't' },
      body: 'hello',
    });
    expect(reply).toMatchObject({ status: 200, body: 'abcdef', headers: { 'x-port': '8080' } });
    expect(received).toMatch(/^POST \/push\?a=b HTTP\/1\.1\r\n/);
    expect(received).toMatch(/X-Scope-OrgID: t/);
    expect(server!.asked.at(-1)).toMatchObject({ path: '/api/v1/namespaces/loki/pods/gateway-1/portforward', headers: { authorization: 'Bearer good-token' } });
  });

  it('says what the kubelet complains of', async () => {
    const kubernetes = await start(() => status(500));
    server!.pod =
      (_, { complain }) =>
      () =>
        complain('dial tcp4 127.0.0.1:8080: connect: connection refused');
    expect(await problemOf(kubernetes.forward(pod, { method: 'GET', path: '/' }))).toMatchObject({
      code: 'KUBE_FORWARD_FAILED',
      message: expect.stringContaining('connection refused'),
    });
  });

  it('does not wait longer than it was told, and tells a closed connection', async () => {
    const kubernetes = await start(() => status(500));
    server!.pod = () => () => undefined;
    expect((await problemOf(kubernetes.forward(pod, { method: 'GET', path: '/', timeoutMs: 100 }))).message).toMatch(/no response within 0\.1 s/);
    server!.pod =
      (_, { end }) =>
      () =>
        end();
    expect((await problemOf(kubernetes.forward(pod, { method: 'GET', path: '/' }))).code).toBe('KUBE_FORWARD_FAILED');
  });

  it.each([
    [403, 'KUBE_FORBIDDEN'],
    [401, 'KUBE_UNAUTHORIZED'],
    [404, 'KUBE_FORWARD_FAILED'],
  ])('maps HTTP %s to the upgrade', async (code, expected) => {
    const kubernetes = await start(() => status(code));
    expect((await problemOf(kubernetes.forward(pod, { method: 'GET', path: '/' }))).code).toBe(expected);
  });
});

describe('logging in', () => {
  it('passes on what the giver of the token throws, defects too', async () => {
    const kubernetes = async (error: Error) => {
      server = await startKubeServer(() => ({ body: {} }));
      const access = { ...server.access, token: () => Promise.reject(error) } as typeof server.access;
      const thrown = await (await connectKubernetes(access)).version().catch((caught: unknown) => caught);
      await server.stop();
      return thrown;
    };
    const problem = stop('AWS_CREDENTIALS_MISSING');
    expect(await kubernetes(problem)).toBe(problem);
    const defect = new TypeError('x is not a function');
    expect(await kubernetes(defect)).toBe(defect);
    server = undefined;
  });
});
