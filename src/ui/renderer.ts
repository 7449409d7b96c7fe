/** Events to characters: picks the renderer for an output format. */
import type { Sink } from '../engine/types.ts';
export type Output = 'tree' | 'plain' | 'json';

/** As much of a `tty.WriteStream` as is written to and asked. */
export interface OutputStream {
  write(text: string): boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface RendererOptions {
  readonly output: Output;
  /** Results. */
  readonly stdout: OutputStream;
  /** Progress and problems. */
  readonly stderr: OutputStream;
  /** Whether colours are wanted at all; a stream that is not a terminal gets none in any case. */
  readonly color: boolean;
  readonly now: () => Date;
}

export interface Renderer {
  readonly sink: Sink;
  /** Everything emitted so far is on the screen and no live region is drawn: a question may be asked. */
  settled(): Promise<void>;
  /** The same for good: timers are stopped. */
  close(): Promise<void>;
}
