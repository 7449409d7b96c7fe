/** `install`: inspect, ask, apply, verify. Running it again repairs and upgrades. */
import { login } from '../steps/login.ts';
import { changesIn, described } from '../engine/plan.ts';
import { stop } from '../problems/problem.ts';
import { takeOver } from './adopt.ts';
import { applyPlan } from './apply.ts';
import { prepare, resultOfPlan, type PreparedPlan } from './prepare.ts';
import type { InstallOptions, RunContext, UseCase } from '../deps.ts';
import { runCommand } from './run-command.ts';

export const install: UseCase<InstallOptions> = (run, { dryRun, rotateLogin = false }) =>
  // A dry run is a plan, and its result is written where a plan's result goes.
  runCommand(run, dryRun ? 'plan' : 'install', async () => {
    if (rotateLogin && run.settings.passwordFile) throw stop('ROTATION_AND_PASSWORD');
    const seen = onlyRotating(await prepare(run, { rotateLogin }));
    if (!dryRun && (await rather(run, seen))) return takeOver(run, { dryRun: false });
    run.emit({ type: 'plan.finished', changes: changesIn(seen.plan), steps: described(seen.plan) });
    if (dryRun) return resultOfPlan(seen);
    return applyPlan(run, seen, 'install');
  });

/** A login created in this run is new already. */
function onlyRotating(seen: PreparedPlan): PreparedPlan {
  const found = seen.plan.find(({ step }) => step.id === login.id)?.finding;
  const fresh = found?.is === 'differs' && found.changes.some(({ action }) => action === 'create');
  return fresh ? { ...seen, ctx: { ...seen.ctx, rotateLogin: false } } : seen;
}

/** If a foreign Loki exists, adopting it is what most users want; a non-interactive run is pointed to `adopt` instead. */
async function rather({ yes, deps, settled }: RunContext, { blockers }: PreparedPlan): Promise<boolean> {
  if (yes || !deps.questions || !blockers.some(({ code }) => code === 'RELEASE_NOT_OURS')) return false;
  await settled();
  return deps.questions.confirm('Loki was installed here by other means. Adopt it with its logs? You will see the changes first.', true);
}
