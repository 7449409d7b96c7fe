/** A controller's work queue: a key waits a moment, is processed once however often it was added, and is retried on failure. */
import type { SandboxClock } from '../types.ts';

export interface Queue {
  add(key: string): void;
  /** Processes this key after so many milliseconds, in addition to anything else that adds it. */
  addLater(key: string, ms: number): void;
  readonly idle: boolean;
  close(): void;
}

/** `work` may throw (a conflict, a terminating namespace): the key is retried later, ten times at most. */
export function createQueue(parts: { readonly clock: SandboxClock; readonly delayMs: () => number }, work: (key: string) => void): Queue {
  const waiting = new Map<string, () => void>();
  const failures = new Map<string, number>();
  let closed = false;
  const run = (key: string): void => {
    waiting.delete(key);
    if (closed) return;
    try {
      work(key);
      failures.delete(key);
    } catch {
      const failed = (failures.get(key) ?? 0) + 1;
      failures.set(key, failed);
      if (failed <= 10) wait(key, 50 * 2 ** Math.min(failed, 6));
      else failures.delete(key);
    }
  };
  const wait = (key: string, ms: number): void => {
    if (closed || waiting.has(key)) return;
    waiting.set(
      key,
      parts.clock.after(ms, () => run(key)),
    );
  };
  return {
    add: (key) => wait(key, parts.delayMs()),
    addLater: (key, ms) => {
      if (!closed) parts.clock.after(ms, () => !closed && wait(key, 0));
    },
    get idle() {
      return waiting.size === 0;
    },
    close: () => {
      closed = true;
      for (const cancel of waiting.values()) cancel();
      waiting.clear();
    },
  };
}
