import { execFileSync } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemFiles } from './files.ts';

describe('systemFiles', () => {
  let cwd = '';
  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'files-'));
    await writeFile(join(cwd, 'there.yaml'), 'a: é\n');
    await writeFile(join(cwd, 'binary'), Buffer.from([0xff, 0xfe, 0x00]));
  });
  afterAll(() => rm(cwd, { recursive: true, force: true }));
  const files = () => systemFiles({ cwd, stdin: () => Readable.from(['pi', 'ped']) });

  it('reads relative to the current directory, and standard input as often as asked', async () => {
    const { read, exists } = files();
    expect(await read('there.yaml')).toBe('a: é\n');
    expect([await read('-'), await read('-')]).toEqual(['piped', 'piped']);
    expect([await exists('there.yaml'), await exists('missing')]).toEqual([true, false]);
  });

  it.each([
    ['missing', 'missing: no such file'],
    ['.', '.: it is a directory, not a file'],
    ['binary', 'binary: it is not UTF-8 text'],
  ])('says why %s can not be read', async (path, message) => {
    await expect(files().read(path)).rejects.toMatchObject({ problem: { code: 'FILE_UNREADABLE', message } });
  });

  it('waits for no pipe and no device, and reads no more than fits', async () => {
    execFileSync('mkfifo', [join(cwd, 'fifo')]);
    const huge = await open(join(cwd, 'huge'), 'w');
    await huge.truncate(3 * 2 ** 30);
    await huge.close();
    for (const [path, why] of [
      ['fifo', 'it is not a regular file'],
      ['/dev/zero', 'it is not a regular file'],
      ['/dev/random', 'it is not a regular file'],
      ['huge', 'it is larger than 16 MiB'],
    ] as const)
      await expect(files().read(path)).rejects.toMatchObject({ problem: { code: 'FILE_UNREADABLE', message: `${path}: ${why}` } });
    await Promise.all(['fifo', 'huge'].map((name) => rm(join(cwd, name))));
    expect(await files().read('/dev/null')).toBe('');
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(1 << 20, 97));
      },
    });
    await expect(systemFiles({ cwd, stdin: () => endless }).read('-')).rejects.toMatchObject({
      problem: { message: 'standard input: it is larger than 16 MiB' },
    });
    const silent = new Readable({ read: () => {} });
    silent.push('half of it');
    await expect(systemFiles({ cwd, stdin: () => silent, stdinMs: 50 }).read('-')).rejects.toMatchObject({
      problem: { code: 'FILE_UNREADABLE', message: 'standard input: the program that writes to it never finishes' },
    });
    expect(silent.destroyed).toBe(true);
  });

  it('writes for the owner only, over nothing unless told to, and leaves no draft behind', async () => {
    const { write, writable } = files();
    await write('new.html', 'one', { replace: false });
    expect((await stat(join(cwd, 'new.html'))).mode & 0o777).toBe(0o600);
    const taken = { problem: { code: 'FILE_EXISTS', message: 'new.html already exists' } };
    await expect(write('new.html', 'two', { replace: false })).rejects.toMatchObject(taken);
    await expect(writable('new.html', { replace: false })).rejects.toMatchObject(taken);
    expect(await readFile(join(cwd, 'new.html'), 'utf8')).toBe('one');
    await write('new.html', 'three', { replace: true });
    expect(await readFile(join(cwd, 'new.html'), 'utf8')).toBe('three');
    expect((await readdir(cwd)).toSorted()).toEqual(['binary', 'new.html', 'there.yaml']);
    await expect(writable('no/such/x', { replace: true })).rejects.toMatchObject({
      problem: { code: 'FILE_UNWRITABLE', message: 'no/such/x: its directory does not exist' },
    });
    await expect(write('.', 'x', { replace: true })).rejects.toMatchObject({ problem: { code: 'FILE_UNWRITABLE', message: '.: it is a directory' } });
  });
});
