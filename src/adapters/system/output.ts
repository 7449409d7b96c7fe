/** stdout and stderr until they can't be written any more: a closed reader is no failure, a full disk or a lost terminal is. */

export interface OutputLost {
  readonly stream: 'stdout' | 'stderr';
  /** `ENOSPC: no space left on device` */
  readonly why: string;
}

export interface WatchedOutput {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Called once for each stream, including one that was lost before. Until the returned function is called. */
  readonly onLost: (listener: (lost: OutputLost) => void) => () => void;
  /** Losses that have not been reported. */
  readonly untold: () => readonly OutputLost[];
}

/** `| head` has read enough; a stream that has failed fails again on later writes. */
const NO_LOSS: ReadonlySet<string | undefined> = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

/** Node opens each standard stream on first access, which takes a millisecond or two. */
export function watchedOutput(streams: Pick<NodeJS.Process, 'stdout' | 'stderr'>): WatchedOutput {
  const opened = new Set<string>();
  const lost = new Map<string, OutputLost>();
  const untold = new Set<OutputLost>();
  const listeners = new Set<(lost: OutputLost) => void>();
  const tell = (): void => {
    if (listeners.size === 0) return;
    for (const one of untold) for (const listener of listeners) listener(one);
    untold.clear();
  };
  const watched = (name: OutputLost['stream']): NodeJS.WriteStream => {
    const stream = streams[name];
    if (opened.has(name)) return stream;
    opened.add(name);
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (NO_LOSS.has(code) || lost.has(name)) return;
      const one = { stream: name, why: message.replace(/, write$/, '') };
      lost.set(name, one);
      untold.add(one);
      tell();
    });
    return stream;
  };
  return {
    get stdout() {
      return watched('stdout');
    },
    get stderr() {
      return watched('stderr');
    },
    onLost: (listener) => {
      listeners.add(listener);
      tell();
      return () => void listeners.delete(listener);
    },
    untold: () => [...untold],
  };
}
