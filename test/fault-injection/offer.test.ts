/** `install` where somebody else's Loki stands, with a person at the keyboard. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { exact, settled } from './compare.ts';
import { guideHouse } from './guide-harness.ts';
import type { Harness } from './harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await guideHouse();
});
afterEach(() => harness.close());

const codesOf = ({ events }: Awaited<ReturnType<Harness['run']>>) => {
  const last = events.at(-1);
  return last?.type === 'run.finished' ? (last.problems ?? []).map(({ code }) => code) : [];
};

it('offers to take it over, and does what adopt does', async () => {
  const back = harness.save();
  expect((await harness.run({ command: 'adopt', flags: {} })).exit).toBe(0);
  const adopted = settled(harness.world);
  back();
  const ran = await harness.run({ command: 'install', flags: {}, asked: () => true });
  expect([ran.exit, codesOf(ran)]).toEqual([0, []]);
  expect(settled(harness.world)).toBe(adopted);
  expect((await harness.run({ command: 'install', flags: {}, asked: () => true })).writes).toEqual([]);
});

it('leaves it alone for who says no, or asks nothing, and names the command', async () => {
  const before = exact(harness.world);
  const answers: boolean[] = [];
  const declined = await harness.run({ command: 'install', flags: {}, asked: () => (answers.push(false), false) });
  expect(answers).toHaveLength(1);
  for (const ran of [declined, await harness.run({ command: 'install', flags: {} })]) {
    expect(ran.exit).toBe(3);
    expect(codesOf(ran)).toContain('RELEASE_NOT_OURS');
    expect(ran.writes).toEqual([]);
  }
  expect(exact(harness.world)).toBe(before);
});
