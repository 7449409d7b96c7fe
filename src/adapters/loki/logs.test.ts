import { describe, expect, it } from 'vitest';
import { clusterOf } from '../../../test/support/cluster-objects.ts';
import { ProblemError, stop } from '../../problems/problem.ts';
import type { PodRequest, PodResponse } from '../../ports/kubernetes.ts';
import { openLogs } from './logs.ts';

const pod = (name: string, ready: boolean) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'loki', labels: { app: 'gateway' } },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const open = (answer: (pod: string, request: PodRequest) => Partial<PodResponse>, pods = [pod('starting', false), pod('a', true)]) => {
  const asked: { pod: string; request: PodRequest }[] = [];
  const { kubernetes } = clusterOf(pods, {
    forward: async (to, request) => {
      asked.push({ pod: `${to.pod}:${to.port}`, request });
      return { status: 200, headers: {}, body: '', ...answer(to.pod, request) };
    },
  });
  return { asked, logs: openLogs({ kubernetes, namespace: 'loki', selector: 'app=gateway', port: 8080, now: () => new Date(1_700_000_000_000) }) };
};
const options = { sinceMs: 1000, limit: 2, login: { user: 'loki', password: 'p:w' }, tenant: 'dev' };
const streams = (...result: object[]) => ({ body: JSON.stringify({ status: 'success', data: { resultType: 'streams', result } }) });
const problemOf = async (answer: Partial<PodResponse>) => {
  const error = await open(() => answer)
    .logs.query('{a="b"}', options)
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ProblemError);
  return (error as ProblemError).problem;
};

describe('a query', () => {
  it('goes to a ready gateway pod with login and tenant, and gives the newest lines of all streams', async () => {
    const { logs, asked } = open(() =>
      streams(
        {
          stream: { pod: 'x' },
          values: [
            ['1700000000000000003', 'c'],
            ['1700000000000000001', 'a'],
          ],
        },
        { stream: { pod: 'y' }, values: [['1700000000000000002', 'b', { trace: '1' }]] },
      ),
    );
    expect(await logs.query('{a="b"} |= "c"', options)).toEqual([
      { timestamp: '1700000000000000003', line: 'c', labels: { pod: 'x' } },
      { timestamp: '1700000000000000002', line: 'b', labels: { pod: 'y' } },
    ]);
    const { pod: to, request } = asked[0]!;
    expect(to).toBe('a:8080');
    expect(request.headers).toEqual({ authorization: `Basic ${Buffer.from('loki:p:w').toString('base64')}`, 'x-scope-orgid': 'dev' });
    const url = new URL(request.path, 'http://x');
    expect(url.pathname).toBe('/loki/api/v1/query_range');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      query: '{a="b"} |= "c"',
      limit: '2',
      direction: 'backward',
      start: '1699999999000000000',
      end: '1700000060000000000',
    });
  });

  it('tries the next ready pod when one can not be reached', async () => {
    const { logs, asked } = open(
      (name) => {
        if (name === 'a') throw stop('KUBE_FORWARD_FAILED');
        return streams();
      },
      [pod('a', true), pod('b', true)],
    );
    expect(await logs.query('{a="b"}', options)).toEqual([]);
    expect(asked.map(({ pod }) => pod)).toEqual(['a:8080', 'b:8080']);
  });

  it('does not try another pod over a login the cluster refuses', async () => {
    const { logs, asked } = open(() => {
      throw stop('KUBE_FORBIDDEN');
    }, [pod('a', true), pod('b', true)]);
    await expect(logs.query('{a="b"}', options)).rejects.toMatchObject({ problem: { code: 'KUBE_FORBIDDEN' } });
    expect(asked).toHaveLength(1);
  });

  it('says when no gateway pod is ready, or there is none', async () => {
    await expect(open(() => ({}), [pod('a', false)]).logs.get('/')).rejects.toMatchObject({
      problem: { code: 'GATEWAY_NOT_READY', evidence: ['Pod loki/a is Running, not ready'] },
    });
    await expect(open(() => ({}), []).logs.get('/')).rejects.toMatchObject({
      problem: { code: 'GATEWAY_NOT_READY', message: expect.stringContaining('No gateway pod') },
    });
  });

  it.each<readonly [string, Partial<PodResponse>, string]>([
    [
      'GATEWAY_LOGIN_REFUSED',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="Loki"' }, body: '<html><h1>401 Authorization Required</h1></html>' },
      '"loki"',
    ],
    ['LOKI_TENANT_MISSING', { status: 401, body: 'no org id\n' }, 'tenant'],
    ['GATEWAY_UPSTREAM_DOWN', { status: 502, body: '<html>502 Bad Gateway</html>' }, 'HTTP 502'],
    ['GATEWAY_UPSTREAM_DOWN', { status: 504, body: '' }, 'HTTP 504'],
    ['LOKI_QUERY_INVALID', { status: 400, body: 'parse error at line 1, col 2: syntax error' }, 'line 1, col 2'],
    ['LOKI_QUERY_FAILED', { status: 500, body: 'AccessDenied' }, 'HTTP 500'],
    ...['OK', '', 'null', '[]', '{}', '<html>login</html>', '{"data":null}', '{"data":{"resultType":"streams","result":{}}}'].map(
      (body) => ['LOKI_ANSWER_UNREADABLE', { status: 200, body }, 'does not come from Loki'] as const,
    ),
    ...[
      null,
      'x',
      {},
      { stream: {}, values: null },
      { stream: [], values: [] },
      { stream: {}, values: [['soon', 'x']] },
      { stream: {}, values: [[1, 'x']] },
      { stream: { a: 1 }, values: [] },
    ].map(
      (stream) =>
        [
          'LOKI_ANSWER_UNREADABLE',
          { status: 200, body: JSON.stringify({ data: { resultType: 'streams', result: [stream] } }) },
          'does not come from Loki',
        ] as const,
    ),
    ['LOKI_QUERY_FAILED', { status: 200, body: '{"data":{"resultType":"matrix","result":[]}}' }, 'returns matrix'],
  ])('%s', async (code, answer, names) => {
    const problem = await problemOf(answer);
    expect(problem.code).toBe(code);
    expect(problem.message).toContain(names);
  });
});

it('gives any other answer as it is', async () => {
  const { logs } = open(() => ({ status: 401, body: 'no' }));
  expect(await logs.get('/')).toMatchObject({ status: 401, body: 'no' });
});
