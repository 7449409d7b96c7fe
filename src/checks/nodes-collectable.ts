/** Where the collector can run, and where it cannot. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';
import { nodeMaker } from './nodes-on-demand.ts';

export const nodesCollectable: Check<Pick<CheckContext, 'kubernetes' | 'facts'>> = {
  id: 'nodes.collectable',
  title: 'Collectors can run on all nodes with logs',
  at: ['preflight'],
  async run({ kubernetes, facts }) {
    const { nodes } = facts;
    const fargate = nodes.filter(({ kind }) => kind === 'fargate').length;
    const windows = nodes.filter(({ os }) => os === 'windows').length;
    const linux = nodes.length - fargate - windows;
    if (linux === 0) {
      const maker = await nodeMaker({ kubernetes, facts });
      if (maker) return { is: 'pass', detail: `no Linux nodes yet; ${maker} creates them` };
      return { is: 'fail', problem: problem('NO_COLLECTOR_NODES', { evidence: [`${fargate} Fargate, ${windows} Windows, 0 Linux nodes`] }) };
    }
    if (fargate + windows === 0) return { is: 'pass', detail: `${linux} nodes` };
    const out = [fargate > 0 && `${fargate} Fargate`, windows > 0 && `${windows} Windows`].filter(Boolean).join(' and ');
    return {
      is: 'warn',
      problem: problem('NODES_WITHOUT_LOGS', {
        message: `Logs of ${out} ${fargate + windows === 1 ? 'node' : 'nodes'} are not collected, those of ${linux} Linux ${linux === 1 ? 'node' : 'nodes'} are`,
      }),
    };
  },
};
