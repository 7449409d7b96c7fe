/** A sandbox with real programs, run as a user runs it, with loki-eks, kubectl and the sandbox's control door at hand. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tool } from '../support/sandbox-cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const script = join(root, 'bin', 'loki-eks.js');
export const VARIABLE = 'LOKI_EKS_REAL_BINARIES';

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
/** As far as these suites look at one. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export interface Harness {
  readonly nodes: readonly string[];
  /** Where the sandbox keeps the nodes' files. */
  readonly folder: string;
  readonly tenant: string;
  cli(...words: readonly string[]): Promise<Ran>;
  /** Throws when it fails. */
  kubectl(...words: readonly string[]): Promise<string>;
  apply(object: object): Promise<void>;
  pods(namespace: string, component?: string): Promise<readonly Pod[]>;
  /** A route of the control door, as `reboot` or `real/signal`; without a body it is read. */
  control<T = unknown>(route: string, body?: object): Promise<T>;
  /** Through the API server's proxy: `part` is a component of Loki, or `alloy` with a node. */
  ask(part: string, path: string, asked?: Asked & { readonly node?: string }): Promise<Answered>;
  /** Through a port-forward to the gateway, with the login of the installation or without. */
  gateway(path: string, asked?: Asked & { readonly login?: boolean }): Promise<Answered>;
  close(): Promise<void>;
}

/** Says what is missing instead of passing silently. */
function binaries(): string {
  const folder = process.env[VARIABLE];
  if (!folder) throw new Error(`${VARIABLE} is not set: it names a folder with executables loki and alloy (nginx and memcached there or on PATH)`);
  return folder;
}

