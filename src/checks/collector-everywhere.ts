/** Every node that can run a collector has a running one. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';
import { coverage } from './coverage.ts';

export const collectorEverywhere: Check<Pick<CheckContext, 'kubernetes' | 'blueprint'>> = {
  id: 'collector.everywhere',
  title: 'A collector runs on every node',
  at: ['status', 'doctor'],
  async run(ctx) {
    const { without, linux } = await coverage(ctx);
    if (without.length === 0) return { is: 'pass', detail: `${linux} of ${linux} nodes` };
    return {
      is: 'fail',
      problem: problem('COLLECTOR_NOT_EVERYWHERE', {
        message: `${without.length} of ${linux} nodes have no running collector`,
        fix: `kubectl -n ${ctx.blueprint.alloy.namespace} get pods -o wide; loki-eks install repairs it`,
        evidence: without.slice(0, 10).map((name) => `node ${name}`),
      }),
    };
  },
};
