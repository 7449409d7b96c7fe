/** What is shown of a bucket before its log data is deleted, and what counts as consent. */
import { describe, expect, it } from 'vitest';
import type { Event } from '../../engine/types.ts';
import type { BucketContents } from '../../ports/buckets.ts';
import type { Context } from '../../context.ts';
import { counter, confirmDeletions, keptWords, unconfirmed, type CountedBucket } from './data-disposal.ts';
import type { RunContext } from '../../deps.ts';

const day = (text: string) => new Date(`${text}T10:00:00Z`);
const full: BucketContents = {
  objects: 50_000,
  older: 12_000,
  markers: 1,
  uploads: 3,
  bytes: 5 * 2 ** 30,
  oldest: day('2026-01-02'),
  newest: day('2026-11-22'),
  exact: true,
};
const plain: BucketContents = { objects: 1, bytes: 12, oldest: day('2026-01-02'), newest: day('2026-01-02'), exact: true };
const bucket = { step: 'bucket.chunks', name: 'b', expiring: false };
const ctx = (contents: BucketContents) => ({ buckets: { contents: async () => contents } }) as unknown as Context;
const shown = async (contents: BucketContents, left = false) => counter(ctx(contents), { left })(bucket);

/** A run in which the user types these answers in turn, or which is non-interactive. */
function runWith(answers?: readonly string[]) {
  const asked: string[] = [];
  const told: Event[] = [];
  const complaints: string[] = [];
  const text = async (question: string, { check }: { readonly check?: (text: string) => string | undefined } = {}) => {
    const answer = answers?.[asked.length] ?? '';
    asked.push(question);
    const complaint = check?.(answer);
    return complaint === undefined ? answer : (complaints.push(complaint), '');
  };
  const questions = answers && { text };
  const run = { deps: { questions }, settled: async () => undefined, emit: (event: Event) => void told.push(event) } as unknown as RunContext;
  return { run, asked, told, complaints };
}
const none = { deleteData: false, expireData: false, confirmDeleteData: [] as readonly string[] };

describe('a bucket in words', () => {
  it.each([
    ['everything', full, '50,000 objects (37,999 current, 12,000 older versions, 1 delete marker), 5.0 GiB, 2026-01-02 to 2026-11-22, 3 unfinished uploads'],
    ['one object', plain, '1 object, 12 B, 2026-01-02 to 2026-01-02'],
    ['nothing', { objects: 0, bytes: 0, exact: true }, 'no objects'],
    ['too many to count', { ...plain, objects: 1_000_000, exact: false }, 'more than 1,000,000 objects, 12 B, 2026-01-02 to 2026-01-02'],
  ])('%s', async (_, contents, words) => {
    expect((await shown(contents)).words).toBe(words);
  });

  it('says that it is a rest, and that S3 is at it', async () => {
    expect((await shown(plain, true)).words).toMatch(/^still 1 object/);
    expect(await keptWords(ctx(plain), bucket)).toMatch(/, kept$/);
    expect(await keptWords(ctx(plain), { ...bucket, expiring: true })).toMatch(/; S3 is emptying it, until then the bucket stays$/);
  });
});

describe('givenUp', () => {
  const of = async (options: Partial<typeof none>, answers?: readonly string[], contents = full) => {
    const data = [await shown(contents)];
    const { run, ...heard } = runWith(answers);
    return { named: [...(await confirmDeletions(run, data, { ...none, ...options }))], ...heard };
  };

  it('takes the name from a flag, after showing what is in it', async () => {
    const { named, told } = await of({ deleteData: true, confirmDeleteData: ['b'] });
    expect(named).toEqual([['b', 'delete']]);
    expect(told).toEqual([{ type: 'fact.found', fact: 's3://b', value: expect.stringContaining('50,000 objects') }]);
    expect((await of({ expireData: true, confirmDeleteData: ['b'] })).named).toEqual([['b', 'expire']]);
    expect((await of({ confirmDeleteData: ['b'] })).named).toEqual([]);
  });

  it('takes the name that was typed, and nothing like it', async () => {
    expect((await of({ deleteData: true }, ['b'])).named).toEqual([['b', 'delete']]);
    expect((await of({ expireData: true }, [' b '])).named).toEqual([['b', 'expire']]);
    expect(await of({ deleteData: true }, [''])).toMatchObject({ named: [], complaints: [], told: [{ fact: 's3://b' }] });
    for (const answer of ['y', 'yes', 'B', 's3://b', 'expire'])
      expect(await of({ deleteData: true }, [answer])).toMatchObject({ named: [], complaints: ['Type b, or press Enter to keep it'] });
  });

  it('offers to leave a huge one to S3', async () => {
    expect((await of({ deleteData: true }, [''])).asked[0]).not.toContain('expire');
    const huge = await of({ deleteData: true }, ['expire b'], { ...full, exact: false });
    expect(huge.asked[0]).toContain('"expire" and the name');
    expect(huge.named).toEqual([['b', 'expire']]);
  });
});

describe('unconfirmed', () => {
  const blockers = (data: readonly CountedBucket[], options: Partial<typeof none>, named: readonly string[] = []) =>
    unconfirmed(runWith().run, {
      data,
      named: new Map(named.map((name) => [name, 'delete'])),
      options: { ...none, ...options },
      command: 'loki-eks uninstall',
    });

  it('wants a name where nobody can be asked, and says how to give it', async () => {
    const data = [await shown(full)];
    expect(blockers(data, {})).toEqual([]);
    expect(blockers(data, { deleteData: true })).toMatchObject([
      { code: 'DELETE_UNCONFIRMED', fix: 'Run `loki-eks uninstall --delete-data --confirm-delete-data b`' },
    ]);
    expect(blockers(data, { expireData: true })).toMatchObject([{ fix: 'Run `loki-eks uninstall --expire-data --confirm-delete-data b`' }]);
    expect(blockers([await shown({ ...full, exact: false })], { deleteData: true })[0]!.fix).toContain('--expire-data');
    expect(blockers(data, { deleteData: true, confirmDeleteData: ['b'] }, ['b'])).toEqual([]);
    expect(blockers(data, { deleteData: true, confirmDeleteData: ['b', 'other'] }, ['b'])).toMatchObject([
      { message: 's3://other is not a bucket of this installation' },
    ]);
  });
});