export async function openHarness(options: { readonly nodes: number }): Promise<Harness> {
  const home = mkdtempSync(join(tmpdir(), 'loki-eks-real-house-'));
  const paths = [dirname(tool('LOKI_EKS_HELM')), dirname(tool('TOOLS_KUBECTL')), process.env['PATH'] ?? ''];
  const base = { ...process.env, XDG_STATE_HOME: join(home, 'state'), HOME: home, PATH: paths.join(delimiter), CI: '1', NO_COLOR: '1' };
  const { child, exported } = await startSandbox(['--real', binaries(), '--nodes', String(options.nodes)], base);
  const env = { ...base, ...exported };
  const exec = (command: string, words: readonly string[], input?: string): Promise<Ran> =>
    ran(command, words, { env, cwd: home, ...(input !== undefined && { input }) });
  const control = async <T>(route: string, body?: object): Promise<T> => {
    const answer = await fetch(`${exported['LOKI_EKS_SANDBOX_CONTROL']}/${route}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${route}: HTTP ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const kubectl = async (...words: readonly string[]): Promise<string> => {
    const { exit, stdout, stderr } = await exec('kubectl', words);
    if (exit !== 0) throw new Error(`kubectl ${words.join(' ')}: ${stderr}`);
    return stdout;
  };
  const pods = async (namespace: string, component?: string): Promise<readonly Pod[]> => {
    const label = component === undefined ? [] : ['-l', `app.kubernetes.io/component=${component}`];
    const all = (JSON.parse(await kubectl('-n', namespace, 'get', 'pods', ...label, '-o', 'json')) as { readonly items: readonly Pod[] }).items;
    return all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const api = clusterApi(exported['KUBECONFIG'] ?? '');
  const { folder } = await control<{ readonly folder: string }>('real');
  const nodes = (
    JSON.parse(await kubectl('get', 'nodes', '-o', 'json')) as { readonly items: readonly { readonly metadata: { readonly name: string } }[] }
  ).items.map(({ metadata }) => metadata.name);
  return {
    nodes,
    folder,
    tenant: exported['LOKI_EKS_CLUSTER'] ?? '',
    cli: (...words) => exec(process.execPath, [script, ...words]),
    kubectl,
    apply: async (object) => {
      const { exit, stderr } = await exec('kubectl', ['apply', '-f', '-'], JSON.stringify(object));
      if (exit !== 0) throw new Error(`kubectl apply: ${stderr}`);
    },
    pods,
    control,
    ask: async (part, path, { node, ...asked } = {}) => {
      const found = (part === 'alloy' ? await pods('alloy') : await pods('loki', part)).find(
        (pod) => isReady(pod) && (node === undefined || pod.spec.nodeName === node),
      );
      if (found === undefined) throw new Error(`no ready pod of ${part}${node ? ` on ${node}` : ''}`);
      const { namespace, name } = found.metadata;
      return api(`/api/v1/namespaces/${namespace}/pods/${name}:${part === 'alloy' ? 12345 : 3100}/proxy${path}`, asked);
    },
    gateway: async (path, { login = true, headers = {}, ...asked } = {}) => {
      const { data } = JSON.parse(await kubectl('-n', 'loki', 'get', 'secret', 'loki-gateway-login', '-o', 'json')) as {
        readonly data: Readonly<Record<string, string>>;
      };
      const read = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
      const basic = Buffer.from(`${read('username') || read('user') || 'loki'}:${read('password')}`).toString('base64');
      const forward = spawn('kubectl', ['-n', 'loki', 'port-forward', 'service/loki-gateway', ':80', '--address', '127.0.0.1'], {
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      try {
        const port = await new Promise<string>((resolve, reject) => {
          forward.once('exit', () => reject(new Error('kubectl port-forward ended')));
          forward.stdout.on('data', (bytes: Buffer) => {
            const found = /127\.0\.0\.1:(\d+)/.exec(bytes.toString())?.[1];
            if (found !== undefined) resolve(found);
          });
        });
        const answer = await fetch(`http://127.0.0.1:${port}${path}`, { ...asked, headers: { ...headers, ...(login && { authorization: `Basic ${basic}` }) } });
        return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
      } finally {
        forward.kill('SIGKILL');
      }
    },
    close: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export const isReady = ({ status }: Pod): boolean => (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');
export const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** Until it holds; says what was seen last when it never does. */
export async function until(what: string, mostSeconds: number, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + mostSeconds * 1000;
  let last: unknown;
  while (Date.now() < end) {
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await seconds(1);
  }
  throw new Error(`not within ${mostSeconds} s: ${what}`, { cause: last });
}

async function startSandbox(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly child: ChildProcess; readonly exported: Readonly<Record<string, string>> }> {
  const child = spawn(process.execPath, [script, 'sandbox', 'start', ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`sandbox start ended with ${code}: ${err}`)));
    // Two streams: either may be the later one.
    const look = (): void => void (err.includes('runs until Ctrl-C') && /^export LOKI_EKS_SANDBOX=.*\n/m.test(out) && resolve());
    child.stderr.on('data', look);
    child.stdout.on('data', look);
  });
  child.removeAllListeners('exit');
  const pairs = [...out.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name = '', value = '']) => [name, value.replaceAll(`'\\''`, `'`)] as const);
  return { child, exported: Object.fromEntries(pairs) };
}

function ran(
  command: string,
  words: readonly string[],
  { input, ...options }: { readonly env: NodeJS.ProcessEnv; readonly cwd: string; readonly input?: string },
): Promise<Ran> {
  const began = Date.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...words], { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ exit: code ?? 137, stdout, stderr, ms: Date.now() - began }));
    child.stdin.on('error', () => undefined).end(input);
  });
}

function clusterApi(kubeconfig: string): (path: string, asked: Asked) => Promise<Answered> {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as {
    readonly clusters: readonly { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }[];
    readonly users: readonly { readonly user: { readonly token: string } }[];
  };
  const { server = '', 'certificate-authority-data': authority = '' } = clusters[0]?.cluster ?? {};
  const authorization = `Bearer ${users[0]?.user.token}`;
  return (path, { method = 'GET', headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const asked = httpsRequest(
        `${server}${path}`,
        { method, ca: Buffer.from(authority, 'base64'), headers: { ...headers, authorization }, agent: false, timeout: 70_000 },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
              body: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      asked.on('error', reject).on('timeout', () => asked.destroy(new Error(`${path}: no answer in 70 s`)));
      asked.end(body);
    });
}
