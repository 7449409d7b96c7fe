import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startKubeServer, type KubeServer } from '../../../test/support/kube-server.ts';
import { cert } from '../../../test/support/loopback-certificate.ts';
import { ProblemError } from '../../problems/problem.ts';
import { connectKubernetes } from './connect.ts';
import { eksHint, kubeconfigServer } from './kubeconfig-server.ts';
import { proxyFor } from './proxy.ts';

let dir: string;
let server: KubeServer | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
  await server?.stop();
  server = undefined;
});

const arn = 'arn:aws:eks:ap-northeast-2:123456789012:cluster/dev';
const endpoint = 'https://ABC.gr7.ap-northeast-2.eks.amazonaws.com';
const config = (of: { readonly name?: string; readonly url?: string; readonly user?: object; readonly cluster?: object; readonly current?: string }) =>
  JSON.stringify({
    'current-context': of.current ?? of.name ?? arn,
    contexts: [{ name: of.name ?? arn, context: { cluster: of.name ?? arn, user: 'me', namespace: 'logs' } }],
    clusters: [{ name: of.name ?? arn, cluster: { server: of.url ?? endpoint, ...of.cluster } }],
    users: [{ name: 'me', user: of.user ?? { token: 't' } }],
  });
const file = async (text: string, name = 'config') => {
  await writeFile(join(dir, name), text);
  return join(dir, name);
};
const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProblemError);
  return (error as ProblemError).problem;
};

describe('which cluster a kubeconfig means', () => {
  it('reads server, namespace, cluster and region without a call', async () => {
    expect(await kubeconfigServer({ path: await file(config({})), env: {} })).toEqual({
      context: arn,
      server: endpoint,
      namespace: 'logs',
      awsClusterArn: arn,
      eks: { cluster: 'dev', region: 'ap-northeast-2' },
    });
  });

  it('knows the names of eksctl and the region of an endpoint', async () => {
    expect(eksHint('me@dev.eu-west-1.eksctl.io')).toEqual({ cluster: 'dev', region: 'eu-west-1' });
    expect(eksHint('minikube')).toBeUndefined();
    expect((await kubeconfigServer({ path: await file(config({ name: 'work' })), env: {} })).eks).toEqual({ region: 'ap-northeast-2' });
  });

  it('merges the files of KUBECONFIG, the first to name something wins, and absent ones are passed over', async () => {
    const one = await file(config({ name: 'a', url: 'https://one' }), 'one');
    const two = await file(JSON.stringify({ ...JSON.parse(config({ name: 'a', url: 'https://two' })), 'current-context': 'b' }), 'two');
    const env = { KUBECONFIG: [join(dir, 'absent'), one, two].join(delimiter) };
    expect(await kubeconfigServer({ env })).toMatchObject({ context: 'a', server: 'https://one' });
  });

  it('looks into the home directory when nothing is set', async () => {
    expect((await problemOf(kubeconfigServer({ env: { HOME: dir } }))).message).toContain(join(dir, '.kube', 'config'));
  });

  it('names the nearest context', async () => {
    const problem = await problemOf(kubeconfigServer({ path: await file(config({ name: 'production' })), context: 'prodution', env: {} }));
    expect(problem).toMatchObject({ code: 'KUBE_CONTEXT_UNKNOWN', fix: expect.stringContaining('--context production') });
  });

  it.each([
    ['not YAML', '{a: [', 'is not YAML'],
    ['a list', '- a', 'is not a kubeconfig'],
    ['no current context', '{}', 'no current context'],
    ['http', config({ url: 'http://x' }), 'not an https:// address'],
    ['a user that is not there', config({}).replace('"user":"me"', '"user":"you"'), 'names the user "you"'],
  ])('refuses %s', async (_, text, words) => {
    expect(await problemOf(kubeconfigServer({ path: await file(text), env: {} }))).toMatchObject({
      code: 'KUBECONFIG_INVALID',
      message: expect.stringContaining(words),
    });
  });
});

