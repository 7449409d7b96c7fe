import { appendFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
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
  const journal = await diskJournals(home, now).open('abc');
  await Promise.all([journal.append({ step: 'a', receipt: { did: 'one' } }), journal.append({ step: 'b', receipt: { did: 'two' } })]);
  const found = await diskJournals(home, now).unfinished('abc');
  expect((await found?.newestFirst())?.map(({ step }) => step)).toEqual(['b', 'a']);
  const [name] = await files();
  expect((await stat(join(home, 'abc', name as string))).mode & 0o777).toBe(0o600);
});

it('drops a torn last line and goes on after it', async () => {
  const journal = await diskJournals(home, now).open('abc');
  await journal.append({ step: 'a', receipt: { did: 'one' } });
  await appendFile(join(home, 'abc', (await files())[0] as string), '{"entry":{"step":"b","rec');
  const found = await diskJournals(home, now).unfinished('abc');
  expect(found?.entries.map(({ step }) => step)).toEqual(['a']);
  await found?.append({ step: 'c', receipt: { did: 'three' } });
  expect((await diskJournals(home, now).unfinished('abc'))?.entries.map(({ step }) => step)).toEqual(['a', 'c']);
});

it.each(['done', 'undone'] as const)('is finished when it was closed as %s', async (outcome) => {
  const journal = await diskJournals(home, now).open('abc');
  await journal.append({ step: 'a', receipt: { did: 'one' } });
  await journal.close(outcome);
  expect(await diskJournals(home, now).unfinished('abc')).toBeUndefined();
});

it('is found again when a later run was taken back or did nothing, and no more once a later one is done', async () => {
  const deed = { step: 'a', receipt: { did: 'one' } };
  await (await diskJournals(home, now).open('abc')).append(deed);
  const undone = await diskJournals(home, now).open('abc');
  await undone.append({ step: 'b', receipt: { did: 'two' } });
  await undone.close('undone');
  await (await diskJournals(home, now).open('abc')).close('done');
  expect((await diskJournals(home, now).unfinished('abc'))?.entries).toEqual([deed]);
  const done = await diskJournals(home, now).open('abc');
  await done.append(deed);
  await done.close('done');
  expect(await diskJournals(home, now).unfinished('abc')).toBeUndefined();
});

it('is nothing to recover from when nothing was done', async () => {
  await diskJournals(home, now).open('abc');
  expect(await diskJournals(home, now).unfinished('abc')).toBeUndefined();
  expect(await diskJournals(home, now).unfinished('never seen')).toBeUndefined();
});

it('keeps a limited number', async () => {
  for (let n = 0; n < 25; n++) await (await diskJournals(home, now).open('abc')).close('done');
  expect((await files()).length).toBeLessThanOrEqual(21);
});
