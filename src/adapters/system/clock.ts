/** The machine's clock. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Pulse } from '../../ports/system.ts';

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      // Node wraps the reason; callers want the reason itself.
      throw signal?.aborted ? signal.reason : error;
    }
  },
};

export const systemPulse: Pulse = (ms, beat) => {
  const timer = setInterval(beat, ms).unref();
  return () => clearInterval(timer);
};
