/** The workloads of both releases are as helm made them: nobody has written into them since. */
import { objectsIn } from '../design/drift.ts';
import { foreignFields, inWords } from '../design/foreign-fields.ts';
import type { Check } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { problem } from '../problems/problem.ts';
import { named } from '../steps/ownership.ts';
import type { CheckContext } from './context.ts';

type Needs = Pick<CheckContext, 'kubernetes' | 'blueprint' | 'releases'>;

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

/** As the manifests of both releases say. */
async function asMade({ releases, blueprint }: Needs): Promise<readonly KubeObject[]> {
  const found = await Promise.all((['loki', 'alloy'] as const).map((use) => releases.find(blueprint[use].name, blueprint[use].namespace)));
  return found.flatMap((release) => objectsIn(release?.manifest ?? ''));
}

const sameAs = (of: KubeObject) => (other: KubeObject) => other.kind === of.kind && other.metadata.name === of.metadata.name;

/** Beforehand it is only said: an upgrade takes such fields back. */
export const foreignHands = (at: 'preflight' | 'status'): Check<Needs> => ({
  id: `release.foreign-hands${at === 'status' ? '.status' : ''}`,
  title: 'Workloads match their Helm release',
  at: [at],
  async run(ctx) {
    const touched = (await workloads(ctx)).filter((object) => foreignFields(object).length > 0);
    const made = touched.length === 0 ? [] : await asMade(ctx);
    const changed = touched.flatMap((object) => foreignFields(object, made.find(sameAs(object))).map((fields) => ({ object, fields })));
    const [first, ...others] = changed.filter(({ fields }) => fields.by === 'hand');
    const scaled = changed.filter(({ fields }) => fields.by === 'autoscaler').map(({ object }) => named(object));
    const detail = scaled.length > 0 ? `an autoscaler manages the replicas of ${scaled.join(', ')}` : undefined;
    if (!first) return { is: 'pass', ...(detail && { detail }) };
    const found = problem('RELEASE_CHANGED', {
      message: `${named(first.object)} was changed behind helm's back by ${inWords(first.fields)}`,
      evidence: [...others.map(({ object, fields }) => `${named(object)}: ${inWords(fields)}`), ...(detail ? [detail] : [])],
    });
    return { is: at === 'status' ? 'fail' : 'warn', problem: found };
  },
});
