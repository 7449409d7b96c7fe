/** The helm adapters with the real helm binary, without a cluster: versions, rendering, charts, isolation, its words for failures. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findHelm } from '../../../src/adapters/helm/binary.ts';
import { openCharts } from '../../../src/adapters/helm/charts.ts';
import { openReleases } from '../../../src/adapters/helm/releases.ts';
import { ProblemError } from '../../../src/problems/problem.ts';
import type { Chart, HelmTask } from '../../../src/ports/releases.ts';
import { clusterOf } from '../../support/cluster-objects.ts';
import { helmBinaries } from '../../support/helm-binary.ts';
import { startKubeServer, status, type KubeServer } from '../../support/kube-server.ts';

const helms = helmBinaries();
const run = promisify(execFile);
let dir: string;
let home: string;
let repository: Server;
let repo: string;
/** PATH leads to one helm alone. */
const envOf = (helm: string) => ({ PATH: dirname(helm), HOME: home, SECRET_OF_THE_SHELL: 'x' });

const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ProblemError);
  return (error as ProblemError).problem;
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'helm-contract-'));
  home = join(dir, 'home');
  const chart = join(dir, 'demo');
  await mkdir(join(chart, 'templates'), { recursive: true });
  await mkdir(home);
  await mkdir(join(dir, 'served'));
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 1.2.3\nappVersion: "4.5"\n');
  await writeFile(join(chart, 'values.yaml'), 'text: none\n');
  await writeFile(join(chart, 'values.schema.json'), JSON.stringify({ properties: { text: { type: 'string' } } }));
  await writeFile(
    join(chart, 'templates', 'map.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  text: {{ required "text is needed" .Values.text | quote }}\n  kube: {{ .Capabilities.KubeVersion.Version }}\n',
  );
  const { helm } = helms[0]!;
  const tool = { env: { ...envOf(helm), HELM_CONFIG_HOME: dir, HELM_CACHE_HOME: dir, HELM_DATA_HOME: dir } };
  await run(helm, ['package', chart, '-d', join(dir, 'served')], tool);
  repository = createServer(async (request, response) => {
    const body = await readFile(join(dir, 'served', request.url!.slice(1))).catch(() => undefined);
    response.writeHead(body ? 200 : 404).end(body);
  });
  await new Promise<void>((done) => repository.listen(0, '127.0.0.1', done));
  repo = `http://127.0.0.1:${(repository.address() as AddressInfo).port}`;
  await run(helm, ['repo', 'index', join(dir, 'served'), '--url', repo], tool);
});
afterAll(async () => {
  repository.close();
  await rm(dir, { recursive: true, force: true });
});

