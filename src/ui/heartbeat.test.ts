import { expect, it } from 'vitest';
import { heartbeat } from './heartbeat.ts';

it('lets each step say a thing once, also when it comes back to it', () => {
  const life = heartbeat({ now: () => new Date(0), beat: () => {} });
  life.begin('a');
  life.begin('b');
  expect(['try', 'not yet', 'try', 'not yet', 'done'].map((text) => life.said('a', text))).toEqual([true, true, false, false, true]);
  expect(life.said('b', 'try')).toBe(true);
  life.stop();
});
