/** How many AWS calls wait for one another: all that are asked before any of them is answered are one round. */
import { expect, it } from 'vitest';
import { openHarness } from '../fault-injection/harness.ts';

/** So many turns of the event loop without a further call, and the round is whole: whatever it leads to needs an answer. */
const QUIET_TURNS = 40;

function inRounds() {
  const rounds: string[][] = [];
  let asked: string[] = [];
  let answer: (() => void)[] = [];
  let quiet = 0;
  const count = () => {
    if (++quiet < QUIET_TURNS) return void setTimeout(count, 1);
    rounds.push(asked);
    const all = answer;
    [asked, answer] = [[], []];
    for (const one of all) one();
  };
  const turn = (what: string): Promise<void> => {
    quiet = 0;
    if (asked.length === 0) setTimeout(count, 1);
    asked.push(what);
    return new Promise((resolve) => void answer.push(resolve));
  };
  return { rounds, turn };
}

const setsUp = (what: string) => /^PUT \/[^/]+\/? *$|CreateRole|PutRolePolicy/.test(what);

it('four rounds set AWS up, three find that nothing is to be done, and nobody is asked twice who he is', async () => {
  const harness = await openHarness();
  try {
    const first = inRounds();
    const made = await harness.run({ command: 'install', flags: {}, turn: first.turn });
    expect(made.exit, JSON.stringify(made.events.at(-1))).toBe(0);
    const last = first.rounds.findLastIndex((round) => round.some(setsUp));
    expect(first.rounds.flat().filter(setsUp).length).toBeGreaterThanOrEqual(8);
    expect(last + 1, JSON.stringify(first.rounds, null, 1)).toBeLessThanOrEqual(4);
    expect(first.rounds.flat().filter((what) => what.includes('GetCallerIdentity'))).toHaveLength(1);

    const second = inRounds();
    const again = await harness.run({ command: 'install', flags: {}, turn: second.turn });
    expect(again.events.at(-1)).toMatchObject({ outcome: 'nothing-to-do' });
    expect(second.rounds.length, JSON.stringify(second.rounds, null, 1)).toBeLessThanOrEqual(3);
  } finally {
    harness.close();
  }
});
