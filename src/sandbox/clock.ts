/** Simulated time: real time, optionally accelerated. All delays of the sandbox go through one of these. */
import type { SandboxClock } from './types.ts';

/** How long the work of thousands of nodes may keep requests waiting before those get a turn. */
const SLICE_MS = 10;

interface Due {
  readonly act: () => void;
  cancelled: boolean;
}

/** `speed` 10 fits ten simulated seconds into one real second; `now()` stays real, since tokens and signatures are compared with it. */
export function createClock(options: { readonly speed?: number } = {}): SandboxClock & { close(): void } {
  const speed = options.speed ?? 1;
  const timers = new Set<NodeJS.Timeout>();
  let queue: Due[] = [];
  let at = 0;
  let working = false;
  let closed = false;

  // Node runs all due timers before it reads a socket again: on a big cluster that would take seconds.
  const work = (): void => {
    working = true;
    const until = performance.now() + SLICE_MS;
    try {
      for (let next = queue[at]; next !== undefined && !closed; next = queue[at]) {
        at += 1;
        if (!next.cancelled) next.act();
        if (performance.now() > until) break;
      }
    } finally {
      working = at < queue.length && !closed;
      if (working) setImmediate(work);
      else [queue, at] = [[], 0];
    }
  };
  return {
    now: () => new Date(),
    after: (ms, act) => {
      if (closed) return () => undefined;
      const due: Due = { act, cancelled: false };
      const timer = setTimeout(() => {
        timers.delete(timer);
        queue.push(due);
        if (!working) work();
      }, ms / speed);
      timers.add(timer);
      return () => {
        due.cancelled = true;
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    close: () => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
