/** `plan`: the inspections, described. */
import type { Json } from '../engine/types.ts';
import { changesIn, described } from '../engine/plan.ts';
import { prepare, resultOfPlan, type PreparedPlan } from './prepare.ts';
import type { PlanOptions, UseCase } from '../deps.ts';
import { stringify } from 'yaml';
import { redactText } from '../design/secrets.ts';
import { redactDocuments } from './redacted-documents.ts';
import { runCommand } from './run-command.ts';

export const plan: UseCase<PlanOptions> = (run, { detailedExitcode, show, reveal = false }) =>
  runCommand(run, 'plan', async () => {
    const seen = await prepare(run);
    const documents = show && (await shown(seen, show));
    const safe = documents && !reveal ? concealed(documents) : undefined;
    run.emit({
      type: 'plan.finished',
      changes: changesIn(seen.plan),
      steps: described(seen.plan),
      ...(documents && { result: { shown: safe?.documents ?? documents } }),
    });
    if (safe && safe.hidden > 0) {
      const text = `${safe.hidden === 1 ? '1 value that looks secret is' : `${safe.hidden} values that look secret are`} hidden; --reveal shows ${safe.hidden === 1 ? 'it' : 'them'}`;
      run.emit({ type: 'note.given', text });
    }
    const ending = resultOfPlan(seen);
    return detailedExitcode && ending.outcome === 'ok' ? { ...ending, outcome: 'changes-pending' } : ending;
  });

/** The documents without secret-looking values: the user's values may contain logins, and CI logs record what is shown. */
function concealed(documents: Readonly<Record<string, string>>): { readonly documents: Record<string, string>; readonly hidden: number } {
  let hidden = 0;
  const mark = () => {
    hidden += 1;
    return '(hidden)';
  };
  const safe = (name: string, text: string) => {
    if (name.endsWith('.json')) return text;
    return name.endsWith('.yaml') ? redactDocuments(text, mark) : redactText(text, mark);
  };
  const entries = Object.entries(documents).map(([name, text]) => [name, safe(name, text)] as const);
  return { documents: Object.fromEntries(entries), hidden };
}

/** Rendered documents by file name. */
async function shown({ blueprint, ctx }: PreparedPlan, show: NonNullable<PlanOptions['show']>): Promise<Record<string, string>> {
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
