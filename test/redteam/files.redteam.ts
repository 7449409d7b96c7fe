/** Files that are none, never end, hold themselves or lie about their size: each is refused in time, by name. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCharts } from '../../src/adapters/helm/charts.ts';
import { makeFolder } from '../../src/adapters/disk/folder.ts';
import { readProfile } from '../../src/adapters/aws/profiles.ts';
import { pickContext } from '../../src/adapters/kube/kubeconfig.ts';
import { systemFiles } from '../../src/adapters/system/files.ts';
import { ProblemError } from '../../src/problems/problem.ts';
import { everyRow } from './tally.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-redteam-'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  await symlink('/dev/zero', join(folder, 'link'));
  await symlink('loop', join(folder, 'loop'));
  await mkdir(join(folder, 'folder'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const problemWithin = async (work: Promise<unknown>): Promise<string> => {
  const late = new Promise<never>((_, reject) => void setTimeout(() => reject(new Error('no end in 10 s')), 10_000).unref());
  const outcome = await Promise.race([work.then(() => 'taken'), late]).catch((error: unknown) => error);
  if (!(outcome instanceof ProblemError)) throw outcome instanceof Error ? outcome : new Error(String(outcome));
  return outcome.problem.code;
};

describe('files that are no regular ones', () => {
  const readers: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    FILE_UNREADABLE: (path) => systemFiles({ cwd: folder, stdin: () => process.stdin }).read(path),
    KUBECONFIG_INVALID: (path) => pickContext({ path, env: {} }),
    AWS_CONFIG_UNREADABLE: (path) => readProfile(undefined, { AWS_CONFIG_FILE: path, AWS_SHARED_CREDENTIALS_FILE: '/nonexistent' }),
    CHART_INVALID: (path) => openCharts({ env: {}, cwd: folder }).obtain({ is: 'file', path }),
  };
  it('are refused by whoever reads them', (context) =>
    everyRow(
      context,
      Object.entries(readers).flatMap(([code, read]) =>
        ['/dev/zero', '/dev/urandom', 'fifo', 'link', 'folder'].map((name) => [`${code}: ${name}`, { code, read, name }] as const),
      ),
      async ({ code, read, name }) => expect(await problemWithin(read(name.startsWith('/') ? name : join(folder, name)))).toBe(code),
    ));

  it('a folder that can not be made is said, and not tried for ever', (context) =>
    everyRow(
      context,
      ['/proc/none/of/this', '/proc/self/x', '/dev/null/x', '/sys/none/x'].map((path) => [path, path] as const),
      async (path) => {
        const late = new Promise<string>((done) => void setTimeout(() => done('no end'), 5_000).unref());
        expect(
          await Promise.race([
            makeFolder(path, 0o700).then(
              () => 'made',
              (error: NodeJS.ErrnoException) => error.code,
            ),
            late,
          ]),
        ).toMatch(/^E[A-Z]+$/);
      },
    ));
});

interface Entry {
  readonly name: string;
  readonly size?: string;
  readonly content?: string;
}

/** A tar header as far as a reader looks at it. */
function tar(entries: readonly Entry[]): Buffer {
  return Buffer.concat([
    ...entries.map(({ name, size, content = '' }) => {
      const header = Buffer.alloc(512);
      header.write(name, 0, 'latin1');
      header.write(size ?? content.length.toString(8).padStart(11, '0'), 124, 'latin1');
      return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
    }),
    Buffer.alloc(1024),
  ]);
}

describe('chart archives', () => {
  const chart = 'apiVersion: v2\nname: x\nversion: 1.0.0\n';
  const whole = { name: 'x/Chart.yaml', content: chart };
  const archives: Readonly<Record<string, () => Buffer>> = {
    'a negative size': () => gzipSync(tar([{ name: 'x/a', size: '-0000001000' }, whole])),
    'a size that leads back': () => gzipSync(tar([{ name: 'x/a', size: '-1000' }, whole])),
    'a size that is no number': () => gzipSync(tar([{ name: 'x/a', size: '9x' }, whole])),
    'a binary size': () => gzipSync(tar([{ name: 'x/a', size: '\u0080\u0000\u0000\u0000' }, whole])),
    'a size beyond the end': () => gzipSync(tar([{ name: 'x/Chart.yaml', size: '77777777777', content: chart }])),
    'a bomb': () => gzipSync(Buffer.alloc(200 * 1024 * 1024)),
    'more files than any chart': () => gzipSync(tar([...Array.from({ length: 20_000 }, (_, at) => ({ name: `x/${at}` })), whole])),
    'a Chart.yaml without end': () => gzipSync(tar([{ name: 'x/Chart.yaml', content: `${chart}a: ${'x'.repeat(3_000_000)}` }])),
    'a Chart.yaml that holds itself': () => gzipSync(tar([{ name: 'x/Chart.yaml', content: 'name: &a [*a]\n' }])),
    'a Chart.yaml of brackets': () => gzipSync(tar([{ name: 'x/Chart.yaml', content: '['.repeat(100_000) }])),
    'no Chart.yaml': () => gzipSync(tar([{ name: 'x/values.yaml', content: chart }])),
    'no tar at all': () => gzipSync(Buffer.from('hello')),
    'no gzip': () => Buffer.from('hello'),
    nothing: () => Buffer.alloc(0),
  };
  it('are refused', { timeout: 120_000 }, (context) =>
    everyRow(context, Object.entries(archives), async (made) => {
      const path = join(folder, 'chart.tgz');
      await writeFile(path, made());
      expect(await problemWithin(openCharts({ env: {} }).obtain({ is: 'file', path }))).toBe('CHART_INVALID');
    }),
  );
  it('are read where they are whole', async () => {
    const path = join(folder, 'whole.tgz');
    await writeFile(path, gzipSync(tar([{ name: 'x/values.yaml', content: 'a: b\n' }, whole])));
    expect(await openCharts({ env: {} }).obtain({ is: 'file', path })).toMatchObject({ name: 'x', version: '1.0.0' });
  });
});
