import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { chartArchive } from '../../sandbox/chart-archive.ts';
import { openCharts } from './charts.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'charts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A fake helm program. */
async function standIn(script: string) {
  const path = join(folder, 'helm');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return async () => ({ path, version: '4.1.4' });
}

async function pinned() {
  const { bytes } = await chartArchive(join(import.meta.dirname, '../../sandbox/charts/alloy'));
  const file = join(folder, 'alloy.tgz');
  await writeFile(file, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { file, source: { is: 'pinned', repo: 'https://example.test', name: 'alloy', version: '1.11.1', sha256 } as const };
}

it('fetches a pinned chart once, and again when what it kept is not what it was', async () => {
  const { file, source } = await pinned();
  const find = await standIn(`echo x >> ${folder}/pulled; while [ "$1" != --destination ]; do shift; done; cp ${file} "$2/alloy.tgz"`);
  const keep = join(folder, 'kept');
  const obtain = async () => {
    const charts = openCharts({ env: { PATH: process.env['PATH'] }, find, keep });
    const { sha256 } = await charts.obtain(source);
    await charts.dispose();
    return { sha256, pulls: (await readFile(join(folder, 'pulled'), 'utf8')).split('\n').length - 1 };
  };
  expect(await obtain()).toEqual({ sha256: source.sha256, pulls: 1 });
  expect(await obtain()).toEqual({ sha256: source.sha256, pulls: 1 });
  expect(await readdir(keep)).toEqual([`${source.sha256}.tgz`]);
  await writeFile(join(keep, `${source.sha256}.tgz`), 'something else');
  expect(await obtain()).toEqual({ sha256: source.sha256, pulls: 2 });
});

it('stops fetching when the run has ended', { timeout: 10_000 }, async () => {
  const { source } = await pinned();
  const charts = openCharts({ env: { PATH: process.env['PATH'] }, find: await standIn(`touch ${folder}/started; exec sleep 60`) });
  const work = charts.obtain(source);
  work.catch(() => undefined);
  await expect.poll(() => readdir(folder), { timeout: 5000 }).toContain('started');
  await charts.dispose();
  await expect(work).rejects.toThrow('the run has ended');
});