describe('logging in with a kubeconfig', () => {
  const start = async () => (server = await startKubeServer(() => ({ body: { gitVersion: 'v1.33.0' } })));
  const authorizations = () => server!.asked.map(({ headers }) => headers.authorization);

  it('uses its token, and a CA file relative to it', async () => {
    await start();
    await file(cert, 'ca.pem');
    const path = await file(config({ url: server!.url, cluster: { 'certificate-authority': 'ca.pem' } }));
    expect(await (await connectKubernetes({ is: 'kubeconfig', path })).version()).toBe('v1.33.0');
    expect(authorizations()).toEqual(['Bearer t']);
  });

  const plugin = async (script: string) => {
    const command = await file(`#!${process.execPath}\n${script}`, 'plugin.cjs');
    await chmod(command, 0o700);
    await start();
    const cluster = { 'certificate-authority-data': Buffer.from(cert).toString('base64') };
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin.cjs', args: ['--for', 'dev'], env: [{ name: 'EXTRA', value: 'yes' }] };
    return connectKubernetes(
      { is: 'kubeconfig', path: await file(config({ url: server!.url, cluster, user: { exec } })) },
      { env: { PATH: process.env['PATH'] } },
    );
  };

  it('runs an exec plugin once for as long as its credential lasts', async () => {
    const kubernetes = await plugin(`
      const fs = require('node:fs');
      const count = Number(fs.existsSync(__filename + '.n') ? fs.readFileSync(__filename + '.n', 'utf8') : 0) + 1;
      fs.writeFileSync(__filename + '.n', String(count));
      const token = [count, ...process.argv.slice(2), process.env.EXTRA, JSON.parse(process.env.KUBERNETES_EXEC_INFO).spec.interactive].join('_');
      console.log(JSON.stringify({ kind: 'ExecCredential', status: { token, expirationTimestamp: new Date(Date.now() + 9e5).toISOString() } }));`);
    await Promise.all([kubernetes.version(), kubernetes.version()]);
    await kubernetes.version();
    expect(new Set(authorizations())).toEqual(new Set(['Bearer 1_--for_dev_yes_false']));
  });

  it('asks again when less than a minute is left', async () => {
    const kubernetes = await plugin(
      `console.log(JSON.stringify({ status: { token: String(process.pid), expirationTimestamp: new Date(Date.now() + 3e4).toISOString() } }));`,
    );
    await kubernetes.version();
    await kubernetes.version();
    expect(new Set(authorizations()).size).toBe(2);
  });

  it('quotes what a failing plugin says, and never waits for its input', async () => {
    const kubernetes = await plugin(`process.stdin.on('end', () => { console.error('Enter MFA code: no terminal'); process.exit(254); }).resume();`);
    expect(await problemOf(kubernetes.version())).toMatchObject({ code: 'KUBE_EXEC_FAILED', message: expect.stringContaining('Enter MFA code: no terminal') });
  });

  it('names a plugin that is not installed', async () => {
    await start();
    const path = await file(config({ url: server!.url, user: { exec: { command: 'no-such-authenticator', installHint: 'Install it.' } } }));
    expect(await problemOf((await connectKubernetes({ is: 'kubeconfig', path })).version())).toMatchObject({
      message: expect.stringContaining('no-such-authenticator is not installed'),
      fix: 'Install it.',
    });
  });
});

describe('proxies', () => {
  const startProxy = async (answer: number) => {
    const seen: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket, head) => {
      seen.push(`${request.url} ${request.headers['proxy-authorization']}`);
      if (answer !== 200) return void socket.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
      const [host, port] = request.url!.split(':');
      const target = connect(Number(port), host!, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        target.write(head);
        target.pipe(socket).pipe(target);
      });
      target.on('error', () => socket.destroy());
      socket.on('error', () => target.destroy());
      return undefined;
    });
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    proxies.push(proxy);
    return { seen, url: `http://me:p%40ss@127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  };
  const proxies: Server[] = [];
  afterEach(() => {
    for (const proxy of proxies.splice(0)) proxy.close().closeAllConnections();
  });
  const through = async (proxy: string) => {
    const cluster = { 'certificate-authority-data': Buffer.from(cert).toString('base64'), 'proxy-url': proxy };
    return connectKubernetes({ is: 'kubeconfig', path: await file(config({ url: server!.url, cluster })) }, { backoffMs: 1 });
  };

  it('tunnels requests and port-forwards, logging in at the proxy', async () => {
    server = await startKubeServer(() => ({ body: { gitVersion: 'v1.33.0' } }));
    server.pod =
      (_, { send }) =>
      () =>
        send(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'));
    const proxy = await startProxy(200);
    const kubernetes = await through(proxy.url);
    expect(await kubernetes.version()).toBe('v1.33.0');
    await kubernetes.version();
    const target = `${new URL(server.url).host} Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(proxy.seen).toEqual([target]);
    expect((await kubernetes.forward({ namespace: 'loki', pod: 'p', port: 80 }, { method: 'GET', path: '/' })).status).toBe(204);
    expect(proxy.seen).toEqual([target, target]);
  });

  it('says what a proxy that refuses has said', async () => {
    server = await startKubeServer(() => ({ body: {} }));
    const problem = await problemOf((await through((await startProxy(407)).url)).version());
    expect(problem).toMatchObject({ code: 'KUBE_UNREACHABLE', evidence: [expect.stringMatching(/proxy 127\.0\.0\.1:\d+ answers 407/)] });
  });

  const proxy = (server: string, noProxy = '') => proxyFor(server, { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: noProxy })?.host;
  it.each([
    ['https://x.eks.amazonaws.com', '', 'proxy:3128'],
    ['https://x.eks.amazonaws.com', '.amazonaws.com', undefined],
    ['https://x.eks.amazonaws.com', 'amazonaws.com', undefined],
    ['https://x.eks.amazonaws.com', 'x.eks.amazonaws.com:443', undefined],
    ['https://x.eks.amazonaws.com', 'x.eks.amazonaws.com:8443', 'proxy:3128'],
    ['https://10.1.2.3', '10.1.0.0/16', undefined],
    ['https://10.2.2.3', '10.1.0.0/16', 'proxy:3128'],
    ['https://127.0.0.1:6443', '', undefined],
    ['https://anything', '*', undefined],
  ])('%s with NO_PROXY=%s goes through %s', (server, noProxy, expected) => expect(proxy(server, noProxy)).toBe(expected));
});
