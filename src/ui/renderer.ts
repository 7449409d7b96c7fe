/** Events to characters: picks the renderer for an output format. */
import type { Sink } from '../engine/types.ts';
export type Output = 'tree' | 'plain' | 'json';

/** The part of a `tty.WriteStream` that is used. */
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
  /** Whether colours are enabled at all; a stream that is not a terminal never gets any. */
  readonly color: boolean;
  readonly now: () => Date;
}

export interface Renderer {
  readonly sink: Sink;
  /** Everything emitted so far is on the screen and no live region is drawn: the program may prompt. */
  settled(): Promise<void>;
  /** The same, permanently: timers are stopped. */
  close(): Promise<void>;
}
