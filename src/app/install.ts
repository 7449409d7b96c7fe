/** `install`: look, ask, act, prove. Run again it repairs and upgrades. */
import { run as act, type RunResult } from '../engine/run.ts';
import { changesIn, described } from '../engine/plan.ts';
import type { Problem } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import { look, type Look } from './look.ts';
import type { InstallOptions, Run, UseCase } from './outside.ts';
import { recover } from './recover.ts';
import { prove, type Proof } from './verify.ts';
import { within, toProblem, type Ending } from './within.ts';

export const install: UseCase<InstallOptions> = (run, { dryRun }) =>
  // A dry run is a plan, and its result belongs where a plan's does.
  within(run, dryRun ? 'plan' : 'install', async () => {
    const seen = await look(run);
    const changes = changesIn(seen.plan);
    run.emit({ type: 'plan.finished', changes, steps: described(seen.plan) });
    // Taking back must be possible also where going on is barred.
    const recovery = dryRun ? undefined : await recover(run, seen);
    if (recovery) return recovery;
    if (seen.barred.length > 0) return { outcome: 'refused', problems: seen.barred };
    if (dryRun) return { outcome: changes > 0 ? 'ok' : 'nothing-to-do', writes: 0 };
    if (changes === 0) {
      run.emit({ type: 'note.given', text: 'Nothing was written. To prove the log path again: loki-eks verify' });
      return { outcome: 'nothing-to-do', writes: 0 };
    }
    if (!(await agreed(run, changes))) return { outcome: 'refused', problems: [problem('DECLINED')] };
    return apply(run, seen);
  });

/** The only question after the plan; nothing is drawn while it is asked. */
async function agreed({ yes, outside, settled }: Run, changes: number): Promise<boolean> {
  if (yes || !outside.questions) return true;
  await settled();
  return outside.questions.confirm(`Make ${changes === 1 ? 'this change' : `these ${changes} changes`}?`, true);
}

async function apply(run: Run, { plan, ctx, blueprint }: Look): Promise<Ending> {
  const { settings, outside, emit, signal } = run;
  const journal = await outside.journals.open(blueprint.ownership.installId);
  const result = await act(plan, ctx, { journal, emit, signal, toProblem, afterFailure: afterFailure(settings.onFailure) });
  if (result.outcome !== 'done') return failed(result);
  const ending: Ending = { outcome: 'ok', writes: result.writes };
  if (!settings.verify) return ending;
  let proof: Proof;
  try {
    proof = await prove(run, ctx);
  } catch (error) {
    if (!signal.aborted) throw error;
    // Nothing is taken back any more, so this is no interruption that left the world as it was.
    const message = 'The proof was interrupted; everything is installed';
    return { ...ending, outcome: 'unhealthy', problems: [problem('INTERRUPTED', { message, fix: 'loki-eks verify' })] };
  }
  const { namespace, name } = blueprint.login.clients[0] ?? { namespace: '', name: '' };
  emit({ type: 'note.given', text: `Grafana data source: ${blueprint.gateway.url}, user ${blueprint.login.user}, header X-Scope-OrgID: ${blueprint.tenant}` });
  emit({ type: 'note.given', text: `Password: kubectl -n ${namespace} get secret ${name} -o jsonpath='{.data.password}' | base64 -d` });
  // Everything stands and stays; what does not work yet is the reader's to see, not a reason to take it all away.
  return proof.found ? ending : { ...ending, outcome: 'unhealthy', problems: proof.problems };
}

/** With credentials that have ended, taking back would fail as well: everything stays for the next run to go on from. */
const afterFailure =
  (onFailure: Run['settings']['onFailure']) =>
  ({ code }: Problem): 'undo' | 'keep' =>
    onFailure === 'keep' || code === 'AWS_CREDENTIALS_EXPIRED' ? 'keep' : 'undo';

export function failed({ outcome, writes, problems, left }: RunResult): Ending {
  const interrupted = problems[0]?.code === 'INTERRUPTED';
  if (outcome === 'undone' && writes === 0) return { outcome: interrupted ? 'interrupted' : 'refused', problems, writes };
  if (outcome === 'undone') return { outcome: interrupted ? 'interrupted' : 'undone', problems, writes };
  return { outcome: 'left', problems, left, writes };
}
