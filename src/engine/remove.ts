/** Uninstall: `remove` of every step in reverse order, continuing past failures, except for what a failed step depends on. */
import { stillNeeded } from './needs.ts';
import type { Leftover, Outcome, Problem, Sink, Step } from './types.ts';

export interface RemoveOptions<Ctx> {
  readonly ctx: Ctx;
  readonly emit: Sink;
  readonly signal: AbortSignal;
  readonly toProblem: (error: unknown) => Problem;
  /** Called before each change; throws when this run may not change anything any more. */
  readonly guard?: () => Promise<void>;
  /** Why a step that holds data is skipped, or `undefined` when the user has named that data for deletion. */
  readonly keep: (step: Step<Ctx>) => Promise<{ readonly target: string; readonly why: string; readonly how: string } | undefined>;
}

export interface RemoveResult {
  readonly outcome: Extract<Outcome, 'done' | 'left'>;
  readonly removed: number;
  readonly left: readonly Leftover[];
  /** What steps kept on purpose, with the way to remove it where there is one. */
  readonly kept: readonly { readonly target: string; readonly how: string; readonly logs?: true }[];
}

/** After a failure the other steps still run, except those that hold data: writers may still be running. */
export async function removeAll<Ctx>(steps: readonly Step<Ctx>[], options: RemoveOptions<Ctx>): Promise<RemoveResult> {
  const { ctx, emit, signal, toProblem, keep, guard } = options;
  const lastFirst = steps.toReversed();
  emit({ type: 'steps.started', action: 'uninstall', steps: lastFirst.map(({ id, title }) => ({ id, title })) });
  const left: Leftover[] = [];
  const standing: { readonly target: string; readonly how: string; readonly logs?: true }[] = [];
  const failed = new Set<string>();
  let removed = 0;
  for (const step of lastFirst) {
    try {
      signal.throwIfAborted();
      await guard?.();
      const kept = step.holds === 'data' ? await keep(step) : undefined;
      if (kept) {
        emit({ type: 'step.kept', step: step.id, ...kept });
        continue;
      }
      const by = stillNeeded(steps, failed).get(step.id);
      if (by !== undefined && step.holds !== 'data') {
        const why = `${steps.find(({ id }) => id === by)?.title ?? by} still needs it`;
        emit({ type: 'step.kept', step: step.id, target: step.title, why });
        continue;
      }
      if (step.holds === 'data' && left.length > 0) throw new AfterFailure(left[0]?.problem);
      emit({ type: 'step.started', step: step.id });
      const removal = await step.remove(ctx, { signal, say: (text) => emit({ type: 'step.said', step: step.id, text }) });
      if (removal.is === 'kept') {
        if (removal.changed) removed++;
        if (removal.how) standing.push({ target: removal.target, how: removal.how, ...(removal.logs && { logs: true }) });
        emit({ type: 'step.kept', step: step.id, ...detailsOf(removal) });
      } else if (removal.is === 'absent') emit({ type: 'step.unchanged', step: step.id, note: 'does not exist' });
      else {
        removed++;
        emit({ type: 'step.done', step: step.id });
      }
    } catch (error) {
      const problem = error instanceof AfterFailure && error.problem ? error.problem : toProblem(error);
      left.push({ step: step.id, receipt: { did: 'remove' }, problem });
      failed.add(step.id);
      emit({ type: 'step.failed', step: step.id, problem });
      if (signal.aborted) break;
    }
  }
  return { outcome: left.length === 0 ? 'done' : 'left', removed, left, kept: standing };
}

const detailsOf = ({ target, why, how }: { target: string; why: string; how?: string }) => ({ target, why, ...(how && { how }) });

/** Data is not deleted while anything that may still write to it exists. */
class AfterFailure extends Error {
  readonly problem: Problem | undefined;
  constructor(problem: Problem | undefined) {
    super('an earlier removal failed');
    this.problem = problem;
  }
}
