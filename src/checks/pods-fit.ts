/** Every pod of both releases can be scheduled, judged by what the charts really render. */
import { parse } from 'yaml';
import { podShapes, unplaced } from '../design/placement.ts';
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';
import { nodeMaker } from './nodes-on-demand.ts';

/** Parsing the whole rendering takes longer than producing it, and only these kinds have pods to place. */
const replicated = (manifests: string): readonly unknown[] =>
  manifests
    .split(/^---.*$/m)
    .filter((text) => /^kind: *["']?(?:Deployment|StatefulSet)["']?\s*$/m.test(text))
    .map((text) => parse(text) as unknown);

export const podsFit: Check<Pick<CheckContext, 'releases' | 'kubernetes' | 'blueprint' | 'facts'>> = {
  id: 'nodes.pods-fit',
  title: 'All pods can be scheduled',
  at: ['preflight'],
  needs: ['charts.obtainable'],
  async run({ releases, kubernetes, blueprint: { loki, alloy }, facts }) {
    if (await releases.find(loki.name, loki.namespace)) return { is: 'skip', why: 'already scheduled' };
    const kubeVersion = facts.kubeVersion;
    const rendered = await Promise.all([loki, alloy].map((release) => releases.render({ ...release, kubeVersion })));
    const shapes = podShapes(rendered.flatMap(replicated));
    const left = unplaced(shapes, facts.nodes);
    if (left.length === 0) return { is: 'pass', detail: `${shapes.reduce((sum, { count }) => sum + count, 0)} pods` };
    const maker = await nodeMaker({ kubernetes, facts });
    if (maker) return { is: 'pass', detail: `${left.length} of them on nodes that ${maker} will create` };
    return {
      is: 'fail',
      problem: problem('PODS_DO_NOT_FIT', {
        message: `${left.length} pods would stay Pending: ${left
          .slice(0, 3)
          .map(({ pod }) => pod)
          .join(', ')}${left.length > 3 ? ', …' : ''}`,
        evidence: left.slice(0, 8).map(({ pod, why }) => `${pod}: ${why}`),
      }),
    };
  },
};
