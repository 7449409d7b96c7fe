/** How the API server reports, or does not report, a kubelet that it can't reach; the messages are Kubernetes 1.34's own. */
import { afterEach, describe, expect, it } from 'vitest';
import { startKubeServer, status, type Answer, type Asked, type KubeServer } from '../../../test/support/kube-server.ts';
import { ProblemError } from '../../problems/problem.ts';
import { connectKubernetes } from './connect.ts';

let server: KubeServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

/** Pods `x-N` are on node `node-N`. */
const start = async (answer: (asked: Asked) => Answer) => {
  server = await startKubeServer((asked) => {
    const node = /\/pods\/\w+-(\d)$/.exec(asked.path)?.[1];
    return node ? { body: { metadata: { name: 'x' }, spec: { nodeName: `node-${node}` } } } : answer(asked);
  });
  return connectKubernetes(server.access, { backoffMs: 1, timeoutMs: 400 });
};
const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProblemError);
  return (error as ProblemError).problem;
};
const requests = () => server!.asked.filter(({ path }) => /\/(log|portforward)$/.test(path)).length;
type Cluster = Awaited<ReturnType<typeof start>>;

const ways: readonly (readonly [string, (kubernetes: Cluster, pod: string) => Promise<unknown>])[] = [
  ['a port-forward', (kubernetes, pod) => kubernetes.forward({ namespace: 'loki', pod, port: 80 }, { method: 'GET', path: '/', timeoutMs: 400 })],
  ['a log', (kubernetes, pod) => kubernetes.logs({ namespace: 'loki', pod, tail: 5 })],
  ['a raw log', (kubernetes, pod) => kubernetes.raw(`/api/v1/namespaces/loki/pods/${pod}/log?sinceSeconds=5`)],
];
const log = 'Get "https://10.0.1.5:10250/containerLogs/loki/x-1/loki?tailLines=5": ';
const unreachable: readonly (readonly [string, Answer, RegExp])[] = [
  ['a blocked port, forwarding', status(500, { message: 'error dialing backend: dial tcp 10.0.1.5:10250: i/o timeout' }), /cluster security group/],
  ['a blocked port, reading', status(500, { message: `${log}dial tcp 10.0.1.5:10250: i/o timeout` }), /cluster security group/],
  [
    'the same from a proxy before the server',
    { status: 502, body: 'error dialing backend: dial tcp 10.0.1.5:10250: connect: no route to host' },
    /security group/,
  ],
  ['an IPv6 node', status(504, { message: 'error dialing backend: dial tcp [2001:db8::1]:10250: i/o timeout' }), /cluster security group/],
  ['a kubelet that does not run', status(500, { message: `${log}dial tcp 10.0.1.5:10250: connect: connection refused` }), /kubectl describe node node-1/],
  ['a certificate that is not approved', status(500, { message: 'error dialing backend: remote error: tls: internal error' }), /kubectl get csr/],
  [
    'a certificate of somebody else',
    status(500, { message: `${log}tls: failed to verify certificate: x509: certificate signed by unknown authority` }),
    /kubectl get csr/,
  ],
  ['a handshake that hangs', status(500, { message: `${log}net/http: TLS handshake timeout` }), /10250/],
  ['a name without address', status(500, { message: 'error dialing backend: dial tcp: lookup ip-10-0-1-5.ec2.internal on 10.0.0.2:53: no such host' }), /DNS/],
  ['no tunnel', status(500, { message: 'error dialing backend: No agent available' }), /kubelet of node-1/],
  [
    'a kubelet that refuses',
    { status: 403, body: 'Forbidden (user=kube-apiserver-kubelet-client, verb=get, resource=nodes, subresource=proxy)' },
    /nodes\/proxy/,
  ],
  ['silence', 'silence', /cluster security group/],
];

describe.each(ways)('%s', (_, ask) => {
  it.each(unreachable)('over %s names the kubelet, after one request', async (_name, answer, fix) => {
    const kubernetes = await start(() => answer);
    const problem = await problemOf(ask(kubernetes, 'x-1'));
    expect(problem.code).toBe('KUBE_KUBELET_UNREACHABLE');
    expect(problem.message).toContain('kubelet of node node-1');
    expect(problem.fix).toMatch(fix);
    expect(problem.evidence?.join()).toMatch(typeof answer === 'string' ? /while the Kubernetes API itself responds/ : /HTTP \d+ \S/);
    // The same node is not contacted again, whatever the pod.
    expect((await problemOf(ask(kubernetes, 'y-1'))).code).toBe('KUBE_KUBELET_UNREACHABLE');
    expect(requests()).toBe(1);
  });

  it.each([
    ['an overloaded API server', status(500, { message: 'etcdserver: request timed out' })],
    ['a runtime that fails', status(500, { message: 'Internal error occurred: rpc error: code = Unknown desc = context deadline exceeded' })],
    ['a page of a load balancer', { status: 502, body: '<html>dial tcp: EOF</html>' }],
    ['a pod that is not scheduled', status(400, { message: 'pod x-1 does not have a host assigned' })],
    [
      'a right that is missing',
      status(403, { message: 'pods "x-1" is forbidden: User "ci" cannot get resource "pods/log" in API group "" in the namespace "loki"' }),
    ],
  ] as const)('does not blame it for %s', async (_name, answer) => {
    const kubernetes = await start(() => answer);
    const outcome = await ask(kubernetes, 'x-1').catch((error: unknown) => (error as ProblemError).problem.code);
    expect(outcome).not.toBe('KUBE_KUBELET_UNREACHABLE');
  });

  it('does not blame it when the API itself is silent', async () => {
    server = await startKubeServer(() => 'silence');
    const kubernetes = await connectKubernetes(server.access, { backoffMs: 1, timeoutMs: 200 });
    expect((await problemOf(ask(kubernetes, 'x-1'))).code).toBe('KUBE_UNREACHABLE');
  });
});

it('asks each of two nodes once, and then none of the others', async () => {
  const kubernetes = await start(() => status(500, { message: 'error dialing backend: dial tcp 10.0.1.5:10250: i/o timeout' }));
  for (const pod of ['a-1', 'b-2', 'c-3', 'd-4', 'e-1']) expect((await problemOf(ways[0]![1](kubernetes, pod))).code).toBe('KUBE_KUBELET_UNREACHABLE');
  expect(requests()).toBe(2);
});

it('goes on asking others while one node alone is not reached', async () => {
  const kubernetes = await start(({ path }) =>
    path.includes('-1/') ? status(500, { message: 'error dialing backend: dial tcp 10.0.1.5:10250: i/o timeout' }) : { body: 'line\n' },
  );
  await problemOf(ways[0]![1](kubernetes, 'a-1'));
  expect(await kubernetes.logs({ namespace: 'loki', pod: 'b-2', tail: 5 })).toEqual(['line']);
});
