/** The scripts of package.json, as a program calls them: their own words, and no others, on stdout. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const execute = promisify(execFile);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const npm = async (...words: readonly string[]) => (await execute('npm', words, { cwd: root })).stdout;

it('npm run tools -- COMMAND hands every word on, separators too', async () => {
  const command = ['node', '-p', 'JSON.stringify(process.argv.slice(1))', 'a', '--', 'b', '--'];
  expect(JSON.parse(await npm('run', '--silent', 'tools', '--', ...command))).toEqual(['a', '--', 'b', '--']);
});

it('npm run build says nothing, so that what is built first does not stand before JSON', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'loki-eks-built-'));
  try {
    expect(await npm('run', '--silent', 'build', '--', '--dir', folder)).toBe('');
    expect(await readdir(folder)).toContain('main.js');
  } finally {
    await rm(folder, { recursive: true });
  }
});