describe.each(helms)('$title', ({ helm }) => {
  const env = () => envOf(helm);
  const digest = async () =>
    createHash('sha256')
      .update(await readFile(join(dir, 'served', 'demo-1.2.3.tgz')))
      .digest('hex');
  const local = async (): Promise<Chart> => openCharts({ env: env() }).obtain({ is: 'file', path: join(dir, 'demo') });

  describe('finding helm', () => {
    it('finds it on PATH and reads its version', async () => {
      const found = await findHelm({ env: env() });
      expect(found.path).toBe(join(dirname(helm), 'helm'));
      expect(found.version).toMatch(helm === helms[0]!.helm ? /^4\.\d+\.\d+$/ : /^3\.\d+\.\d+$/);
    });

    it('says what is wrong with what it finds', async () => {
      expect((await problemOf(findHelm({ env: { PATH: '/nowhere' } }))).code).toBe('HELM_MISSING');
      expect(await problemOf(findHelm({ path: '/nowhere/helm', env: env() }))).toMatchObject({
        code: 'HELM_MISSING',
        message: expect.stringContaining('/nowhere/helm'),
      });
      const fake = async (prints: string) => {
        const path = join(dir, 'fake-helm');
        await writeFile(path, `#!/bin/sh\n${prints}\n`);
        await chmod(path, 0o755);
        return problemOf(findHelm({ path, env: { PATH: '/bin:/usr/bin' } }));
      };
      expect(await fake('echo v3.13.3')).toMatchObject({ code: 'HELM_TOO_OLD', message: expect.stringContaining('3.13.3') });
      expect(await fake('echo v5.0.1')).toMatchObject({ code: 'HELM_VERSION_UNSUPPORTED', message: expect.stringContaining('5.0.1') });
      expect((await fake('echo "Error: could not find tiller" >&2; exit 1')).code).toBe('HELM_TOO_OLD');
      expect(await fake('echo hello')).toMatchObject({ code: 'HELM_VERSION_UNSUPPORTED', evidence: ['hello'] });
    });
  });

  describe('charts', () => {
    it('takes a directory and a packed file as they are', async () => {
      const charts = openCharts({ env: { PATH: '' }, cwd: dir });
      expect(await charts.obtain({ is: 'file', path: './demo' })).toMatchObject({
        name: 'demo',
        version: '1.2.3',
        appVersion: '4.5',
        origin: './demo demo 1.2.3 (local, not pinned)',
      });
      const packed = await charts.obtain({ is: 'file', path: 'served/demo-1.2.3.tgz' });
      expect(packed).toMatchObject({ name: 'demo', version: '1.2.3', appVersion: '4.5', sha256: await digest() });
    });

    it('gives a directory the same digest wherever it lies, and another when a file changes', async () => {
      const charts = openCharts({ env: { PATH: '' } });
      await cp(join(dir, 'demo'), join(dir, 'copy'), { recursive: true });
      const of = async (name: string) => (await charts.obtain({ is: 'file', path: join(dir, name) })).sha256;
      expect(await of('copy')).toBe(await of('demo'));
      await writeFile(join(dir, 'copy', 'values.yaml'), 'text: other\n');
      expect(await of('copy')).not.toBe(await of('demo'));
    });

    it('refuses what is no chart, naming it', async () => {
      const charts = openCharts({ env: { PATH: '' } });
      const refused = async (path: string) => (await problemOf(charts.obtain({ is: 'file', path }))).message;
      await writeFile(join(dir, 'text.tgz'), 'hello');
      expect(await refused(join(dir, 'absent'))).toMatch(/absent can't be used as a chart: no such file/);
      expect(await refused(join(dir, 'text.tgz'))).toMatch(/not a gzipped tar file/);
      expect(await refused(home)).toMatch(/contains no Chart.yaml/);
    });

    it('fetches a pinned chart and compares its digest before use', async () => {
      const charts = openCharts({ env: env() });
      const pin = { is: 'pinned', repo, name: 'demo', version: '1.2.3' } as const;
      const chart = await charts.obtain({ ...pin, sha256: await digest() });
      expect(chart).toMatchObject({ name: 'demo', version: '1.2.3', sha256: await digest() });
      expect(await problemOf(charts.obtain({ ...pin, sha256: '0'.repeat(64) }))).toMatchObject({
        code: 'CHART_DIGEST_WRONG',
        message: expect.stringContaining(repo),
      });
      expect(await problemOf(charts.obtain({ ...pin, version: '9.9.9', sha256: '' }))).toMatchObject({
        code: 'CHART_UNREACHABLE',
        message: expect.stringContaining('9.9.9'),
      });
      expect(await problemOf(charts.obtain({ ...pin, repo: 'http://127.0.0.1:9', sha256: '' }))).toMatchObject({
        code: 'CHART_UNREACHABLE',
        fix: expect.stringContaining('--loki-chart FILE.tgz'),
      });
      await charts.dispose();
      await expect(stat(chart.path)).rejects.toThrow('ENOENT');
    });

    it('fetches a reference without a pin, and says when a repository is unknown', async () => {
      const charts = openCharts({ env: env() });
      expect(await charts.obtain({ is: 'reference', repo, name: 'demo' })).toMatchObject({ version: '1.2.3', origin: `${repo} demo 1.2.3 (not pinned)` });
      expect((await problemOf(charts.obtain({ is: 'reference', name: 'nowhere/demo' }))).code).toBe('CHART_UNREACHABLE');
      await charts.dispose();
    });

    it('knows the repositories of the user when a reference means one', async () => {
      const own = { ...env(), HELM_CONFIG_HOME: join(dir, 'own'), HELM_CACHE_HOME: join(dir, 'own'), HELM_DATA_HOME: join(dir, 'own') };
      await run(helm, ['repo', 'add', 'mine', repo], { env: own });
      const charts = openCharts({ env: own });
      expect(await charts.obtain({ is: 'reference', name: 'mine/demo' })).toMatchObject({ name: 'demo', version: '1.2.3' });
      await charts.dispose();
    });
  });

  describe('rendering', () => {
    const releases = () =>
      openReleases({
        access: { is: 'eks', server: 'https://x', ca: '', token: async () => '' },
        kubernetes: clusterOf([]).kubernetes,
        eks: { cluster: 'dev', region: 'r' },
        env: env(),
        cli: { node: 'node', script: 'x' },
      });
    const of = async (values: object) => ({ name: 'demo', namespace: 'loki', chart: await local(), values, kubeVersion: 'v1.33.4-eks-abc1234' });

    it('renders with the given values and version, touching nothing below the home directory', async () => {
      const adapter = releases();
      const text = await adapter.render(await of({ text: 'a "quoted"\nline, with = and \\' }));
      expect(text).toContain('text: "a \\"quoted\\"\\nline, with = and \\\\"');
      expect(text).toContain('kube: v1.33.4');
      await adapter.dispose();
      expect(await readdir(home)).toEqual([]);
    });

    it('tells a value the schema refuses and one the chart misses', async () => {
      const adapter = releases();
      const schema = await problemOf(adapter.render(await of({ text: 5 })));
      expect(schema.code).toBe('HELM_VALUES_REFUSED');
      expect(schema.message).toMatch(/text/);
      expect(await problemOf(adapter.render(await of({ text: '' })))).toMatchObject({
        code: 'HELM_VALUES_REFUSED',
        message: expect.stringContaining('text is needed'),
      });
      await adapter.dispose();
    });
  });

  describe('talking to a cluster', () => {
    let server: KubeServer;
    const task = (signal = new AbortController().signal): HelmTask => ({ name: 'demo', namespace: 'loki', signal, timeoutMs: 30_000, say: () => undefined });
    const open = (script: string) =>
      openReleases({
        access: server.access,
        kubernetes: clusterOf([]).kubernetes,
        eks: { cluster: 'dev', region: 'eu-west-1', profile: 'work' },
        env: { ...env(), AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
        cli: { node: process.execPath, script },
      });
    const plugin = async (text: string) => {
      const path = join(dir, 'cli.cjs');
      await writeFile(path, text);
      return path;
    };
    const upgrade = async (adapter: ReturnType<typeof open>, signal?: AbortSignal) =>
      adapter.upgrade({ ...task(signal), chart: await local(), values: { text: 'x' }, labels: {}, description: 'test' });

    it('logs in through the exec plugin of its private kubeconfig, with a minimal environment', async () => {
      server = await startKubeServer(() => status(401, { reason: 'Unauthorized', message: 'Unauthorized' }));
      const seen = join(dir, 'seen.json');
      const adapter = open(
        await plugin(`
      require('node:fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify({ args: process.argv.slice(2), env: process.env, kubeconfig: require('node:fs').statSync(process.env.KUBECONFIG).mode & 0o777, dir: require('node:fs').statSync(require('node:path').dirname(process.env.KUBECONFIG)).mode & 0o777 }));
      console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1beta1', kind: 'ExecCredential', status: { token: 'from-plugin' } }));`),
      );
      expect((await problemOf(upgrade(adapter))).code).toBe('KUBE_UNAUTHORIZED');
      expect(server.asked[0]!.headers.authorization).toBe('Bearer from-plugin');
      const told = JSON.parse(await readFile(seen, 'utf8')) as { args: string[]; env: Record<string, string>; kubeconfig: number; dir: number };
      expect(told.args).toEqual(['kube-token', '--cluster', 'dev', '--region', 'eu-west-1', '--profile', 'work']);
      expect(told.env).toMatchObject({ AWS_ENDPOINT_URL: 'http://127.0.0.1:1', HOME: home });
      expect(told.env).not.toHaveProperty('SECRET_OF_THE_SHELL');
      expect([told.kubeconfig, told.dir]).toEqual([0o600, 0o700]);
      await adapter.dispose();
      await expect(stat(told.env['KUBECONFIG']!)).rejects.toThrow('ENOENT');
      await server.stop();
    });

    it('tells a failing plugin and a cluster that is not there', async () => {
      server = await startKubeServer(() => status(500));
      const failing = open(await plugin(`console.error('no credentials'); process.exit(3);`));
      expect((await problemOf(upgrade(failing))).code).toBe('KUBE_EXEC_FAILED');
      await server.stop();
      const gone = open(
        await plugin(`console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1beta1', kind: 'ExecCredential', status: { token: 't' } }));`),
      );
      expect((await problemOf(upgrade(gone))).code).toBe('KUBE_UNREACHABLE');
      await Promise.all([failing.dispose(), gone.dispose()]);
    });

    it('throws the reason of an abort, after helm has ended', async () => {
      server = await startKubeServer(() => 'silence');
      const stop = new AbortController();
      const adapter = open(
        await plugin(`console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1beta1', kind: 'ExecCredential', status: { token: 't' } }));`),
      );
      const running = upgrade(adapter, stop.signal);
      const ended = expect(running).rejects.toThrow('interrupted');
      while (server.asked.length === 0) await new Promise((done) => setTimeout(done, 20));
      stop.abort(new Error('interrupted'));
      // Helm waits for an answer to /version before it looks at its signal.
      setTimeout(() => void server.stop(), 200);
      await ended;
      await adapter.dispose();
    });
  });
});
