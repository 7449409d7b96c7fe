/** `adopt`: what somebody else installed becomes ours: shown, asked, marked, brought to what loki-eks would install, and every line kept. */
import { getPath } from '../design/get-path.ts';
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
  // Behind hundreds of lines of a plan, where the question comes.
  for (const text of [...staying(seen), ...going(seen)]) run.emit({ type: 'note.given', text });
  if (dryRun) return resultOfPlan(seen);
  return applyPlan(run, seen, 'adopt');
}

/** What is carried on as it is: a plan shows only what changes. */
function staying({ blueprint, ctx, plan }: PreparedPlan): readonly string[] {
  const { chunks, ruler } = blueprint.buckets;
  const periods = (ctx.facts.inUse?.schema ?? []).map((period) => `${period.from} (${period.store}, ${period.schema})`);
  const found = plan.some(({ step, finding }) => step.id === 'oidc-provider' && finding.is === 'matches');
  const short = ctx.givenPassword !== undefined && ctx.givenPassword.length < 16;
  return [
    `Stays as it is: every object in s3://${chunks.name} and s3://${ruler.name}; the schema's periods from ${periods.join(', ')}.`,
    `Goes on: tenant ${blueprint.tenant}, ${blueprint.retentionDays} days of retention, login of ${blueprint.login.user}.`,
    ...(blueprint.oidcProvider && found ? [`Is used and gets no marks: ${blueprint.oidcProvider.arn}.`] : []),
    ...(short ? ['The password of that login is short; once adopted: loki-eks install --rotate-login'] : []),
  ];
}

/** What ends or gets less: among so many changed values nobody would see it. */
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
    ...(fewer.length > 0 ? [`Fewer pods than now: ${fewer.join(', ')}; --size says how many there are.`] : []),
    ...(ended.length > 0 ? [`Ends: ${ended.join(', ')}; --loki-values FILE takes what keeps it.`] : []),
    ...(runs.loadBalancer
      ? [`Ends: the gateway's load balancer, and its name for good${getPath(values, 'extraObjects') === undefined ? WITHOUT_ANOTHER : ''}.`]
      : []),
  ];
}

const WITHOUT_ANOTHER = '; nothing outside the cluster reaches Loki then. For another one: --expose internal, or --expose public';
