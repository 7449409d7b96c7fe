/** The workloads of both releases are as helm made them: nobody has written into them since. */
import { foreignFields, inWords } from '../design/foreign-fields.ts';
import type { Check } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { problem } from '../problems/problem.ts';
import { named } from '../steps/marks.ts';
import type { CheckContext } from './context.ts';

type Needs = Pick<CheckContext, 'kubernetes' | 'blueprint'>;

const KINDS = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;

async function workloads({ kubernetes, blueprint }: Needs): Promise<readonly KubeObject[]> {
  const found = await Promise.all(
    (['loki', 'alloy'] as const).flatMap((use) =>
      KINDS.map(async (kind) => {
        const { name, namespace } = blueprint[use];
        const all = await kubernetes.list({ apiVersion: 'apps/v1', kind, namespace, labels: `app.kubernetes.io/instance=${name}` });
        return all.map((object) => ({ ...object, apiVersion: 'apps/v1', kind }));
      }),
    ),
  );
  return found.flat();
}

/** Beforehand it is only said: an upgrade takes such fields back. */
export const foreignHands = (at: 'preflight' | 'status'): Check<Needs> => ({
  id: `release.foreign-hands${at === 'status' ? '.status' : ''}`,
  title: 'The workloads are as helm made them',
  at: [at],
  async run(ctx) {
    const changed = (await workloads(ctx)).flatMap((object) => foreignFields(object).map((fields) => ({ object, fields })));
    const [first, ...others] = changed.filter(({ fields }) => fields.by === 'hand');
    const scaled = changed.filter(({ fields }) => fields.by === 'autoscaler').map(({ object }) => named(object));
    const saw = scaled.length > 0 ? `an autoscaler sets the number of pods of ${scaled.join(', ')}` : undefined;
    if (!first) return { is: 'pass', ...(saw && { saw }) };
    const found = problem('RELEASE_CHANGED', {
      message: `${named(first.object)} was changed behind helm's back by ${inWords(first.fields)}`,
      evidence: [...others.map(({ object, fields }) => `${named(object)}: ${inWords(fields)}`), ...(saw ? [saw] : [])],
    });
    return { is: at === 'status' ? 'fail' : 'warn', problem: found };
  },
});
