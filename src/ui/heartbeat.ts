/** Signs of life in long silences, so that a wait does not look like a hang: what is running, for how long, and what it waits for. */
import { duration } from './text.ts';

export interface Heartbeat {
  readonly begin: (step: string) => void;
  /** `false` if the step has reported the same before, however long ago: once is enough, the heartbeat repeats the latest text. */
  readonly said: (step: string, text: string) => boolean;
  /** Seconds since the step began; 0 if it never did. */
  readonly end: (step: string) => number;
  /** Something was printed. */
  readonly spoke: () => void;
  readonly stop: () => void;
}

export interface HeartbeatOptions {
  readonly now: () => Date;
  /** `step` is absent if no step is running. */
  readonly beat: (words: string, step?: string) => void;
}

const EVERY_MS = 15_000;

export function heartbeat({ now, beat }: HeartbeatOptions): Heartbeat {
  const working = new Map<string, { readonly since: number; saidAt: number; said: string; readonly told: Set<string> }>();
  const time = () => now().getTime();
  const began = time();
  let spokeAt = began;
  const look = () => {
    const at = time();
    for (const [step, work] of working) {
      if (at - work.saidAt < EVERY_MS) continue;
      work.saidAt = at;
      beat(`(${duration((at - work.since) / 1000)})${work.said ? `: ${work.said}` : ''}`, step);
    }
    if (working.size === 0 && at - spokeAt >= EVERY_MS) beat(`still working (${duration((at - began) / 1000)})`);
  };
  const timer = setInterval(look, 1000).unref();
  return {
    begin: (step) => void working.set(step, { since: time(), saidAt: time(), said: '', told: new Set() }),
    said: (step, text) => {
      const work = working.get(step);
      if (!work) return true;
      work.said = text;
      if (work.told.has(text)) return false;
      work.told.add(text);
      work.saidAt = time();
      return true;
    },
    end: (step) => {
      const since = working.get(step)?.since;
      working.delete(step);
      return since === undefined ? 0 : (time() - since) / 1000;
    },
    spoke: () => void (spokeAt = time()),
    stop: () => {
      working.clear();
      clearInterval(timer);
    },
  };
}
