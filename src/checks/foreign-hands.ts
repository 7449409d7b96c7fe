/** The objects of both releases are as Helm applied them: no other writer has changed them since. */
import type { Check } from '../engine/types.ts';
import { targetOf } from '../design/drift.ts';
import { problem } from '../problems/problem.ts';
import { byWhom, driftOf } from '../steps/release-drift.ts';
import { named } from '../steps/ownership.ts';
import type { CheckContext } from './context.ts';

export const foreignHands: Check<Pick<CheckContext, 'kubernetes' | 'blueprint' | 'releases'>> = {
  id: 'release.foreign-hands',
  title: 'Objects match their Helm release',
  at: ['status'],
  async run({ kubernetes, releases, blueprint }) {
    const drifts = await Promise.all(
      (['loki', 'alloy'] as const).map(async (use) => {
        const found = await releases.find(blueprint[use].name, blueprint[use].namespace);
        return found ? driftOf({ kubernetes }, found) : { drifted: [], autoscaled: [] };
      }),
    );
    const scaled = drifts.flatMap(({ autoscaled }) => autoscaled.map(named));
    const detail = scaled.length > 0 ? `autoscaled: ${scaled.join(', ')}` : undefined;
    const [first, ...others] = drifts.flatMap(({ drifted }) => drifted);
    if (!first) return { is: 'pass', ...(detail && { detail }) };
    const found = problem('RELEASE_CHANGED', {
      message: `${targetOf(first.ref)} was changed after helm applied it: ${byWhom(first)}`,
      evidence: [...others.map((one) => `${targetOf(one.ref)}: ${byWhom(one)}`), ...(detail ? [detail] : [])],
    });
    return { is: 'fail', problem: found };
  },
};
