/** Two installs of one cluster that start together, in one process, so that their calls interleave at every turn. */
import { expect, it } from 'vitest';
import { settled } from './compare.ts';
import { openHarness, type Harness, type Ran } from './harness.ts';

const ROUNDS = 10;

const install = (harness: Harness) => harness.run({ command: 'install', flags: {} });
const codeOf = ({ events }: Ran) => {
  const last = events.at(-1);
  return last?.type === 'run.finished' ? last.problems?.[0]?.code : undefined;
};

it(`one succeeds and one is refused, ${ROUNDS} times`, async () => {
  const harness = await openHarness();
  try {
    let finished: string | undefined;
    let away: string | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const both = await Promise.all([install(harness), install(harness)]);
      expect(both.map(({ exit }) => exit).toSorted(), JSON.stringify(both.map(({ events }) => events.at(-1)))).toEqual([0, 3]);
      const refused = both.find(({ exit }) => exit === 3) as Ran;
      expect(codeOf(refused)).toBe('RUN_LOCKED');
      expect(refused.writes.filter(({ call }) => call !== 'kube:create:leases')).toEqual([]);
      finished ??= settled(harness.world);
      expect(settled(harness.world)).toBe(finished);
      expect((await harness.run({ command: 'uninstall', flags: {}, deleteData: true })).exit).toBe(0);
      // The cluster's OIDC provider stays: others may use it by now.
      away ??= settled(harness.world);
      await expect.poll(() => settled(harness.world)).toBe(away);
    }
  } finally {
    harness.close();
  }
}, 180_000);
