import { describe, expect, it } from 'vitest';
import { run, type RunOptions } from './run.ts';
import type { Event, Inspection, Journal, JournalEntry, Plan, Problem, Step } from './types.ts';

const differs: Inspection = { is: 'differs', changes: [{ action: 'create', target: 'x' }] };
const toProblem = (error: unknown): Problem => ({ code: 'TEST', message: (error as Error).message, fix: '-' });

interface Made {
  readonly id: string;
  readonly needs?: readonly string[];
  readonly finding?: Inspection;
  readonly apply?: (record: () => Promise<void>, signal: AbortSignal) => Promise<void>;
  readonly undo?: () => Promise<void>;
}

function world() {
  const log: string[] = [];
  const step = ({ id, needs, apply, undo }: Made): Step<undefined> => ({
    id,
    title: id,
    ...(needs && { needs }),
    scope: 'cluster',
    permissions: [],
    inspect: async () => {
      log.push(`inspect ${id}`);
      return differs;
    },
    apply: async (_, { record, signal }) => {
      log.push(`begin ${id}`);
      await (apply ? apply(() => record({ did: id }), signal) : record({ did: id }));
      log.push(`end ${id}`);
    },
    undo: async () => {
      await undo?.();
      log.push(`undo ${id}`);
    },
    remove: async () => ({ is: 'absent' }),
  });
  const plan = (...made: readonly Made[]): Plan<undefined> => made.map((of) => ({ step: step(of), finding: of.finding ?? differs }));
  return { log, plan };
}

function options(over: Partial<RunOptions> = {}) {
  const entries: JournalEntry[] = [];
  const events: Event[] = [];
  const closed: string[] = [];
  const journal: Journal = {
    append: async (entry) => void entries.push(entry),
    newestFirst: async () => entries.toReversed(),
    close: async (outcome) => void closed.push(outcome),
  };
  const made: RunOptions = {
    journal,
    emit: (event) => void events.push(event),
    signal: new AbortController().signal,
    toProblem,
    afterFailure: () => 'undo',
    ...over,
  };
  return { made, events, entries, closed };
}

describe('run', () => {
  it('runs steps side by side that do not need each other, and waits where one needs another', async () => {
    const { log, plan } = world();
    const pause = async (record: () => Promise<void>) => {
      await record();
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const looked = plan({ id: 'a', needs: [], apply: pause }, { id: 'b', needs: [], apply: pause }, { id: 'c', needs: ['a'], apply: pause });
    const { made, closed } = options();
    const result = await run(looked, undefined, made);
    expect(result).toMatchObject({ outcome: 'done', writes: 3 });
    expect(log.indexOf('begin b')).toBeLessThan(log.indexOf('end a'));
    expect(log.indexOf('begin c')).toBeGreaterThan(log.indexOf('end a'));
    expect(closed).toEqual(['done']);
  });

  it('looks again only where something needed has changed', async () => {
    const { log, plan } = world();
    const { made } = options();
    await run(plan({ id: 'a', needs: [] }, { id: 'b', needs: ['a'] }, { id: 'c', needs: [] }), undefined, made);
    expect(log.filter((line) => line.startsWith('inspect'))).toEqual(['inspect b']);
  });

  it('waits for what is under way before it takes back, newest first', async () => {
    const { log, plan } = world();
    const looked = plan(
      {
        id: 'slow',
        needs: [],
        apply: async (record) => {
          await record();
          await new Promise((resolve) => setTimeout(resolve, 20));
          log.push('slow deed done');
        },
      },
      {
        id: 'bad',
        needs: [],
        apply: async (record) => {
          await record();
          throw new Error('no');
        },
      },
      { id: 'later', needs: ['slow'] },
    );
    const { made, events } = options();
    const result = await run(looked, undefined, made);
    expect(result).toMatchObject({ outcome: 'undone', problems: [{ message: 'no' }] });
    expect(log.indexOf('undo bad')).toBeGreaterThan(log.indexOf('slow deed done'));
    expect(log).not.toContain('begin later');
    expect(log.slice(-2)).toEqual(['undo bad', 'undo slow']);
    expect(events.filter(({ type }) => type === 'step.failed')).toHaveLength(1);
  });

  it('goes on taking back past a failure, and lists what stays', async () => {
    const { log, plan } = world();
    const looked = plan(
      { id: 'a', needs: [] },
      { id: 'x', needs: [] },
      {
        id: 'b',
        needs: ['a'],
        undo: async () => {
          throw new Error('stuck');
        },
      },
      {
        id: 'c',
        needs: ['b'],
        apply: async () => {
          throw new Error('no');
        },
      },
    );
    const { made, closed } = options();
    const result = await run(looked, undefined, made);
    expect(result).toMatchObject({
      outcome: 'left',
      left: [
        { step: 'b', problem: { message: 'stuck' } },
        { step: 'a', problem: { message: '"b" still needs it' } },
      ],
    });
    expect(log).toContain('undo x');
    expect(log).not.toContain('undo a');
    expect(closed).toEqual([]);
  });

  it('keeps everything when it is told to', async () => {
    const { log, plan } = world();
    const bad = async () => {
      throw new Error('no');
    };
    const { made } = options({ afterFailure: () => 'keep' });
    const result = await run(plan({ id: 'a', needs: [] }, { id: 'b', needs: ['a'], apply: bad }), undefined, made);
    expect(result).toMatchObject({ outcome: 'left', left: [] });
    expect(log.some((line) => line.startsWith('undo'))).toBe(false);
  });

  it('records nothing more once it is interrupted, and takes back', async () => {
    const { log, plan } = world();
    const interrupt = new AbortController();
    const { made, entries } = options({ signal: interrupt.signal });
    const looked = plan(
      {
        id: 'a',
        needs: [],
        apply: async (record) => {
          await record();
          interrupt.abort(new Error('Ctrl-C'));
        },
      },
      { id: 'b', needs: ['a'] },
    );
    const result = await run(looked, undefined, made);
    expect(result).toMatchObject({ outcome: 'undone', problems: [{ message: 'Ctrl-C' }] });
    expect(entries.map(({ step }) => step)).toEqual(['a']);
    expect(log.at(-1)).toBe('undo a');
  });

  it('writes nothing for a step that is as wanted', async () => {
    const { plan } = world();
    const { made, events } = options();
    const result = await run(plan({ id: 'a', finding: { is: 'matches' } }), undefined, made);
    expect(result.writes).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(['steps.started', 'step.unchanged']);
  });
});
