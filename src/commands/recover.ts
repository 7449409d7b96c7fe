/** An interrupted run: its journal is still open, and the next run resumes it or rolls it back. */
import { changesIn } from '../engine/plan.ts';
import { close, undoAll } from '../engine/undo.ts';
import type { Problem } from '../engine/types.ts';
import type { UnfinishedJournal } from '../ports/journals.ts';
import { problem } from '../problems/problem.ts';
import { everyStep } from '../steps/index.ts';
import type { Lock } from './lock/lock.ts';
import type { PreparedPlan } from './prepare.ts';
import type { RunContext } from '../deps.ts';
import { toProblem, type CommandResult } from './run-command.ts';

/**
 * Under the lock, because the journal of a live run is open as well. Returns the result if the user chose to roll back everything;
 * `undefined` to resume: what the interrupted run did is then taken as it is, and its journal stays open until a later run is done, so that
 * a resumed run that fails leaves the same choice to the next one.
 */
export async function recover(
  run: RunContext,
  { blueprint, ctx, plan }: Pick<PreparedPlan, 'blueprint' | 'ctx' | 'plan'>,
  { stillHeld, chain }: Pick<Lock, 'stillHeld' | 'chain'>,
): Promise<CommandResult | undefined> {
  const { settings, deps, emit } = run;
  const { installId } = blueprint.ownership;
  const unfinished = await deps.journals.unfinished(installId);
  if (!unfinished) return undefined;
  if (isOvertaken(unfinished, { chain })) {
    if (settings.onUnfinished === 'undo') return { outcome: 'refused', problems: [untakeable(unfinished)] };
    await closeOvertaken(unfinished, { emit });
    return undefined;
  }
  // If nothing is missing any more, rolling back is not offered: the installation may be in use by now.
  const asks = settings.onUnfinished === 'ask' && changesIn(plan) > 0;
  const answer = asks ? await ask(run, unfinished) : settings.onUnfinished === 'undo' ? 'undo' : 'continue';
  if (answer === 'continue') {
    if (changesIn(plan) === 0) await close(unfinished, 'done', { emit, toProblem });
    return undefined;
  }
  const all = everyStep();
  emit({ type: 'steps.started', action: 'recover', steps: all.map(({ id, title }) => ({ id, title })) });
  let writes = 0;
  // A run that resumed an interrupted one may have been interrupted as well: all of them are rolled back.
  const seen = new Set<string>();
  for (let journal: UnfinishedJournal | undefined = unfinished; journal; journal = await deps.journals.unfinished(installId)) {
    // A journal that could not be closed turns up again; its changes were rolled back, or belong to another run already.
    if (seen.has(journal.id) || isOvertaken(journal, { chain })) break;
    seen.add(journal.id);
    const left = await undoAll({ steps: all, ctx, journal, emit, toProblem, guard: stillHeld });
    if (left.length > 0) return { outcome: 'left', left, problems: left.map(({ problem }) => problem) };
    writes += journal.entries.length;
  }
  return { outcome: 'ok', writes, tookBack: true };
}

/** Another run has held the lock since and has changed something, so the interrupted run's changes belong to that run now. */
export const isOvertaken = (journal: Pick<UnfinishedJournal, 'chain'>, { chain }: Pick<Lock, 'chain'>): boolean => journal.chain !== chain;

/** What exists can no longer be rolled back by a journal; resuming takes it as it is. */
export async function closeOvertaken(journal: UnfinishedJournal, { emit }: Pick<RunContext, 'emit'>): Promise<void> {
  emit({
    type: 'note.given',
    text: `The run of ${when(journal)} was interrupted, and another run has changed the installation since, so it can't be rolled back; this run continues from the current state.`,
  });
  await close(journal, 'done', { emit, toProblem });
}

function untakeable(journal: UnfinishedJournal): Problem {
  const message = `The run of ${when(journal)} can no longer be rolled back: another run has changed the installation since`;
  return problem('RUN_SUPERSEDED', { message, evidence: [`its journal: ${journal.id}, ${deedsIn(journal)}`] });
}

const when = ({ started }: UnfinishedJournal): string => `${started.toISOString().slice(0, 19)}Z`;
const deedsIn = ({ entries }: UnfinishedJournal): string => `${entries.length} ${entries.length === 1 ? 'change' : 'changes'}`;

async function ask({ deps, settled, yes }: RunContext, journal: UnfinishedJournal): Promise<'continue' | 'undo'> {
  // Non-interactive: resuming is always safe, because steps take what exists as it is.
  if (yes || !deps.questions) return 'continue';
  await settled();
  const answer = await deps.questions.choose(`An earlier run (${when(journal)}) was interrupted after ${deedsIn(journal)}. Resume it or roll it back?`, [
    { value: 'continue', label: 'resume it' },
    { value: 'undo', label: 'roll it back' },
  ]);
  return answer === 'undo' ? 'undo' : 'continue';
}
