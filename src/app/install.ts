/** `install`: look, ask, act, prove. Run again it repairs and upgrades. */
import { changesIn, described } from '../engine/plan.ts';
import { stop } from '../problems/problem.ts';
import { takeOver } from './adopt.ts';
import { carryOut } from './carry-out.ts';
import { look, endingOfLook, type Look } from './look.ts';
import type { InstallOptions, Run, UseCase } from './outside.ts';
import { within } from './within.ts';

export const install: UseCase<InstallOptions> = (run, { dryRun, rotateLogin = false }) =>
  // A dry run is a plan, and its result belongs where a plan's does.
  within(run, dryRun ? 'plan' : 'install', async () => {
    if (rotateLogin && run.settings.passwordFile) throw stop('ROTATION_AND_PASSWORD');
    const seen = onlyRotating(await look(run, { rotateLogin }));
    if (!dryRun && (await rather(run, seen))) return takeOver(run, { dryRun: false });
    run.emit({ type: 'plan.finished', changes: changesIn(seen.plan), steps: described(seen.plan) });
    if (dryRun) return endingOfLook(seen);
    return carryOut(run, seen, 'install');
  });

/** A login that is made now is new already. */
function onlyRotating(seen: Look): Look {
  const login = seen.plan.find(({ step }) => step.id === 'login')?.finding;
  const fresh = login?.is === 'differs' && login.changes.some(({ action }) => action === 'create');
  return fresh ? { ...seen, ctx: { ...seen.ctx, rotateLogin: false } } : seen;
}

/** Where somebody else's Loki stands, taking it over is what most people want; whoever asks nothing is told of `adopt` instead. */
async function rather({ yes, outside, settled }: Run, { barred }: Look): Promise<boolean> {
  if (yes || !outside.questions || !barred.some(({ code }) => code === 'RELEASE_NOT_OURS')) return false;
  await settled();
  return outside.questions.confirm('Loki was installed here by other means. Take it over, with its logs? What changes is shown first.', true);
}
