/** Rollback: reads a journal newest first. Continues past failures, except for what a failed step depends on; returns what is left behind. */
import { stillNeeded, StillNeeded } from './needs.ts';
import type { Journal, Leftover, Outcome, Problem, Sink, Step } from './types.ts';

export interface UndoOptions<Ctx> {
  readonly steps: readonly Step<Ctx>[];
  readonly ctx: Ctx;
  readonly journal: Journal;
  readonly emit: Sink;
  readonly toProblem: (error: unknown) => Problem;
  /** Called before each change; throws when this run may not change anything any more. */
  readonly guard?: () => Promise<void>;
}

export async function undoAll<Ctx>({ steps, ctx, journal, emit, toProblem, guard }: UndoOptions<Ctx>): Promise<readonly Leftover[]> {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const left: Leftover[] = [];
  const failed = new Set<string>();
  // An aborted run must still be able to roll back its changes, so undo has its own signal.
  const { signal } = new AbortController();
  for (const { step: id, receipt } of await journal.newestFirst()) {
    emit({ type: 'undo.started', step: id, did: receipt.did });
    try {
      await guard?.();
      const step = byId.get(id);
      if (!step) throw new UnknownStep(id);
      const by = stillNeeded(steps, failed).get(id);
      if (by !== undefined) throw new StillNeeded(byId.get(by)?.title ?? by);
      const undone = await step.undo(ctx, receipt, { signal, say: (text) => emit({ type: 'step.said', step: id, text }) });
      emit({ type: 'undo.done', step: id, did: receipt.did });
      if (undone?.is === 'kept') {
        const { target, why, how } = undone;
        emit({ type: 'step.kept', step: id, target, why, ...(how && { how }) });
        if (how) emit({ type: 'note.given', text: `${target}: ${why}. To change that: ${how}` });
      }
    } catch (error) {
      const problem = toProblem(error);
      left.push({ step: id, receipt, problem });
      if (!(error instanceof StillNeeded)) failed.add(id);
      emit({ type: 'undo.failed', step: id, did: receipt.did, problem });
    }
  }
  if (left.length === 0) await close(journal, 'undone', { emit, toProblem });
  return left;
}

/** The change stays even if the disk can't take the last line: the next run then finds a journal that looks unfinished. */
export async function close(journal: Journal, outcome: Outcome, { emit, toProblem }: Pick<UndoOptions<never>, 'emit' | 'toProblem'>): Promise<void> {
  try {
    await journal.close(outcome);
  } catch (error) {
    emit({ type: 'warning.raised', problem: toProblem(error) });
  }
}

/** An undo record of a step that this version does not have; `toProblem` reports it. */
export class UnknownStep extends Error {
  readonly step: string;
  constructor(step: string) {
    super(`no step "${step}" in this version`);
    this.step = step;
  }
}
