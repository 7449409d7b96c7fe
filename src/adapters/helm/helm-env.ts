/** The environment of a helm process: its own folder, a private kubeconfig, and a minimal set of variables. */
import { lstat, mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { KubeAccess } from '../../ports/kubernetes.ts';
import { stop } from '../../problems/problem.ts';
import type { Env } from './binary.ts';

/** Creates a folder that only we may read. */
export type TempDir = () => Promise<string>;

const PREFIX = 'loki-eks-';
/** In each folder: its owner, so that another run can tell whether it is still needed. */
const OWNER = 'owner.json';

/** Deletes folders of killed runs first. */
export const systemTempDir: TempDir = async () => {
  const within = tmpdir();
  return inTempDir(async () => {
    // mkdtemp gives mode 0700.
    const dir = await mkdtemp(join(within, PREFIX));
    try {
      await writeFile(join(dir, OWNER), JSON.stringify({ pid: process.pid, host: hostname() }), { mode: 0o600 });
    } catch (error) {
      await rm(dir, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
    await sweep(within);
    return dir;
  });
};

/** The folder for temporary files may be missing, full or read-only at any write. */
export async function inTempDir<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (syscall === undefined) throw cause;
    throw stop('TEMP_DIR_UNUSABLE', { message: `Nothing can be written to the temporary directory ${tmpdir()} (${code})` }, { cause });
  }
}

/** Deletes the folders of processes that no longer exist. Never touches those of other users, other machines or live processes; never fails. */
export async function sweep(within: string): Promise<void> {
  const names = await readdir(within).catch(() => []);
  await Promise.all(
    names
      .filter((name) => /^loki-eks-[A-Za-z0-9]{6}$/.test(name))
      .map(async (name) => {
        const dir = join(within, name);
        try {
          const { uid, mode } = await lstat(dir);
          // Anyone else with write access could redirect us.
          if (uid !== process.getuid?.() || (mode & 0o077) !== 0) return;
          const { pid, host } = JSON.parse(await readFile(join(dir, OWNER), 'utf8')) as { readonly pid?: unknown; readonly host?: unknown };
          if (host !== hostname() || typeof pid !== 'number' || isAlive(pid)) return;
          await rm(dir, { recursive: true, force: true });
        } catch {
          // Its owner can't be read, or it is gone already.
        }
      }),
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

export interface Home {
  readonly dir: string;
  /** Nothing of the user's helm is read or written: no repositories, plugins or caches. */
  readonly env: Readonly<Record<string, string>>;
  readonly dispose: () => Promise<void>;
}

const passed = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'SystemRoot',
  'TMPDIR',
  'TEMP',
  'TMP',
  'LANG',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
];
/** What `kube-token` needs to find credentials, and what a user's own exec plugin may need. */
const credentials = /^(AWS_|GOOGLE_|AZURE_|XDG_)/;

export const minimalEnv = (env: Env): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((one): one is [string, string] => one[1] !== undefined && (passed.includes(one[0]) || credentials.test(one[0]))),
  );

export async function makeHome(env: Env, tempDir: TempDir): Promise<Home> {
  const dir = await tempDir();
  const at = (name: string) => join(dir, name);
  try {
    await inTempDir(() => Promise.all(['config', 'cache', 'data'].map((name) => mkdir(at(name), { recursive: true, mode: 0o700 }))));
  } catch (error) {
    await rm(dir, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  return {
    dir,
    env: { ...minimalEnv(env), HELM_CONFIG_HOME: at('config'), HELM_CACHE_HOME: at('cache'), HELM_DATA_HOME: at('data'), HELM_NO_PLUGINS: '1' },
    dispose: () => rm(dir, { recursive: true, force: true }),
  };
}

/** The command of the private kubeconfig's exec plugin: `node script kube-token --cluster … --region …`. */
export interface TokenCommand {
  readonly node: string;
  readonly script: string;
  readonly cluster: string;
  readonly region: string;
  readonly profile?: string;
}

/** Arguments and environment for helm to use the cluster of `access`. */
export interface KubeFlags {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export async function kubeFlags(home: Home, of: { readonly access: KubeAccess; readonly token: TokenCommand; readonly env: Env }): Promise<KubeFlags> {
  const { access } = of;
  // Helm runs in its own folder, so paths relative to ours would miss.
  if (access.is === 'kubeconfig') {
    const files = access.path ? [access.path] : (of.env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
    return {
      args: access.context ? ['--kube-context', access.context] : [],
      env: files.length > 0 ? { KUBECONFIG: files.map((file) => resolve(file)).join(delimiter) } : {},
    };
  }
  const path = join(home.dir, 'kubeconfig');
  await inTempDir(() => writeFile(path, JSON.stringify(privateKubeconfig(access, of.token), undefined, 2), { mode: 0o600 }));
  return { args: [], env: { KUBECONFIG: path } };
}

/** Contains no secret and never expires: the plugin signs a token whenever helm needs one. */
export function privateKubeconfig(access: { readonly server: string; readonly ca: string }, { node, script, cluster, region, profile }: TokenCommand): object {
  const args = [script, 'kube-token', '--cluster', cluster, '--region', region, ...(profile ? ['--profile', profile] : [])];
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'loki-eks',
    contexts: [{ name: 'loki-eks', context: { cluster: 'loki-eks', user: 'loki-eks' } }],
    clusters: [{ name: 'loki-eks', cluster: { server: access.server, 'certificate-authority-data': access.ca } }],
    users: [
      {
        name: 'loki-eks',
        user: {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1beta1',
            command: node,
            args,
            interactiveMode: 'Never',
            provideClusterInfo: false,
            installHint: 'loki-eks signs the token of this kubeconfig; run the command again from the directory where loki-eks is installed.',
          },
        },
      },
    ],
  };
}
