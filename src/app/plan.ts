/** `plan`: the inspections, described. */
import type { Json } from '../engine/types.ts';
import { changesIn, described } from '../engine/plan.ts';
import type { Look } from './look.ts';
import { look } from './look.ts';
import type { PlanOptions, UseCase } from './outside.ts';
import { stringify } from 'yaml';
import { within } from './within.ts';

export const plan: UseCase<PlanOptions> = (run, { detailedExitcode, show }) =>
  within(run, 'plan', async () => {
    const seen = await look(run);
    const changes = changesIn(seen.plan);
    run.emit({ type: 'plan.finished', changes, steps: described(seen.plan), ...(show && { result: { shown: await shown(seen, show) } }) });
    if (seen.barred.length > 0) return { outcome: 'refused', problems: seen.barred };
    if (changes === 0) return { outcome: 'nothing-to-do', writes: 0 };
    return { outcome: detailedExitcode ? 'changes-pending' : 'ok', writes: 0 };
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
