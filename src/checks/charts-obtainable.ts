/** Both charts are on disk with the expected digests. */
import type { Check } from '../engine/types.ts';
import type { CheckContext } from './context.ts';

export const chartsObtainable: Check<Pick<CheckContext, 'facts'>> = {
  id: 'charts.obtainable',
  title: 'Charts available, digests match',
  at: ['preflight'],
  needs: ['helm.usable'],
  async run({ facts: { charts } }) {
    const [problem] = charts.problems ?? [];
    if (problem) return { is: 'fail', problem };
    return { is: 'pass', detail: [charts.loki, charts.alloy].map(({ name, version }) => `${name} ${version}`).join(', ') };
  },
};
