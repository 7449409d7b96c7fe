/** The programs of a control plane: taken from a folder that is named, or built once from Go modules into a cache. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export const KUBERNETES = '1.34.4';
const ETCD = '3.6.4';
/** Names a folder that holds the programs ready made; nothing is built then. */
export const READY = 'LOKI_EKS_REAL_CLUSTER_BIN';

const SERVERS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
type Program = (typeof SERVERS)[number] | 'etcd';
export type Binaries = Readonly<Record<Program, string>>;

const run = promisify(execFile);

/** Builds what is absent. Throws with what is missing, and what to do about it. */
export async function provideBinaries(say: (line: string) => void = () => {}): Promise<Binaries> {
  const ready = process.env[READY];
  if (ready !== undefined && ready !== '') {
    const missing = SERVERS.filter((name) => !existsSync(join(ready, name)));
    if (missing.length > 0) throw new Error(`${READY}=${ready} holds no ${missing.join(', no ')}; unset it to have them built`);
    return paths(ready, existsSync(join(ready, 'etcd')) ? join(ready, 'etcd') : await etcd(say));
  }
  const folder = join(cacheFolder(), `kubernetes-${KUBERNETES}`);
  const missing = SERVERS.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) {
    say(`building ${missing.join(', ')} ${KUBERNETES} into ${folder}, once; this takes some minutes`);
    await buildServers(folder, missing);
  }
  return paths(folder, await etcd(say));
}

const paths = (folder: string, etcdPath: string): Binaries => ({
  'kube-apiserver': join(folder, 'kube-apiserver'),
  'kube-controller-manager': join(folder, 'kube-controller-manager'),
  'kube-scheduler': join(folder, 'kube-scheduler'),
  etcd: etcdPath,
});

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'loki-eks-test');
}

/** The version of EKS: an older one, as Debian's, lacks the progress notices that watches of initial events wait for. */
async function etcd(say: (line: string) => void): Promise<string> {
  const own = join(cacheFolder(), `etcd-${ETCD}`, 'etcd');
  if (existsSync(own)) return own;
  if (!hasGo()) {
    const found = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'etcd'));
    const path = found.find((candidate) => existsSync(candidate));
    if (path !== undefined) return path;
  }
  say(`building etcd ${ETCD} into ${own}, once`);
  const main = 'package main\n\nimport (\n\t"os"\n\n\t"go.etcd.io/etcd/server/v3/etcdmain"\n)\n\nfunc main() { etcdmain.Main(os.Args) }\n';
  await inModule({ 'go.mod': `module etcd\n\ngo 1.24.0\n\nrequire go.etcd.io/etcd/server/v3 v${ETCD}\n`, 'main.go': main }, async (go) => {
    await go(['mod', 'tidy']);
    await go(['build', '-ldflags', '-s -w', '-o', own, '.']);
  });
  return own;
}

const VERSION = 'k8s.io/component-base/version';

/** The module's own requirements, with the parts that its repository keeps beside it in the place of its `./staging` folders. */
async function buildServers(folder: string, missing: readonly string[]): Promise<void> {
  const module = `k8s.io/kubernetes@v${KUBERNETES}`;
  await inModule({ 'go.mod': 'module empty\n\ngo 1.24.0\n' }, async (go, scratch) => {
    const { Dir, GoModSum } = JSON.parse(await go(['mod', 'download', '-json', module])) as { readonly Dir: string; readonly GoModSum: string };
    if (!GoModSum) throw new Error(`${module} came without a checksum`);
    const original = await readFile(join(Dir, 'go.mod'), 'utf8');
    const staged = [...new Set([...original.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging/gm)].map(([, name]) => name as string))];
    const required = original
      .replace(/^module .*$/m, `module control-plane\n\nrequire k8s.io/kubernetes v${KUBERNETES}`)
      .replace(/^godebug[^\n]*(\([\s\S]*?\n\))?/gm, '')
      .replace(/^replace \([\s\S]*?\n\)|^replace .*$/gm, '');
    const version = `v${KUBERNETES.replace(/^1/, '0')}`;
    const replaced = staged.map((name) => `\t${name} => ${name} ${version}`).join('\n');
    await writeFile(join(scratch, 'go.mod'), `${required}\nreplace (\n${replaced}\n)\n`);
    const [major, minor] = KUBERNETES.split('.');
    const flags = Object.entries({ gitVersion: `v${KUBERNETES}`, gitMajor: major, gitMinor: minor }).map(([name, value]) => `-X ${VERSION}.${name}=${value}`);
    // Into a folder beside, so that a build that was stopped is never taken for a whole one.
    const fresh = `${folder}.part`;
    await go(['build', '-mod=mod', '-ldflags', ['-s -w', ...flags].join(' '), '-o', `${fresh}/`, ...missing.map((name) => `k8s.io/kubernetes/cmd/${name}`)]);
    await mkdir(folder, { recursive: true });
    for (const name of missing) await rename(join(fresh, name), join(folder, name));
    await rm(fresh, { recursive: true, force: true });
  });
}

function hasGo(): boolean {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

type Go = (args: readonly string[]) => Promise<string>;

async function inModule(files: Readonly<Record<string, string>>, act: (go: Go, scratch: string) => Promise<void>): Promise<void> {
  if (!hasGo())
    throw new Error(
      `go is not installed: the control plane is built from Go modules once (Debian: apt-get install golang-go, 1.24 or newer), or ${READY} names a folder with ${SERVERS.join(', ')} and etcd`,
    );
  const scratch = join(cacheFolder(), `build-${process.pid}`);
  await mkdir(scratch, { recursive: true });
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(scratch, name), text);
    const env = { ...process.env, GOFLAGS: '-buildvcs=false -modcacherw', CGO_ENABLED: '0' };
    await act(async (args) => (await run('go', [...args], { cwd: scratch, env, maxBuffer: 64 * 1024 * 1024 })).stdout, scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
