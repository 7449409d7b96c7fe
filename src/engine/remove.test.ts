import { expect, it } from 'vitest';
import { removeAll } from './remove.ts';
import type { Event, Problem, Step } from './types.ts';

const toProblem = (error: unknown): Problem => ({ code: 'TEST', message: (error as Error).message, fix: '-' });

interface Made {
  readonly needs?: readonly string[];
  readonly fails?: true;
  readonly holds?: 'data';
}

async function removal(made: Readonly<Record<string, Made>>) {
  const gone: string[] = [];
  const events: Event[] = [];
  const steps = Object.entries(made).map(([id, { needs, fails, holds }]): Step<undefined> => ({
    id,
    title: `the ${id}`,
    ...(needs && { needs }),
    ...(holds && { holds }),
    scope: 'cluster',
    permissions: [],
    inspect: async () => ({ is: 'matches' }),
    apply: async () => {},
    undo: async () => {},
    remove: async () => {
      if (fails) throw new Error(`${id} stays`);
      gone.push(id);
      return { is: 'removed' };
    },
  }));
  const { signal } = new AbortController();
  const result = await removeAll(steps, { ctx: undefined, emit: (event) => void events.push(event), signal, toProblem, keep: async () => undefined });
  const kept = events.flatMap((event) => (event.type === 'step.kept' ? [`${event.step}: ${event.why}`] : []));
  return { ...result, gone, kept };
}

it('what a step builds on stays when that step could not be removed, and everything else goes', async () => {
  const { gone, kept, left } = await removal({
    role: { needs: [] },
    account: { needs: ['role'] },
    record: { needs: [] },
    other: { needs: [] },
    loki: { needs: ['record', 'account'], fails: true },
    collector: { needs: ['record'] },
  });
  expect(gone).toEqual(['collector', 'other']);
  expect(kept).toEqual(['record: the loki still needs it', 'account: the loki still needs it', 'role: the loki still needs it']);
  expect(left).toMatchObject([{ step: 'loki', problem: { message: 'loki stays' } }]);
});

it('a step that names nothing builds on all before it', async () => {
  expect((await removal({ a: { needs: [] }, b: { needs: [] }, c: { fails: true } })).gone).toEqual([]);
});

it('data is not deleted after any failure', async () => {
  const { gone, left } = await removal({ data: { needs: [], holds: 'data' }, a: { needs: [] }, b: { needs: [], fails: true } });
  expect(gone).toEqual(['a']);
  expect(left.map(({ step }) => step)).toEqual(['b', 'data']);
});
