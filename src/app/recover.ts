/** A run that died: its journal is still open, and the next start goes on from it or takes it back. */
import { undoAll } from '../engine/undo.ts';
import type { UnfinishedJournal } from '../ports/journals.ts';
import { steps } from '../steps/index.ts';
import type { Look } from './look.ts';
import type { Run } from './outside.ts';
import { toProblem, type Ending } from './within.ts';

/** The ending when the answer was to take everything back; `undefined` to go on. */
export async function recover(run: Run, { blueprint, ctx }: Look): Promise<Ending | undefined> {
  const { settings, outside, emit } = run;
  const unfinished = await outside.journals.unfinished(blueprint.ownership.installId);
  if (!unfinished) return undefined;
  const answer = settings.onUnfinished === 'ask' ? await ask(run, unfinished) : settings.onUnfinished;
  if (answer === 'continue') {
    // What it did is still there and every step takes it as it is; the new journal must be able to take it back too.
    await unfinished.close('done');
    return undefined;
  }
  const all = steps(blueprint);
  emit({ type: 'steps.started', doing: 'recover', steps: all.map(({ id, title }) => ({ id, title })) });
  const left = await undoAll({ steps: all, ctx, journal: unfinished, emit, toProblem });
  return left.length === 0 ? { outcome: 'ok', writes: unfinished.entries.length } : { outcome: 'left', left };
}

async function ask({ outside, settled, yes }: Run, { started, entries }: UnfinishedJournal): Promise<'continue' | 'undo'> {
  // Nobody there to ask: going on is always safe, because steps take what stands as it is.
  if (yes || !outside.questions) return 'continue';
  await settled();
  const answer = await outside.questions.choose(`A run of ${started.toISOString()} never finished (${entries.length} deeds). What now?`, [
    { value: 'continue', label: 'go on from where it stopped' },
    { value: 'undo', label: 'take back what it did' },
  ]);
  return answer === 'undo' ? 'undo' : 'continue';
}
