/**
 * What a fix may trust of the cluster's data: recorded values and manifests are untrusted input, because anyone who may write a Secret in
 * Loki's namespace may have written them. They may tune what our charts create there, and nothing beyond.
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

/** Why these recorded values are not used; `undefined` if they may be. `plan`: of the release, without them. */
export async function valuesBarred(ctx: Rendering, plan: Blueprint[Use], recorded: readonly ValuesFile[]): Promise<Problem | undefined> {
  const values = recorded.reduce<Values>((below, file) => mergeValues(below, file.values), {});
  if (Object.keys(values).length === 0) return undefined;
  const fix = `Give your own: LOKI_EKS_${plan.name.toUpperCase()}_VALUES=FILE loki-eks doctor --fix`;
  // Helm renders templates with the permissions of the user who runs it.
  if (JSON.stringify(values).includes('{{')) {
    return problem('RECORDED_VALUES_UNUSED', { message: `The recorded values of release ${plan.namespace}/${plan.name} contain templates`, fix });
  }
  const [without, withThem] = await Promise.all([plan.values, mergeValues(plan.values, values)].map((all) => render(ctx, plan, all)));
  const beyond = apartBeyond(without ?? '', withThem ?? '', plan.namespace);
  if (beyond.length === 0) return undefined;
  const message = `The recorded values of release ${plan.namespace}/${plan.name} change what is outside of its namespace: ${inWords(beyond)}`;
  return problem('RECORDED_VALUES_UNUSED', { message, fix });
}

/** Why a release is not restored to the manifest in its Secret; `undefined` if it may be. */
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
