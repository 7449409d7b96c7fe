/** `adopt`: takes over a foreign installation: shows a plan, asks, marks it, brings it to what loki-eks would install, and keeps every line. */
import { getPath } from '../design/get-path.ts';
import { oidcProvider } from '../steps/oidc-provider.ts';
import { changesIn, described } from '../engine/plan.ts';
import type { Json } from '../engine/types.ts';
import { learn } from './adoption.ts';
import { applyPlan } from './apply.ts';
import { prepare, resultOfPlan, type PreparedPlan } from './prepare.ts';
import type { InstallOptions, RunContext, UseCase } from '../deps.ts';
import { runCommand, type CommandResult } from './run-command.ts';

export const adopt: UseCase<Pick<InstallOptions, 'dryRun'>> = (run, options) =>
  runCommand(run, options.dryRun ? 'plan' : 'adopt', () => takeOver(run, options));

export async function takeOver(run: RunContext, { dryRun }: Pick<InstallOptions, 'dryRun'>): Promise<CommandResult> {
  const seen = await prepare(run, { adopt: learn });
  run.emit({ type: 'plan.finished', changes: changesIn(seen.plan), steps: described(seen.plan) });
  // Repeated after hundreds of plan lines, right where the question is asked.
  for (const text of [...staying(seen), ...going(seen)]) run.emit({ type: 'note.given', text });
  if (dryRun) return resultOfPlan(seen);
  return applyPlan(run, seen, 'adopt');
}

/** What is carried over unchanged: a plan shows only changes. */
function staying({ blueprint, ctx, plan }: PreparedPlan): readonly string[] {
  const { chunks, ruler } = blueprint.buckets;
  const periods = (ctx.facts.inUse?.schema ?? []).map((period) => `${period.from} (${period.store}, ${period.schema})`);
  const found = plan.some(({ step, finding }) => step.id === oidcProvider.id && finding.is === 'matches');
  const short = ctx.givenPassword !== undefined && ctx.givenPassword.length < 16;
  return [
    `Unchanged: every object in s3://${chunks.name} and s3://${ruler.name}; the schema periods from ${periods.join(', ')}.`,
    `Kept: tenant ${blueprint.tenant}, ${blueprint.retentionDays} days of retention, gateway user ${blueprint.login.user}.`,
    ...(blueprint.oidcProvider && found ? [`Used, but not owned: ${blueprint.oidcProvider.arn}.`] : []),
    ...(short ? ['The gateway password is short. Once adopted, rotate it: loki-eks install --rotate-login'] : []),
  ];
}

/** What stops or is reduced: easily overlooked among so many changed values. */
export function going({
  blueprint: { loki },
  runs,
}: Pick<PreparedPlan, 'runs'> & { readonly blueprint: { readonly loki: { readonly values: object } } }): readonly string[] {
  if (!runs) return [];
  const values = loki.values as Json;
  const wanted = (component: string) => Number(getPath(values, `${component.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}.replicas`) ?? 0);
  const parts = Object.entries(runs.pods).filter(([component, now]) => now > 0 && !/cache/.test(component));
  const ended = parts.flatMap(([component]) => (wanted(component) === 0 ? [component] : []));
  const fewer = parts.flatMap(([component, now]) => (wanted(component) > 0 && wanted(component) < now ? [`${component} ${now} to ${wanted(component)}`] : []));
  return [
    ...(fewer.length > 0 ? [`Fewer pods than now: ${fewer.join(', ')}. Set the size with --size.`] : []),
    ...(ended.length > 0 ? [`No longer set: ${ended.join(', ')}. To keep it, pass --loki-values FILE.`] : []),
    ...(runs.loadBalancer
      ? [`Removed: the gateway's load balancer and its DNS name${getPath(values, 'extraObjects') === undefined ? WITHOUT_ANOTHER : ''}.`]
      : []),
  ];
}

const WITHOUT_ANOTHER = '; Loki is then unreachable from outside the cluster. To create another: --expose internal, or --expose public';
