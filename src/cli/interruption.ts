/** Signals: the first one rolls back, the second prints what quitting would leave behind, the third quits. Lost output counts as the first. */
import type { Problem, Sink } from '../engine/types.ts';
import { problem, stop } from '../problems/problem.ts';
import type { OutputLost, Platform } from './platform.ts';
import type { RunTracker } from './run-tracker.ts';

export interface Interruption {
  readonly signal: AbortSignal;
  readonly happened: () => boolean;
  /** No one can read the run's output any more, so it ends. Ignored when repeated, and after a signal. */
  readonly outputLost: (lost: OutputLost) => void;
  /** Stops listening. */
  readonly end: () => void;
}

export interface InterruptionOptions {
  readonly onSignal: Platform['onSignal'];
  readonly emit: Sink;
  readonly story: Pick<RunTracker, 'acting' | 'standing'>;
  readonly leave: (code: 5 | 130) => void;
}

export function interruption({ onSignal, emit, story, leave }: InterruptionOptions): Interruption {
  const controller = new AbortController();
  let signals = 0;
  const abort = (warning: Problem, message: string) => {
    signals++;
    emit({ type: 'warning.raised', problem: warning });
    controller.abort(stop('INTERRUPTED', { message }));
  };
  const end = onSignal((name) => {
    const stands = story.standing();
    if (signals === 0) return abort(first(name, story.acting()), `Interrupted by ${name}`);
    signals++;
    if (signals === 2) {
      emit({
        type: 'warning.raised',
        problem:
          stands.length > 0
            ? problem('LEAVING_EARLY', {
                message: `Exiting now would leave ${stands.length === 1 ? 'this' : 'these'} behind`,
                evidence: stands,
                ...(story.acting() === 'verify' && { fix: 'Wait, or press Ctrl-C again to exit; the next verify removes them.' }),
              })
            : problem('LEAVING_EARLY', { message: 'Still stopping; nothing was changed', fix: 'Wait, or press Ctrl-C again to exit immediately.' }),
      });
    } else leave(stands.length > 0 ? 5 : 130);
  });
  const outputLost = ({ stream, why }: OutputLost) => {
    if (signals > 0) return;
    const message = `${stream} can't be written (${why})`;
    abort(problem('OUTPUT_LOST', { message: `${message}: ${whatFollows(story.acting())}` }), message);
  };
  return { signal: controller.signal, happened: () => signals > 0, outputLost, end };
}

function first(name: string, acting: ReturnType<RunTracker['acting']>): Problem {
  const fix = acting === undefined ? 'Wait a moment.' : 'Wait; press Ctrl-C again to see what would be left behind.';
  return problem('INTERRUPTED', { message: `Interrupted by ${name}: ${whatFollows(acting)}`, fix });
}

function whatFollows(acting: ReturnType<RunTracker['acting']>): string {
  switch (acting) {
    case undefined:
      return 'stopping';
    case 'verify':
      return 'removing the probe pods';
    case 'uninstall':
      return 'stopping after the current step; what was removed stays removed';
    case 'install':
    case 'fix':
    case 'adopt':
    case 'orphan':
    case 'recover':
      return 'rolling back what this run did';
  }
}
