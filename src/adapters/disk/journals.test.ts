import { spawnSync } from 'node:child_process';
import { appendFile, chmod, chown, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { diskJournals } from './journals.ts';

let home: string;
let minute = 0;
const now = () => new Date(Date.UTC(2026, 0, 1, 0, minute++));

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'journals-'));
});
afterEach(() => rm(home, { recursive: true }));

const files = async () => (await readdir(join(home, 'abc'))).sort();

it('is readable after the process died, newest first, for its owner only', async () => {
  const journal = await diskJournals(home, now).open('abc', 'ada_1');
  await Promise.all([journal.append({ step: 'a', receipt: { did: 'one' } }), journal.append({ step: 'b', receipt: { did: 'two' } })]);
  const found = await diskJournals(home, now).unfinished('abc');
  expect((await found?.newestFirst())?.map(({ step }) => step)).toEqual(['b', 'a']);
  const [name] = await files();
  expect((await stat(join(home, 'abc', name as string))).mode & 0o777).toBe(0o600);
});

it('drops a torn last line and goes on after it', async () => {
  const journal = await diskJournals(home, now).open('abc', 'ada_1');
  await journal.append({ step: 'a', receipt: { did: 'one' } });
  await appendFile(join(home, 'abc', (await files())[0] as string), '{"entry":{"step":"b","rec');
  const found = await diskJournals(home, now).unfinished('abc');
  expect(found?.entries.map(({ step }) => step)).toEqual(['a']);
  await found?.append({ step: 'c', receipt: { did: 'three' } });
  expect((await diskJournals(home, now).unfinished('abc'))?.entries.map(({ step }) => step)).toEqual(['a', 'c']);
});

it.each(['done', 'undone'] as const)('is finished when it was closed as %s', async (outcome) => {
  const journal = await diskJournals(home, now).open('abc', 'ada_1');
  await journal.append({ step: 'a', receipt: { did: 'one' } });
  await journal.close(outcome);
  expect(await diskJournals(home, now).unfinished('abc')).toBeUndefined();
});

it('is found again when a later run was taken back or did nothing, and no more once a later one is done', async () => {
  const deed = { step: 'a', receipt: { did: 'one' } };
  await (await diskJournals(home, now).open('abc', 'ada_1')).append(deed);
  const undone = await diskJournals(home, now).open('abc', 'ada_1');
  await undone.append({ step: 'b', receipt: { did: 'two' } });
  await undone.close('undone');
  await (await diskJournals(home, now).open('abc', 'ada_1')).close('done');
  expect((await diskJournals(home, now).unfinished('abc'))?.entries).toEqual([deed]);
  const done = await diskJournals(home, now).open('abc', 'ada_1');
  await done.append(deed);
  await done.close('done');
  expect(await diskJournals(home, now).unfinished('abc')).toBeUndefined();
});

it('is nothing to recover from when nothing was done', async () => {
  await diskJournals(home, now).open('abc', 'ada_1');
  expect(await diskJournals(home, now).unfinished('abc')).toBeUndefined();
  expect(await diskJournals(home, now).unfinished('never seen')).toBeUndefined();
});

it('keeps a limited number', async () => {
  for (let n = 0; n < 25; n++) await (await diskJournals(home, now).open('abc', 'ada_1')).close('done');
  expect((await files()).length).toBeLessThanOrEqual(21);
});

