/** `orphan`: removes our marks from everything, deletes nothing, and logs keep flowing: what remains belongs to the cluster's owner. */
import { changesIn, described, plan as planOf } from '../engine/plan.ts';
import { run as act } from '../engine/run.ts';
import type { Plan } from '../engine/types.ts';
import { close } from '../engine/undo.ts';
import { installIdOf } from '../design/ownership.ts';
import { problem } from '../problems/problem.ts';
import { FORGOTTEN } from '../steps/installation-record.ts';
import type { Context } from '../context.ts';
import { orphanActions } from '../steps/orphan.ts';
import { contextFor } from './step-context.ts';
import { discover } from './discover.ts';
import { loadBlueprint } from './load-blueprint.ts';
import { resultOfFailure } from './execute-plan.ts';
import { readInstallation } from './read-installation.ts';
import { locked, lockParts, type Lock } from './lock/lock.ts';
import type { InstallOptions, RunContext, UseCase } from '../deps.ts';
import { connect, type Session } from './connect.ts';
import { recover } from './recover.ts';
import { notInstalled } from './verify/verify.ts';
import { problemOf, toProblem, runCommand, type CommandResult } from './run-command.ts';

export const orphan: UseCase<Pick<InstallOptions, 'dryRun'>> = (run, { dryRun }) =>
  runCommand(run, dryRun ? 'plan' : 'orphan', async () => {
    const session = await connect(run);
    const known = await readInstallation(run, session);
    if (!known) return (await letGoBefore(run, session)) ?? { outcome: 'refused', problems: [notInstalled(run)] };
    const here = { ...run, settings: known.settings };
    const facts = await discover(here, session);
    const blueprint = await loadBlueprint(here, facts, known.userValues);
    const ctx = await contextFor(here, session, { blueprint, facts });
    const plan = await planOf(orphanActions(blueprint), ctx, problemOf);
    const changes = changesIn(plan);
    run.emit({ type: 'plan.finished', changes, steps: described(plan) });
    run.emit({ type: 'note.given', text: 'Only the installation record is deleted; Loki, Alloy, their values and all logs stay.' });
    const blockers = plan.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem] : []));
    if (blockers.length > 0) return { outcome: 'refused', problems: blockers };
    if (dryRun) return { outcome: 'ok', writes: 0 };
    if (!(await agreed(run, blueprint.cluster.name))) return { outcome: 'refused', problems: [problem('DECLINED')] };
    const parts = await lockParts(run, { ctx, blueprint, command: 'orphan' });
    return locked(parts, (lock) => release(run, { ctx, plan }, lock));
  });

/** The record is deleted last. A run interrupted right after it has orphaned everything, and only its journal and its lock do not know. */
async function letGoBefore(run: RunContext, session: Session): Promise<CommandResult | undefined> {
  const { settings, deps, emit } = run;
  const journal = await deps.journals.unfinished(installIdOf(session.cluster.arn, settings.namespace));
  if (!journal?.entries.some(({ receipt }) => receipt.did === FORGOTTEN) || settings.onUnfinished === 'undo') return undefined;
  const facts = await discover(run, session);
  const blueprint = await loadBlueprint(run, facts);
  const ctx = await contextFor(run, session, { blueprint, facts });
  return locked(await lockParts(run, { ctx, blueprint, command: 'orphan' }), async () => {
    await close(journal, 'done', { emit, toProblem });
    return { outcome: 'nothing-to-do', writes: 0 };
  });
}

interface Seen {
  readonly ctx: Context;
  readonly plan: Plan<Context>;
}

async function release(run: RunContext, { ctx, plan }: Seen, { lost, stillHeld, chain }: Lock): Promise<CommandResult> {
  const { blueprint } = ctx;
  const taken = await recover(run, { ctx, blueprint, plan }, { stillHeld, chain });
  if (taken) return taken;
  const { settings, deps, emit, signal } = run;
  const result = await act(plan, ctx, {
    action: 'orphan',
    journal: await deps.journals.open(blueprint.ownership.installId, chain),
    emit,
    signal: AbortSignal.any([signal, lost]),
    toProblem,
    afterFailure: () => (settings.onFailure === 'keep' ? 'keep' : 'undo'),
    guard: stillHeld,
  });
  if (result.outcome !== 'done') return resultOfFailure(result);
  emit({ type: 'note.given', text: `To manage it again: loki-eks adopt --cluster ${blueprint.cluster.name}` });
  return { outcome: 'ok', writes: result.writes };
}

async function agreed({ yes, deps, settled }: RunContext, cluster: string): Promise<boolean> {
  if (yes || !deps.questions) return true;
  await settled();
  return deps.questions.confirm(`Stop managing the installation in cluster ${cluster}?`, false);
}
