/** What is published is what is tested: the packed tarball, unpacked where no node_modules is near. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tool } from '../support/sandbox-cli.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

let folder: string;
let tarball: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'loki-eks-packed-'));
  await execute('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root });
  const [name = ''] = await readdir(folder);
  tarball = join(folder, name);
  await execute('tar', ['-xzf', tarball, '-C', folder]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  execute(process.execPath, [join(folder, 'package', 'bin', 'loki-eks.js'), ...words], {
    cwd: folder,
    env: { ...process.env, HOME: folder, XDG_STATE_HOME: join(folder, 'state'), NO_COLOR: '1', CI: '1', ...env },
    maxBuffer: 64 * 1024 * 1024,
  });

/** Names of the chunks that are loaded by a run, without what makes them unique. */
async function loadedBy(words: readonly string[]): Promise<readonly string[]> {
  await writeFile(
    join(folder, 'say.mjs'),
    "import { writeSync } from 'node:fs';\nexport const load = (url, context, next) => (writeSync(2, `<${url}>`), next(url, context));\n",
  );
  await writeFile(join(folder, 'listen.mjs'), "import { register } from 'node:module';\nregister('./say.mjs', import.meta.url);\n");
  const { stderr } = await run(words, { NODE_OPTIONS: `--import ${pathToFileURL(join(folder, 'listen.mjs')).href}` });
  const names = [...stderr.matchAll(/<file:[^>]*\/chunks\/([\w-]+?)-[\w-]{8}\.js>/g)].map(([, name = '']) => name);
  return [...new Set(names)].toSorted();
}

describe('the packed tarball', () => {
  it('is small, whole, and depends on nothing', async () => {
    const files = await readdir(join(folder, 'package'), { recursive: true, withFileTypes: true });
    expect(files.filter((file) => file.isFile()).length).toBeLessThanOrEqual(60);
    expect((await stat(tarball)).size).toBeLessThanOrEqual(1_500_000);
    const manifest = JSON.parse(await readFile(join(folder, 'package', 'package.json'), 'utf8')) as Record<string, unknown>;
    expect([manifest['dependencies'], manifest['peerDependencies'], manifest['optionalDependencies']]).toEqual([undefined, undefined, undefined]);
  });

  it('carries the licence of everything that is inside', async () => {
    const text = await readFile(join(folder, 'package', 'dist', 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['@aws-sdk/client-s3', '@kubernetes/client-node', 'commander', 'zod'])
      expect(text).toMatch(new RegExp(`^${name} \\S+ \\((MIT|Apache-2.0)\\)$`, 'm'));
    expect(text).toContain('Permission is hereby granted, free of charge');
  });

  it('answers --version, --help and explain', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { readonly version: string };
    expect((await run(['--version'])).stdout).toBe(`${version}\n`);
    const { stdout: printed } = await run(['--help']);
    expect(printed).toContain('install');
    // Printed by the build, and made here and now.
    expect((await run(['--help', '--no-color'])).stdout).toBe(printed);
    expect((await run(['explain', 'HELM_MISSING'])).stdout).toContain('HELM_MISSING');
  });

  it('loads no SDK, no Kubernetes client and no schema for the words', async () => {
    // Reading a file and ending children are a small chunk of their own: at every start, and in much else.
    expect(await loadedBy(['--version'])).toEqual(['early']);
    expect(await loadedBy(['--help'])).toEqual(['early']);
    for (const words of [
      ['install', '--help'],
      ['explain', 'HELM_MISSING'],
    ])
      expect(await loadedBy(words), words.join(' ')).toEqual(['early', 'rolldown-runtime', 'words']);
    expect(await loadedBy(['completion', 'bash'])).toEqual(['completion', 'early', 'rolldown-runtime', 'words']);
  });

  it('installs Loki in its own sandbox', async () => {
    const PATH = [dirname(tool('LOKI_EKS_HELM')), process.env['PATH'] ?? ''].join(delimiter);
    const { stdout } = await run(['sandbox', 'run', '--', 'loki-eks', 'install', '--yes', '--output', 'json'], { PATH });
    const events = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
    expect(events.find(({ type }) => type === 'verify.finished')).toMatchObject({ result: { found: true } });
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', outcome: 'ok' });
  });
});