const deed = (did: string) => ({ step: 'a', receipt: { did } });
const put = async (name: string, ...lines: readonly unknown[]) => {
  await mkdir(join(home, 'abc'), { recursive: true });
  await writeFile(join(home, 'abc', name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
};

it('never prunes a run that may still have to be taken back', async () => {
  await (await diskJournals(home, now).open('abc', 'ada_1')).append(deed('old'));
  for (let n = 0; n < 40; n++) {
    const undone = await diskJournals(home, now).open('abc', 'ada_1');
    await undone.append(deed('new'));
    await undone.close('undone');
  }
  expect((await diskJournals(home, now).unfinished('abc'))?.entries).toEqual([deed('old')]);
  expect((await files()).length).toBeLessThanOrEqual(22);
  const done = await diskJournals(home, now).open('abc', 'ada_1');
  await done.append(deed('last'));
  await done.close('done');
  for (let n = 0; n < 25; n++) await (await diskJournals(home, now).open('abc', 'ada_1')).close('done');
  expect(await diskJournals(home, now).unfinished('abc')).toBeUndefined();
  expect((await files()).length).toBeLessThanOrEqual(21);
});

it('reads what an earlier version wrote, and refuses what a later one did', async () => {
  await put('2026.jsonl', { started: '2026-01-01T00:00:00.000Z' }, { entry: deed('one') });
  expect(await diskJournals(home, now).unfinished('abc')).toMatchObject({ id: '2026.jsonl', entries: [deed('one')] });
  await put('2027.jsonl', { started: '2027-01-01T00:00:00.000Z', format: 99 }, { entry: { ...deed('one'), shape: 'unknown' } });
  await expect(diskJournals(home, now).unfinished('abc')).rejects.toMatchObject({
    problem: { code: 'JOURNAL_NEWER', message: expect.stringContaining('2027.jsonl'), evidence: ['format 99; this version reads formats up to 1'] },
  });
});

it('skips lines that are none of its own', async () => {
  await put('2026.jsonl', { started: '2026-01-01T00:00:00.000Z' }, 5, null, 'text', { entry: deed('one') });
  expect((await diskJournals(home, now).unfinished('abc'))?.entries).toEqual([deed('one')]);
});

it('says which file can not be read', async () => {
  await mkdir(join(home, 'abc', '2026.jsonl'), { recursive: true });
  await expect(diskJournals(home, now).unfinished('abc')).rejects.toMatchObject({
    problem: { code: 'JOURNAL_UNREADABLE', message: `${join(home, 'abc', '2026.jsonl')} can't be read: it is a directory` },
  });
});

it('says which file can not be written, before anything is done', async () => {
  await writeFile(join(home, 'file'), '');
  await expect(diskJournals(join(home, 'file'), now).open('abc', 'ada_1')).rejects.toMatchObject({
    problem: {
      code: 'JOURNAL_UNWRITABLE',
      message: expect.stringMatching(/file\/abc\/.*jsonl can't be written: part of the path is a file, not a directory$/),
    },
  });
});

it('refuses a receipt that the disk does not take, and goes on when there is room again', async () => {
  const journal = await diskJournals(home, now).open('abc', 'ada_1');
  await journal.append(deed('one'));
  const path = join(home, 'abc', (await files())[0] as string);
  await rename(path, `${path}.kept`);
  await symlink('/dev/full', path);
  await expect(journal.append(deed('two'))).rejects.toMatchObject({
    problem: { code: 'JOURNAL_UNWRITABLE', message: `${path} can't be written: the disk is full` },
  });
  await rm(path);
  await rename(`${path}.kept`, path);
  await appendFile(path, '{"entry":{"step":"a","rec');
  await journal.append(deed('three'));
  const expected = [deed('one'), deed('three')];
  expect((await diskJournals(home, now).unfinished('abc'))?.entries).toEqual(expected);
  expect(await journal.newestFirst()).toEqual(expected.toReversed());
});

const STARTED = '{"started":"2026-01-01T00:00:00.000Z","format":1,"chain":"ada_1"}';
const ENTRY = '{"entry":{"step":"role","receipt":{"did":"create-role"}}}';
const garbled: readonly (readonly [string, string])[] = [
  ['an entry that is none', `${STARTED}\n{"entry":5}`],
  ['an entry without a step', `${STARTED}\n{"entry":{"receipt":{"did":"x"}}}`],
  ['a receipt that is none', `${STARTED}\n{"entry":{"step":"role","receipt":null}}`],
  ['a receipt of another kind', `${STARTED}\n{"entry":{"step":"role","receipt":{"did":["x"]}}}`],
  ['a start that is no time', `{"started":5}\n${ENTRY}`],
  ['a format that is no number', `{"started":"2026-01-01T00:00:00.000Z","format":"x"}\n${ENTRY}`],
  ['a chain that is no text', `{"started":"2026-01-01T00:00:00.000Z","chain":{}}\n${ENTRY}`],
  ['an ending that there is not', `${STARTED}\n${ENTRY}\n{"closed":"perhaps"}`],
  ['lists', `${STARTED}\n${ENTRY}\n[1,2]`],
  ['another document', '{"name":"x","version":"1.0.0"}'],
];
it.each(garbled)('is refused by its name when it holds %s', async (_, text) => {
  await mkdir(join(home, 'abc'));
  await writeFile(join(home, 'abc', '2026-01-01.jsonl'), `${text}\n`, { mode: 0o600 });
  const problem = { code: 'JOURNAL_UNREADABLE', message: expect.stringContaining('2026-01-01.jsonl') };
  await expect(diskJournals(home, now).unfinished('abc')).rejects.toMatchObject({ problem });
});

it.each([
  ['a time that can not be', `{"started":"yesterday"}\n${ENTRY}`],
  ['no start', ENTRY],
  ['noise between its lines', `${STARTED}\n\u0000\u0001{"entry\n${ENTRY}`],
])('is read all the same with %s', async (_, text) => {
  await mkdir(join(home, 'abc'));
  await writeFile(join(home, 'abc', '2026-01-01.jsonl'), `${text}\n`, { mode: 0o600 });
  const found = await diskJournals(home, now).unfinished('abc');
  expect(found?.entries).toHaveLength(1);
  expect(found?.started.toISOString()).toMatch(/^\d{4}-/);
});

it('is not used when others own it or may write to it, and never waited for', { timeout: 5000 }, async () => {
  await mkdir(join(home, 'abc'));
  const file = join(home, 'abc', '2026-01-01.jsonl');
  await writeFile(file, `${STARTED}\n${ENTRY}\n`, { mode: 0o600 });
  await chmod(file, 0o666);
  await expect(diskJournals(home, now).unfinished('abc')).rejects.toMatchObject({
    problem: { code: 'JOURNAL_UNREADABLE', message: expect.stringContaining('other users') },
  });
  await chmod(file, 0o600);
  if (process.getuid?.() === 0) {
    await chown(file, 65_534, 65_534);
    await expect(diskJournals(home, now).unfinished('abc')).rejects.toMatchObject({
      problem: { code: 'JOURNAL_UNREADABLE', message: expect.stringContaining('another user') },
    });
  }
  await rm(file);
  spawnSync('mkfifo', [file]);
  await expect(diskJournals(home, now).unfinished('abc')).rejects.toMatchObject({ problem: { code: 'JOURNAL_UNREADABLE' } });
});
