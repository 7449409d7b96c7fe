/** Simulated time: real time, run faster when wanted. All delays of the sandbox go through one of these. */
import type { SandboxClock } from './types.ts';

/** `speed` 10 makes ten simulated seconds of one real one; `now()` stays the real time, since tokens and signatures are compared with it. */
export function createClock(options: { readonly speed?: number } = {}): SandboxClock & { close(): void } {
  const speed = options.speed ?? 1;
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;
  return {
    now: () => new Date(),
    after: (ms, act) => {
      if (closed) return () => undefined;
      const timer = setTimeout(() => {
        timers.delete(timer);
        act();
      }, ms / speed);
      timers.add(timer);
      return () => {
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
