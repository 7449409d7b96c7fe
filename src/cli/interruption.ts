/** Signals: the first one takes back, the second says what leaving would leave, the third leaves. */
import type { Sink } from '../engine/types.ts';
import { problem, stop } from '../problems/problem.ts';
import type { Platform } from './platform.ts';
import type { Recorder } from './recorder.ts';

export interface Interruption {
  readonly signal: AbortSignal;
  readonly happened: () => boolean;
  /** Stops listening. */
  readonly end: () => void;
}

export interface InterruptionOptions {
  readonly onSignal: Platform['onSignal'];
  readonly emit: Sink;
  readonly story: Pick<Recorder, 'acting' | 'standing'>;
  readonly leave: (code: 5 | 130) => void;
}

export function interruption({ onSignal, emit, story, leave }: InterruptionOptions): Interruption {
  const controller = new AbortController();
  let signals = 0;
  const end = onSignal((name) => {
    signals++;
    const stands = story.standing();
    if (signals === 1) {
      emit({ type: 'warning.raised', problem: first(name, story.acting()) });
      controller.abort(stop('INTERRUPTED', { message: `Interrupted by ${name}` }));
    } else if (signals === 2) {
      emit({
        type: 'warning.raised',
        problem:
          stands.length > 0
            ? problem('LEAVING_EARLY', {
                message: `Leaving now would leave ${stands.length === 1 ? 'this' : 'these'} behind`,
                evidence: stands,
                ...(story.acting() === 'verify' && { fix: 'Wait, or press Ctrl-C once more to leave; the next verify removes them.' }),
              })
            : problem('LEAVING_EARLY', { message: 'Still stopping; nothing was changed', fix: 'Wait, or press Ctrl-C once more to leave at once.' }),
      });
    } else leave(stands.length > 0 ? 5 : 130);
  });
  return { signal: controller.signal, happened: () => signals > 0, end };
}

function first(name: string, acting: ReturnType<Recorder['acting']>) {
  const said = { fix: 'Wait; a second Ctrl-C shows what would be left.' };
  switch (acting) {
    case undefined:
      return problem('INTERRUPTED', { message: `Interrupted by ${name}: stopping`, fix: 'Wait a moment.' });
    case 'verify':
      return problem('INTERRUPTED', { ...said, message: `Interrupted by ${name}: removing the probe pods` });
    case 'uninstall':
      return problem('INTERRUPTED', { ...said, message: `Interrupted by ${name}: stopping after what is under way; what is taken away stays away` });
    case 'install':
    case 'mend':
    case 'adopt':
    case 'orphan':
    case 'recover':
      return problem('INTERRUPTED', { ...said, message: `Interrupted by ${name}: taking back what this run did` });
  }
}
