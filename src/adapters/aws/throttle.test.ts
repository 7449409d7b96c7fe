import { setMaxListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { paced } from './throttle.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);

describe('paced', () => {
  it('doubles while nobody complains, halves once for what was under way, then grows by one', async () => {
    const pace = paced();
    const round = async (end: 'fine' | 'slow') => {
      const turns = await Promise.all(Array.from({ length: pace.width }, () => pace.begin(signal)));
      for (const turn of turns) {
        turn[end]();
        turn.over();
      }
      return pace.width;
    };
    expect([await round('fine'), await round('fine'), await round('fine'), await round('fine')]).toEqual([8, 8, 8, 8]);
    expect(await round('slow')).toBe(4);
    expect([await round('fine'), await round('fine')]).toEqual([5, 6]);
    expect(await round('slow')).toBe(3);
  });

  it('lets no more begin than its width, and gives the reason of an abort to all who wait', async () => {
    const pace = paced();
    const stopping = new AbortController();
    const turns = await Promise.all(Array.from({ length: 4 }, () => pace.begin(stopping.signal)));
    let more = 0;
    const waiting = [1, 2, 3].map(() => pace.begin(stopping.signal).then(() => (more += 1)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(more).toBe(0);
    turns[0]!.over();
    await waiting[0];
    expect(more).toBe(1);
    stopping.abort(new Error('enough'));
    turns[1]!.over();
    turns[2]!.over();
    await expect(Promise.all(waiting.slice(1))).rejects.toThrow('enough');
  });
});
