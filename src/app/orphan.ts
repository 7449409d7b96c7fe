/** `orphan`: our marks come off everything, nothing is deleted, and logs go on: what is left belongs to whoever runs the cluster. */
import { changesIn, described, plan as planOf } from '../engine/plan.ts';
import { run as act } from '../engine/run.ts';
import type { Plan } from '../engine/types.ts';
import { close } from '../engine/undo.ts';
import { installIdOf } from '../design/ownership.ts';
import { problem } from '../problems/problem.ts';
import { FORGOTTEN } from '../steps/record.ts';
import type { Context } from '../steps/context.ts';
import { lettingGo } from '../steps/letting-go.ts';
import { contextFor } from './context.ts';
import { discover } from './discover.ts';
import { draft } from './draft.ts';
import { failed } from './deeds.ts';
import { installed } from './installed.ts';
import { locked, lockParts, type Lock } from './lock.ts';
import type { InstallOptions, Run, UseCase } from './outside.ts';
import { reach, type Reached } from './reach.ts';
import { recover } from './recover.ts';
import { notInstalled } from './verify/verify.ts';
import { problemOf, toProblem, within, type Ending } from './within.ts';

export const orphan: UseCase<Pick<InstallOptions, 'dryRun'>> = (run, { dryRun }) =>
  within(run, dryRun ? 'plan' : 'orphan', async () => {
    const reached = await reach(run);
    const known = await installed(run, reached);
    if (!known) return (await letGoBefore(run, reached)) ?? { outcome: 'refused', problems: [notInstalled(run)] };
    const here = { ...run, settings: known.settings };
    const facts = await discover(here, reached);
    const blueprint = await draft(here, facts, known.userValues);
    const ctx = await contextFor(here, reached, { blueprint, facts });
    const plan = await planOf(lettingGo(blueprint), ctx, problemOf);
    const changes = changesIn(plan);
    run.emit({ type: 'plan.finished', changes, steps: described(plan) });
    run.emit({ type: 'note.given', text: 'Nothing is deleted but what loki-eks remembers; Loki, Alloy, their values and every line stay.' });
    const barred = plan.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem] : []));
    if (barred.length > 0) return { outcome: 'refused', problems: barred };
    if (dryRun) return { outcome: 'ok', writes: 0 };
    if (!(await agreed(run, blueprint.cluster.name))) return { outcome: 'refused', problems: [problem('DECLINED')] };
    const parts = await lockParts(run, { ctx, blueprint, command: 'orphan' });
    return locked(parts, (lock) => letGo(run, { ctx, plan }, lock));
  });

/** The record goes last. A run that died right after has let go of everything, and only its journal, and its lock, do not know. */
async function letGoBefore(run: Run, reached: Reached): Promise<Ending | undefined> {
  const { settings, outside, emit } = run;
  const journal = await outside.journals.unfinished(installIdOf(reached.cluster.arn, settings.namespace));
  if (!journal?.entries.some(({ receipt }) => receipt.did === FORGOTTEN) || settings.onUnfinished === 'undo') return undefined;
  const facts = await discover(run, reached);
  const blueprint = await draft(run, facts);
  const ctx = await contextFor(run, reached, { blueprint, facts });
  return locked(await lockParts(run, { ctx, blueprint, command: 'orphan' }), async () => {
    await close(journal, 'done', { emit, toProblem });
    return { outcome: 'nothing-to-do', writes: 0 };
  });
}

interface Seen {
  readonly ctx: Context;
  readonly plan: Plan<Context>;
}

async function letGo(run: Run, { ctx, plan }: Seen, { lost, stillHeld, chain }: Lock): Promise<Ending> {
  const { blueprint } = ctx;
  const taken = await recover(run, { ctx, blueprint, plan }, { stillHeld, chain });
  if (taken) return taken;
  const { settings, outside, emit, signal } = run;
  const result = await act(plan, ctx, {
    doing: 'orphan',
    journal: await outside.journals.open(blueprint.ownership.installId, chain),
    emit,
    signal: AbortSignal.any([signal, lost]),
    toProblem,
    afterFailure: () => (settings.onFailure === 'keep' ? 'keep' : 'undo'),
    guard: stillHeld,
  });
  if (result.outcome !== 'done') return failed(result);
  emit({ type: 'note.given', text: `To take it back: loki-eks adopt --cluster ${blueprint.cluster.name}` });
  return { outcome: 'ok', writes: result.writes };
}

async function agreed({ yes, outside, settled }: Run, cluster: string): Promise<boolean> {
  if (yes || !outside.questions) return true;
  await settled();
  return outside.questions.confirm(`Let go of the installation in cluster ${cluster}?`, false);
}
