/** The `json` output: one event a line on stdout and nothing else, for programs. */
import type { Sink } from '../engine/types.ts';

/** `v` changes only when a field changes its meaning or goes; `seq` counts from 0 without gaps. */
export function json(write: (text: string) => void, now: () => Date): Sink {
  let seq = 0;
  return (event) => write(`${JSON.stringify({ v: 1, seq: seq++, time: now().toISOString(), ...event })}\n`);
}
