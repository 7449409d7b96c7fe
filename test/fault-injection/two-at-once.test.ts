/** Two installs of one cluster that start together, in one process, so that their calls interleave at every turn. */
import { expect, it } from 'vitest';
import { settled } from './compare.ts';
import { openHarness, type Harness, type Ran } from './harness.ts';

const ROUNDS = 10;

const install = (house: Harness) => house.run({ command: 'install', flags: {} });
const codeOf = ({ events }: Ran) => {
  const last = events.at(-1);
  return last?.type === 'run.finished' ? last.problems?.[0]?.code : undefined;
};

it(`one succeeds and one is refused, ${ROUNDS} times`, async () => {
  const house = await openHarness();
  try {
    let finished: string | undefined;
    let away: string | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const both = await Promise.all([install(house), install(house)]);
      expect(both.map(({ exit }) => exit).toSorted(), JSON.stringify(both.map(({ events }) => events.at(-1)))).toEqual([0, 3]);
      const refused = both.find(({ exit }) => exit === 3) as Ran;
      expect(codeOf(refused)).toBe('RUN_LOCKED');
      expect(refused.writes.filter(({ call }) => call !== 'kube:create:leases')).toEqual([]);
      finished ??= settled(house.world);
      expect(settled(house.world)).toBe(finished);
      expect((await house.run({ command: 'uninstall', flags: {}, deleteData: true })).exit).toBe(0);
      // The cluster's OIDC provider stays: others may use it by now.
      away ??= settled(house.world);
      await expect.poll(() => settled(house.world)).toBe(away);
    }
  } finally {
    house.close();
  }
}, 180_000);
