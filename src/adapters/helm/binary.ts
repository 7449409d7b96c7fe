/** The helm binary: its path, and whether its version is supported. */
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { stop } from '../../problems/problem.ts';
import type { Helm } from '../../ports/releases.ts';
import { runChild } from '../child.ts';

export type Env = Readonly<Record<string, string | undefined>>;

const OLDEST = [3, 14] as const;
const FIRST_UNKNOWN_MAJOR = 5;
const VERSION_TIMEOUT_MS = 20_000;

/** `path` is given by the user; otherwise PATH is searched. Throws HELM_MISSING, HELM_TOO_OLD, HELM_VERSION_UNSUPPORTED. */
export async function findHelm({ path, env }: { readonly path?: string; readonly env: Env }): Promise<Helm> {
  const found = path ? await named(path) : await onPath(env['PATH'] ?? '');
  const version = await versionOf(found, env);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major >= FIRST_UNKNOWN_MAJOR)
    throw stop('HELM_VERSION_UNSUPPORTED', { message: `${found} is helm ${version}, which loki-eks does not support (3.14 to 4.x)` });
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    throw stop('HELM_TOO_OLD', { message: `${found} is helm ${version}; loki-eks requires 3.14 or newer` });
  return { path: found, version };
}

async function named(path: string): Promise<string> {
  if (await isProgram(path)) return resolve(path);
  throw stop('HELM_MISSING', {
    message: `${path} is not an executable file`,
    fix: 'Name the helm binary with `--helm FILE`, or remove `--helm` to search PATH',
  });
}

async function onPath(path: string): Promise<string> {
  for (const folder of path.split(delimiter).filter(Boolean))
    for (const name of delimiter === ';' ? ['helm.exe', 'helm'] : ['helm']) if (await isProgram(join(folder, name))) return resolve(folder, name);
  throw stop('HELM_MISSING');
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function versionOf(path: string, env: Env): Promise<string> {
  // Helm writes nothing here, but it loads plugins, which we must not run.
  const result = await runChild({
    path,
    args: ['version', '--template', '{{.Version}}'],
    env: { PATH: env['PATH'] ?? '', HOME: env['HOME'] ?? '', HELM_NO_PLUGINS: '1' },
    ms: VERSION_TIMEOUT_MS,
    most: 1024 * 1024,
  });
  const version = /^v?(\d+\.\d+\.\d+)/.exec(result.stdout)?.[1];
  if (version) return version;
  // Helm 2 does not have this template field: it prints a Go struct, or an error about Tiller.
  if (/Tiller|SemVer:"v2/i.test(`${result.stdout}${result.stderr}`))
    throw stop('HELM_TOO_OLD', { message: `${path} is helm 2; loki-eks requires 3.14 or newer` });
  const late = result.stopped === 'late' && `It did not exit within ${VERSION_TIMEOUT_MS / 1000} s`;
  const said = (late || result.stderr || result.stdout || result.failure?.message || '').trim().slice(-2000).split('\n').slice(-3);
  throw stop('HELM_VERSION_UNSUPPORTED', { message: `${path} does not print a helm version`, evidence: said });
}
