/** Writes to the remaining stream when the one for problems can't be written any more. */
import type { Event, Sink } from '../engine/types.ts';
import { plain } from '../ui/plain.ts';
import type { Output, OutputStream } from '../ui/renderer.ts';

export interface FallbackOutput {
  readonly sink: Sink;
  /** From now on nothing is written to this stream. */
  readonly lost: (stream: 'stdout' | 'stderr') => void;
  /** Something to report after the last event. */
  readonly say: (text: string) => void;
  readonly close: () => Promise<void>;
}

export interface FallbackOutputOptions {
  readonly output: Output;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly now: () => Date;
}

/** Progress is not repeated: what went wrong is, what was rolled back, and the end. */
const WORTH: ReadonlySet<Event['type']> = new Set(['warning.raised', 'step.failed', 'undo.done', 'undo.failed', 'probes.removed', 'run.finished']);

export function fallbackOutput({ output, stdout, stderr, now }: FallbackOutputOptions): FallbackOutput {
  const gone = new Set<string>();
  const main = output === 'json' ? 'stdout' : 'stderr';
  const other = main === 'stdout' ? 'stderr' : 'stdout';
  const speaks = () => gone.has(main) && !gone.has(other);
  /** Titles of steps are reported when they begin, which may be long ago. */
  const before: Event[] = [];
  let loud = false;
  const stream = { write: (text: string) => (loud && speaks() ? (other === 'stdout' ? stdout : stderr).write(text) : true) };
  let voice: ReturnType<typeof plain> | undefined;
  return {
    sink: (event) => {
      if (event.type === 'run.started' || event.type === 'steps.started') before.push(event);
      if (voice && WORTH.has(event.type)) voice.sink(event);
    },
    lost: (name) => {
      gone.add(name);
      if (!speaks() || voice) return;
      voice = plain({ stdout: stream, stderr: stream, now });
      for (const event of before) voice.sink(event);
      loud = true;
    },
    say: (text) => {
      const left = gone.has('stderr') ? (gone.has('stdout') ? undefined : stdout) : stderr;
      left?.write(`${text}\n`);
    },
    close: async () => voice?.close(),
  };
}
