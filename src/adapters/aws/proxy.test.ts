import { createServer, type Server } from 'node:http';
import { createServer as createTcp, connect, type AddressInfo, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ProblemError } from '../../problems/problem.ts';
import { connectAws } from './connect.ts';
import { isDirect, proxyAgent } from './proxy.ts';

const open: (Server | TcpServer)[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});
const listen = async (server: Server | TcpServer): Promise<number> => {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const whoami = async (env: Record<string, string>): Promise<string> => {
  const aws = await connectAws({
    region: 'eu-west-1',
    env: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_CONFIG_FILE: '/none', AWS_SHARED_CREDENTIALS_FILE: '/none', ...env },
  });
  return aws.callers.whoami().then(
    () => 'answered',
    (thrown: unknown) => (thrown instanceof ProblemError ? `${thrown.problem.code}: ${thrown.problem.message}` : String(thrown)),
  );
};

describe('NO_PROXY', () => {
  test.each([
    ['sts.eu-west-1.amazonaws.com', '.amazonaws.com', true],
    ['sts.eu-west-1.amazonaws.com', 'localhost, amazonaws.com', true],
    ['sts.eu-west-1.amazonaws.com', '*.amazonaws.com:443', true],
    ['sts.eu-west-1.amazonaws.com', '*', true],
    ['notamazonaws.com', 'amazonaws.com', false],
    ['sts.eu-west-1.amazonaws.com', '', false],
  ])('%s by %s: direct is %s', (host, noProxy, direct) => {
    expect(isDirect(host, noProxy)).toBe(direct);
  });
});

describe('HTTPS_PROXY', () => {
  test('absent, or in either case', () => {
    expect(proxyAgent({})).toBeUndefined();
    expect(proxyAgent({ https_proxy: 'proxy.corp:3128' })).toBeDefined();
  });

  test('is asked for a tunnel, with the login of its URL, and TLS goes through', async () => {
    let hello: Buffer | undefined;
    const target = await listen(
      createTcp((socket) =>
        socket.once('data', (data) => {
          hello = data;
          socket.destroy();
        }),
      ),
    );
    let asked: { readonly url?: string; readonly login?: string } = {};
    const proxy = createServer().on('connect', (request, client) => {
      asked = { url: request.url, login: request.headers['proxy-authorization'] };
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      const upstream = connect(target, '127.0.0.1');
      client.pipe(upstream).pipe(client);
      for (const socket of [client, upstream]) socket.on('error', () => client.destroy());
    });
    const port = await listen(proxy);
    const { get } = await import('node:https');
    const agent = proxyAgent({ HTTPS_PROXY: `http://me:p%40ss@127.0.0.1:${port}` })!;
    await new Promise((resolve) => get({ host: 'sts.eu-west-1.amazonaws.com', agent }).on('error', resolve).on('response', resolve));
    expect(asked).toEqual({ url: 'sts.eu-west-1.amazonaws.com:443', login: `Basic ${Buffer.from('me:p@ss').toString('base64')}` });
    // The first byte of a TLS handshake.
    expect(hello?.[0]).toBe(0x16);
  });

  test('that refuses is named', async () => {
    const port = await listen(createServer().on('connect', (_, client) => client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')));
    const said = await whoami({ HTTPS_PROXY: `http://127.0.0.1:${port}` });
    expect(said).toMatch(/^AWS_PROXY_REFUSED: .*407/);
  });

  test('does not stand before plain HTTP endpoints', async () => {
    const port = await listen(
      createServer((_, response) => response.writeHead(403).end('<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>')),
    );
    expect(await whoami({ HTTPS_PROXY: 'http://127.0.0.1:9', AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` })).toMatch(/^AWS_ACCESS_DENIED/);
  });
});
