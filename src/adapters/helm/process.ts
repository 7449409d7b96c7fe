/** One helm process: no shell, input on stdin, and never killed: a SIGKILL would leave the release pending for ever. */
import { execa } from 'execa';
import { tended } from './children.ts';

export interface HelmCall {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly signal?: AbortSignal;
}
export interface HelmAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Resolves when helm has ended, whatever its code. On abort helm gets SIGTERM, upon which it cancels and marks the release
 * `failed`; only when it has done so the signal's reason is thrown.
 */
export async function runHelm({ path, args, env, cwd, input, signal }: HelmCall): Promise<HelmAnswer> {
  signal?.throwIfAborted();
  const started = execa(path, args, {
    extendEnv: false,
    env,
    reject: false,
    // Of its own process group: a Ctrl-C of the terminal must reach us alone, or the helm that takes things back would die of it.
    detached: true,
    forceKillAfterDelay: false,
    stripFinalNewline: true,
    ...(cwd && { cwd }),
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    ...(signal && { cancelSignal: signal }),
  });
  const ended = tended(started.pid);
  const result = await started.finally(ended);
  signal?.throwIfAborted();
  return {
    code: result.exitCode ?? -1,
    stdout: result.stdout ?? '',
    stderr: result.stderr || (result.exitCode === undefined ? (result.shortMessage ?? '') : ''),
  };
}
