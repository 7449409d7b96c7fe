/** Concurrency of deletes: more while S3 keeps up, half as many when it asks to slow down. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Pace {
  /** Resolves when one more may begin; its result reports how that one ended. Throws the signal's reason. */
  begin(signal: AbortSignal): Promise<{ readonly fine: () => void; readonly slow: () => void; readonly over: () => void }>;
  readonly width: number;
}

const FIRST = 4;
const MOST = 8;
const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 20_000;

/**
 * S3 counts each key of a batch, so the first burst is small and doubles while S3 keeps up. After the first throttling, the width grows
 * by one for each round without another. Requests in flight when it was halved were sent at the old width, and are not counted again.
 */
export function paced(): Pace {
  let width = FIRST;
  let running = 0;
  let calm = 0;
  let complaints = 0;
  let inARow = 0;
  let notBefore = 0;
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (let free = width - running; free > 0 && waiting.length > 0; free -= 1) waiting.shift()!();
  };
  return {
    get width() {
      return width;
    },
    async begin(signal) {
      while (running >= width) await new Promise<void>((resolve) => void waiting.push(resolve));
      running += 1;
      try {
        for (let rest = notBefore - Date.now(); rest > 0; rest = notBefore - Date.now()) await sleep(rest, undefined, { signal });
        signal.throwIfAborted();
      } catch (aborted) {
        running -= 1;
        wake();
        throw aborted;
      }
      const seen = complaints;
      return {
        fine: () => {
          inARow = 0;
          calm += 1;
          if (calm < width) return;
          width = Math.min(complaints === 0 ? width * 2 : width + 1, MOST);
          calm = 0;
        },
        slow: () => {
          calm = 0;
          if (seen !== complaints) return;
          complaints += 1;
          width = Math.max(1, width >> 1);
          notBefore = Date.now() + Math.min(PAUSE_MS * 2 ** inARow, LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2);
          inARow += 1;
        },
        over: () => {
          running -= 1;
          wake();
        },
      };
    },
  };
}
