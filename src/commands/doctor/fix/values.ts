/**
 * What a fix may build on of what the cluster says: values and manifests that were recorded are data, and whoever may write a Secret in
 * Loki's namespace may have written them. They may tune what our charts make there, and nothing beyond.
 */
import type { ValuesFile } from '../../../design/design.ts';
import { apartBeyond } from '../../../design/drift.ts';
import { problem } from '../../../problems/problem.ts';
import type { Blueprint } from '../../../design/blueprint.ts';
import type { Change, Problem } from '../../../engine/types.ts';
import type { Context } from '../../../context.ts';
import { mergeValues, type Values } from '../../../design/merge.ts';

type Use = 'loki' | 'alloy';
type Rendering = Pick<Context, 'releases'> & { readonly facts: { readonly kubeVersion: string } };

const render = ({ releases, facts }: Rendering, { name, namespace, chart }: Blueprint[Use], values: object) =>
  releases.render({ name, namespace, chart, values, kubeVersion: facts.kubeVersion });

/** Why these recorded values are not acted with; `undefined` when they may be. `plan`: of the release, without them. */
export async function valuesBarred(ctx: Rendering, plan: Blueprint[Use], recorded: readonly ValuesFile[]): Promise<Problem | undefined> {
  const values = recorded.reduce<Values>((below, file) => mergeValues(below, file.values), {});
  if (Object.keys(values).length === 0) return undefined;
  const fix = `Give your own: LOKI_EKS_${plan.name.toUpperCase()}_VALUES=FILE loki-eks doctor --fix`;
  // Helm fills in templates with the rights of whoever runs it.
  if (JSON.stringify(values).includes('{{')) {
    return problem('RECORDED_VALUES_UNUSED', { message: `The recorded values of release ${plan.namespace}/${plan.name} contain templates`, fix });
  }
  const [without, withThem] = await Promise.all([plan.values, mergeValues(plan.values, values)].map((all) => render(ctx, plan, all)));
  const beyond = apartBeyond(without ?? '', withThem ?? '', plan.namespace);
  if (beyond.length === 0) return undefined;
  const message = `The recorded values of release ${plan.namespace}/${plan.name} change what is outside of its namespace: ${inWords(beyond)}`;
  return problem('RECORDED_VALUES_UNUSED', { message, fix });
}

/** Why a release is not put back to the manifest that its Secret holds; `undefined` when it may be. */
export async function manifestBarred(ctx: Rendering, plan: Blueprint[Use]): Promise<Problem | undefined> {
  const { manifest = '' } = (await ctx.releases.find(plan.name, plan.namespace)) ?? {};
  const beyond = apartBeyond(await render(ctx, plan, plan.values), manifest, plan.namespace);
  if (beyond.length === 0) return undefined;
  const message = `The stored manifest of release ${plan.namespace}/${plan.name} differs from its chart outside of the namespace: ${inWords(beyond)}`;
  return problem('RELEASE_MANIFEST_UNUSED', { message });
}

const inWords = (changes: readonly Change[]): string =>
  `${changes
    .slice(0, 3)
    .map(({ target }) => target)
    .join(', ')}${changes.length > 3 ? ` and ${changes.length - 3} more` : ''}`;
