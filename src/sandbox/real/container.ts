/** One container as a process of this machine: its pipes, its pid, its exit. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, constants, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { run } from './commands.ts';
import { containerScript, type ScriptOptions, securityOf } from './container-script.ts';
import type { LogFile, Stream } from './kubelet-logs.ts';

export interface RunningContainer {
  /** The program's pid, not that of the process holding its namespaces; `undefined` before it runs and once it has exited. */
  pid(): number | undefined;
  signal(name: NodeJS.Signals): boolean;
  /** Resolves with the exit code, or 128 plus the number of the signal that ended it. */
  readonly ended: Promise<number>;
  hasEnded(): boolean;
}

export interface ContainerOptions extends Omit<ScriptOptions, 'root' | 'stdout' | 'stderr'> {
  readonly namespace: string;
  /** The container's own. */
  readonly folder: string;
  readonly log: LogFile;
  readonly line: (text: string) => void;
}

const SIGNALS: Readonly<Record<string, number>> = { SIGKILL: 9, SIGTERM: 15, SIGSEGV: 11, SIGABRT: 6, SIGINT: 2, SIGHUP: 1 };

export async function startContainer(options: ContainerOptions): Promise<RunningContainer> {
  const { folder, namespace, log, pod, container } = options;
  const root = join(folder, 'root');
  mkdirSync(root, { recursive: true });
  const pipes = { stdout: join(folder, 'stdout'), stderr: join(folder, 'stderr') };
  const security = securityOf(pod, container);
  const readers = await Promise.all(
    (Object.entries(pipes) as readonly (readonly [Stream, string])[]).map(async ([stream, path]) => {
      rmSync(path, { force: true });
      await run('mkfifo', '-m', '600', path);
      // Programs reopen /dev/stdout, which their user must be allowed to.
      chownSync(path, security.runAsUser ?? 0, security.runAsGroup ?? 0);
      return openPipe(path, (bytes) => log.write(stream, bytes).forEach(options.line));
    }),
  );
  const script = join(folder, 'start.sh');
  writeFileSync(script, containerScript({ ...options, root, ...pipes }), { mode: 0o700 });
  const words = ['netns', 'exec', namespace, 'unshare', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child=SIGKILL', '--propagation', 'private'];
  // Its own process group: Ctrl-C in the terminal is for the sandbox alone.
  const child = spawn('ip', [...words, 'sh', script], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let complaint = '';
  child.stderr.on('data', (bytes: Buffer) => (complaint = `${complaint}${bytes.toString()}`.slice(-500)));
  let sent: NodeJS.Signals = 'SIGKILL';
  let over = false;
  const ended = new Promise<number>((resolve) => {
    const done = async (code: number): Promise<void> => {
      await Promise.all(readers.map((reader) => reader.drain()));
      log.end().forEach(options.line);
      over = true;
      resolve(code);
    };
    child.once('error', () => void done(128));
    child.once('close', (code, signal) => {
      // Some versions of unshare can't die of the signal that killed their child, and report it instead.
      const failed = code === 1 && complaint.includes('sigprocmask');
      void done(code === null || failed ? 128 + (SIGNALS[signal ?? sent] ?? 9) : code);
    });
  });
  return {
    pid: () => (over ? undefined : innerPid(child)),
    signal: (name) => {
      const pid = over ? undefined : innerPid(child);
      if (pid === undefined) return false;
      try {
        if (name === 'SIGKILL' || name === 'SIGTERM') sent = name;
        return process.kill(pid, name);
      } catch {
        return false;
      }
    },
    ended,
    hasEnded: () => over,
  };
}

/** The process holding the namespaces has one child: the program. */
function innerPid({ pid }: ChildProcess): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return children[0] ? Number(children[0]) : undefined;
  } catch {
    return undefined;
  }
}

/** Opened for reading and writing, so that it has no EOF while the program restarts. */
function openPipe(path: string, take: (bytes: Buffer) => void): { drain(): Promise<void> } {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd: descriptor, readable: true, writable: false });
  let quiet = 0;
  socket.on('data', (bytes: Buffer) => {
    quiet = 0;
    take(bytes);
  });
  socket.on('error', () => socket.destroy());
  return {
    /** Until nothing has arrived for a moment: the process's last output is in the pipe already. */
    async drain() {
      for (quiet = 0; quiet < 3; quiet += 1) await new Promise((resolve) => setTimeout(resolve, 5));
      socket.destroy();
      rmSync(path, { force: true });
    },
  };
}
