/** Runs one program for its output: no shell, a process group of its own, and a guaranteed end, whatever it or its children do. */
import { execa } from 'execa';
import { tended } from './children.ts';

export interface Child {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string;
  /** It gets SIGTERM when this is aborted, and after `ms`. */
  readonly signal?: AbortSignal;
  readonly ms: number;
  /** From SIGTERM until it is killed with its children. */
  readonly graceMs?: number;
  /** Bytes of both outputs together. */
  readonly most?: number;
}

export interface ChildEnded {
  /** Absent if a signal ended it, or it never started. */
  readonly code?: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it was terminated. */
  readonly stopped?: 'late' | 'aborted' | 'too-long';
  /** It had to be killed. */
  readonly killed: boolean;
  /** It could not be started. */
  readonly failure?: NodeJS.ErrnoException;
}

const GRACE_MS = 2_000;
/** Chart templates and manifests are some megabytes. */
const MOST_BYTES = 64 * 1024 * 1024;
/** How long to wait for processes that keep its outputs open after it has ended. */
const DRAIN_MS = 2_000;

interface Started {
  readonly pid?: number;
  kill(signal: NodeJS.Signals): boolean;
}

/** It and its children. */
function end(child: Started, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // Its group is empty, or the system has no groups.
    child.kill(signal);
  }
}

/** Resolves when it has ended, and never rejects. */
export function runChild({ path, args, env, cwd, input, signal, ms, graceMs = GRACE_MS, most = MOST_BYTES }: Child): Promise<ChildEnded> {
  return new Promise((done) => {
    // A group of its own: Ctrl-C in the terminal reaches only us, and its children can be terminated with it.
    const child = execa(path, args, {
      extendEnv: false,
      env,
      reject: false,
      detached: true,
      forceKillAfterDelay: false,
      // Its outputs are counted as they arrive.
      buffer: false,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
      ...(cwd && { cwd }),
    });
    const ended = tended(child.pid);
    const timers: NodeJS.Timeout[] = [];
    const after = (wait: number, what: () => void) => void timers.push(setTimeout(what, wait));
    const outputs = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let size = 0;
    let stopped: ChildEnded['stopped'];
    let killed = false;
    let over = false;

    const finish = (of: Pick<ChildEnded, 'code' | 'failure'>) => {
      if (over) return;
      over = true;
      timers.forEach(clearTimeout);
      signal?.removeEventListener('abort', abort);
      ended();
      const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString().replace(/\n$/, '');
      done({ ...of, stdout: text(outputs.stdout), stderr: text(outputs.stderr), killed, ...(stopped && { stopped }) });
    };
    const drop = () => {
      end(child, 'SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const stop = (why: NonNullable<ChildEnded['stopped']>) => {
      if (stopped) return;
      stopped = why;
      end(child, 'SIGTERM');
      after(graceMs, () => {
        killed = true;
        drop();
      });
    };
    const abort = () => stop('aborted');
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
    after(ms, () => stop('late'));
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= most) outputs[name].push(chunk);
        else stop('too-long');
      });
    child.on('exit', () => after(DRAIN_MS, drop));
    void child.then(({ exitCode, cause }) => {
      if (child.pid === undefined) finish({ failure: cause as NodeJS.ErrnoException });
      else finish(exitCode === undefined ? {} : { code: exitCode });
    });
  });
}
