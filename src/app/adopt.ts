/** `adopt`: what somebody else installed becomes ours: shown, asked, marked, brought to what loki-eks would install, and every line kept. */
import { changesIn, described } from '../engine/plan.ts';
import { learn } from './adoption.ts';
import { carryOut } from './install.ts';
import { look, type Look } from './look.ts';
import type { InstallOptions, Run, UseCase } from './outside.ts';
import { within } from './within.ts';

export const adopt: UseCase<Pick<InstallOptions, 'dryRun'>> = (run, { dryRun }) =>
  within(run, dryRun ? 'plan' : 'adopt', async () => {
    const seen = await look(run, { adopt: learn });
    tell(run, seen);
    const changes = changesIn(seen.plan);
    run.emit({ type: 'plan.finished', changes, steps: described(seen.plan) });
    if (dryRun) return seen.barred.length > 0 ? { outcome: 'refused', problems: seen.barred } : { outcome: changes > 0 ? 'ok' : 'nothing-to-do', writes: 0 };
    return carryOut(run, seen, 'adopt');
  });

/** What is carried on as it is: a plan shows only what changes. */
function tell({ emit }: Run, { blueprint, ctx }: Look): void {
  const { chunks, ruler } = blueprint.buckets;
  const periods = (ctx.facts.inUse?.schema ?? []).map((period) => `${period.from} (${period.store}, ${period.schema})`);
  const say = (text: string) => emit({ type: 'note.given', text });
  say(`Stays as it is: every object in s3://${chunks.name} and s3://${ruler.name}; the schema's periods from ${periods.join(', ')}.`);
  say(`Goes on: tenant ${blueprint.tenant}, ${blueprint.retentionDays} days of retention, login of ${blueprint.login.user}.`);
  if (blueprint.oidcProvider) say(`Is used and gets no marks: ${blueprint.oidcProvider.arn}.`);
  if (ctx.givenPassword !== undefined && ctx.givenPassword.length < 16)
    say('The password of that login is short; once adopted: loki-eks install --rotate-login');
}
