/** Apply: steps run as soon as the steps they need are done; a failure rolls back this run's changes, newest first. */
import { neededBy } from './needs.ts';
import { close, undoAll } from './undo.ts';
import type { Inspection, ApplyContext, Journal, Leftover, Outcome, Plan, Problem, UndoRecord, Sink, Step } from './types.ts';

export interface RunOptions {
  /** The kind of run that events report; `install` by default. */
  readonly action?: 'install' | 'fix' | 'adopt' | 'orphan';
  readonly journal: Journal;
  readonly emit: Sink;
  readonly signal: AbortSignal;
  readonly toProblem: (error: unknown) => Problem;
  /** What to do after this failure: `undo` rolls back the run's changes, `keep` leaves them for a later run to resume. */
  readonly afterFailure: (problem: Problem) => 'undo' | 'keep';
  /** Called before each change; throws when this run may not change anything any more. */
  readonly guard?: () => Promise<void>;
}

export interface RunResult {
  readonly outcome: Outcome;
  /** Number of changes recorded: zero means that nothing was written anywhere. */
  readonly writes: number;
  readonly problems: readonly Problem[];
  readonly left: readonly Leftover[];
}

interface Progress {
  writes: number;
  readonly changed: Set<string>;
  readonly problems: Problem[];
}

export async function run<Ctx>(plan: Plan<Ctx>, ctx: Ctx, options: RunOptions): Promise<RunResult> {
  const { emit, journal } = options;
  emit({ type: 'steps.started', action: options.action ?? 'install', steps: plan.map(({ step }) => ({ id: step.id, title: step.title })) });
  const progress: Progress = { writes: 0, changed: new Set(), problems: [] };
  await runGraph(plan, ctx, options, progress);
  const failure = progress.problems[0];
  if (!failure) {
    await close(journal, 'done', options);
    return { outcome: 'done', writes: progress.writes, problems: [], left: [] };
  }
  if (options.afterFailure(failure) === 'keep') {
    return { outcome: 'left', writes: progress.writes, problems: progress.problems, left: [] };
  }
  const left = await undoAll({
    steps: plan.map(({ step }) => step),
    ctx,
    journal,
    emit,
    toProblem: options.toProblem,
    ...(options.guard && { guard: options.guard }),
  });
  return { outcome: left.length === 0 ? 'undone' : 'left', writes: progress.writes, problems: progress.problems, left };
}

/** The first failure aborts the rest; everything in flight is awaited, so that undo never races a change. */
async function runGraph<Ctx>(plan: Plan<Ctx>, ctx: Ctx, options: RunOptions, progress: Progress): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const done = new Map<string, Promise<void>>();
  const steps = plan.map(({ step }) => step);
  plan.forEach(({ step, finding }, index) => {
    const needs = neededBy(steps, index);
    const work = Promise.all(needs.map((id) => done.get(id))).then(async () => {
      signal.throwIfAborted();
      const stale = needs.some((id) => progress.changed.has(id));
      await converge(step, stale ? undefined : finding, ctx, { ...options, signal }, progress);
    });
    done.set(
      step.id,
      work.catch((error: unknown) => {
        if (!stop.signal.aborted) {
          const problem = options.toProblem(options.signal.aborted ? options.signal.reason : error);
          progress.problems.push(problem);
          options.emit({ type: 'step.failed', step: step.id, problem });
          stop.abort(new Error('another step failed'));
        }
        throw error;
      }),
    );
  });
  await Promise.allSettled(done.values());
}

async function converge<Ctx>(step: Step<Ctx>, seen: Inspection | undefined, ctx: Ctx, options: RunOptions, progress: Progress): Promise<void> {
  const { emit, journal, signal, guard } = options;
  const finding = seen ?? (await step.inspect(ctx));
  if (finding.is === 'blocked') throw new BlockedStep(finding.problem);
  if (finding.is === 'matches') {
    emit({ type: 'step.unchanged', step: step.id, ...(finding.note && { note: finding.note }) });
    return;
  }
  emit({ type: 'step.started', step: step.id });
  const io: ApplyContext<UndoRecord> = {
    found: finding,
    signal,
    record: async (receipt) => {
      signal.throwIfAborted();
      await guard?.();
      await journal.append({ step: step.id, receipt });
      progress.writes++;
      progress.changed.add(step.id);
    },
    say: (text) => emit({ type: 'step.said', step: step.id, text }),
  };
  await step.apply(ctx, io);
  signal.throwIfAborted();
  emit({ type: 'step.done', step: step.id });
}

/** Thrown for a step that its inspection found blocked; `toProblem` unwraps it. */
export class BlockedStep extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}
