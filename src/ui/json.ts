/** The `json` output: one event per line on stdout and nothing else, for programs. */
import type { Sink } from '../engine/types.ts';

/** JSON does not escape these; on a terminal some of them control it or reorder the text. The value stays the same. */
const escaped = (line: string) =>
  line.replace(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);

/** `v` changes only when a field changes its meaning or is removed; `seq` counts from 0 without gaps. */
export function json(write: (text: string) => void, now: () => Date): Sink {
  let seq = 0;
  return (event) => write(`${escaped(JSON.stringify({ v: 1, seq: seq++, time: now().toISOString(), ...event }))}\n`);
}
