/** `plan`: the inspections, described. */
import type { Json } from '../engine/types.ts';
import { changesIn, described } from '../engine/plan.ts';
import { look, endingOfLook, type Look } from './look.ts';
import type { PlanOptions, UseCase } from './outside.ts';
import { stringify } from 'yaml';
import { within } from './within.ts';

export const plan: UseCase<PlanOptions> = (run, { detailedExitcode, show }) =>
  within(run, 'plan', async () => {
    const seen = await look(run);
    run.emit({
      type: 'plan.finished',
      changes: changesIn(seen.plan),
      steps: described(seen.plan),
      ...(show && { result: { shown: await shown(seen, show) } }),
    });
    const ending = endingOfLook(seen);
    return detailedExitcode && ending.outcome === 'ok' ? { ...ending, outcome: 'changes-pending' } : ending;
  });

/** Rendered documents by the name of their file. */
async function shown({ blueprint, ctx }: Look, show: NonNullable<PlanOptions['show']>): Promise<Record<string, string>> {
  switch (show) {
    case 'values':
      return { 'loki-values.yaml': stringify(blueprint.loki.values), 'alloy-values.yaml': stringify(blueprint.alloy.values) };
    case 'policies': {
      const pretty = (document: Json) => JSON.stringify(document, null, 2);
      return {
        'trust-policy.json': pretty(blueprint.role.trust),
        'role-policy.json': pretty(blueprint.role.policy),
        'bucket-policy.json': pretty(blueprint.buckets.chunks.policy),
      };
    }
    case 'grafana':
      return { 'datasource.yaml': blueprint.datasource, 'dashboard.json': blueprint.dashboard };
    case 'alloy':
      return { 'config.alloy': String((blueprint.alloy.values as { alloy?: { configMap?: { content?: string } } }).alloy?.configMap?.content ?? '') };
    case 'manifests': {
      const kubeVersion = ctx.facts.kubeVersion;
      const render = (use: 'loki' | 'alloy') => ctx.releases.render({ ...blueprint[use], kubeVersion });
      const [loki, alloy] = await Promise.all([render('loki'), render('alloy')]);
      return { 'loki.yaml': loki, 'alloy.yaml': alloy };
    }
  }
}
