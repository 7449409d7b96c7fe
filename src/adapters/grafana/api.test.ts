/** Grafana's responses, including malformed ones: what the user gets for each. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { openExchanges } from '../exchanges.ts';
import { openGrafana } from './api.ts';
import { byAddress } from './ways.ts';

let server: Server | undefined;
afterEach(() => void server?.close());

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
}

async function serving(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const asked: Asked[] = [];
  server = createServer((request, response) => {
    asked.push({ path: request.url ?? '', authorization: request.headers.authorization });
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/grafana/`;
  return { asked, url, grafana: openGrafana({ where: 'G', login: { token: 'glsa_1' }, send: byAddress(url, { exchanges: openExchanges() }) }) };
}

const query = { logql: '{a="b"}', sinceMs: 60_000, limit: 2 };
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: { problem?: { code: string } }) => error.problem?.code ?? String(error),
  );

it('asks below the path of the address, with the token', async () => {
  const { asked, grafana } = await serving(200, [{ uid: 'x', name: 'X', id: 7, secureJsonFields: { basicAuthPassword: true } }]);
  expect(await grafana.datasources()).toEqual([{ uid: 'x', name: 'X', type: '', access: '', url: '', basicAuth: false, basicAuthUser: '', jsonData: {} }]);
  expect(asked).toEqual([{ path: '/grafana/api/datasources', authorization: 'Bearer glsa_1' }]);
});

it.each([
  ['a page that asks to log in', 200, '<html><body>Sign in</body></html>', 'GRAFANA_ANSWER_UNREADABLE'],
  ['a redirect, which is not followed with a token', 302, '', 'GRAFANA_ANSWER_UNREADABLE'],
  ['nothing', 200, '', 'GRAFANA_ANSWER_UNREADABLE'],
  ['null', 200, 'null', 'GRAFANA_ANSWER_UNREADABLE'],
  ['JSON of another API', 200, {}, 'GRAFANA_ANSWER_UNREADABLE'],
  ['a list of something else', 200, [null], 'GRAFANA_ANSWER_UNREADABLE'],
  ['data sources without names', 200, [{ uid: 1 }], 'GRAFANA_ANSWER_UNREADABLE'],
  ['half of a list', 200, '[{"uid":"x"', 'GRAFANA_ANSWER_UNREADABLE'],
  ['401', 401, { message: 'Invalid API key' }, 'GRAFANA_LOGIN_REFUSED'],
  ['403', 403, { message: "You'll need additional permissions" }, 'GRAFANA_FORBIDDEN'],
  ['500', 500, { message: 'Internal server error' }, 'GRAFANA_FAILED'],
])('%s', async (_, status, body, code) => {
  const { asked, grafana } = await serving(status, body, { location: 'http://elsewhere.example' });
  expect(await codeOf(grafana.datasources())).toBe(code);
  expect(asked).toHaveLength(1);
});

it('nobody there', async () => {
  const { url } = await serving(200, []);
  server?.close();
  const grafana = openGrafana({ where: 'G', login: { token: 'glsa_1' }, send: byAddress(url, { exchanges: openExchanges() }) });
  await expect.poll(() => codeOf(grafana.datasources())).toBe('GRAFANA_UNREACHABLE');
});

const failing = (error: string, status?: number) => ({ results: { A: { error, errorSource: 'downstream', ...(status && { status }) } } });
it.each([
  ['no org id\n', 401, 'READER_TENANT_MISSING'],
  ['<html>\r\n<head><title>401 Authorization Required</title></head></html>', 401, 'DATASOURCE_LOGIN_REFUSED'],
  // Older Grafanas do not report the upstream's status.
  ['<html>\r\n<head><title>401 Authorization Required</title></head></html>', undefined, 'DATASOURCE_LOGIN_REFUSED'],
  ['Get "http://loki": dial tcp: lookup loki on 10.0.0.2:53: no such host', undefined, 'GRAFANA_CANNOT_REACH_GATEWAY'],
  ['dial tcp 10.0.0.1:80: i/o timeout', 500, 'GRAFANA_CANNOT_REACH_GATEWAY'],
  ['parse error at line 1, col 1: syntax error', 400, 'QUERY_FAILS'],
] as const)('a query that meets %j', async (error, status, code) => {
  const { grafana } = await serving(400, failing(error, status));
  expect(await codeOf(grafana.lines('x', query))).toBe(code);
});

it.each([
  ['of old', ['labels', 'Time', 'Line', 'tsNs', 'id']],
  ['of the data plane', ['timestamp', 'body', 'severity', 'id', 'labels']],
])('lines in frames %s', async (_, names) => {
  const fields = names.map((name) => ({ name, type: /^(line|body|severity|id|tsNs)$/i.test(name) ? 'string' : 'other' }));
  const values = names.map((name) => (/^(line|body)$/i.test(name) ? ['one', 'two', 'three'] : ['x', 'x', 'x']));
  const { grafana } = await serving(200, { results: { A: { status: 200, frames: [{ schema: { fields }, data: { values } }] } } });
  expect(await grafana.lines('x', query)).toEqual(['one', 'two']);
});

it('a data source that is not there, and what is no Grafana at all', async () => {
  expect(await codeOf((await serving(404, { message: 'Data source not found' })).grafana.lines('x', query))).toBe('GRAFANA_DATASOURCE_UNKNOWN');
  server?.close();
  expect(await codeOf((await serving(200, 'hello')).grafana.lines('x', query))).toBe('GRAFANA_ANSWER_UNREADABLE');
});

it.each(['', 'null', '[]', '{}', '{"results":[]}', '{"results":{"A":null}}', '{"results":{"A":{"frames":{}}}}', '<html></html>'])(
  'a query answered with %j',
  async (body) => {
    expect(await codeOf((await serving(200, body)).grafana.lines('x', query))).toBe('GRAFANA_ANSWER_UNREADABLE');
  },
);

it.each([
  [null],
  [{}],
  [{ schema: { fields: [null] }, data: { values: [null] } }],
  [{ schema: { fields: [{ name: 'Line', type: 'string' }] }, data: { values: 'x' } }],
])('frames of another shape hold no lines: %j', async (frame) => {
  expect(await (await serving(200, { results: { A: { frames: [frame] } } })).grafana.lines('x', query)).toEqual([]);
});

it.each(['null', '[]', '{}', '{"dashboard":[]}'])('a dashboard answered with %j', async (body) => {
  expect(await codeOf((await serving(200, body)).grafana.dashboard('x'))).toBe('GRAFANA_ANSWER_UNREADABLE');
});
