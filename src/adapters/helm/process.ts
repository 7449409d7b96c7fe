/** One helm process. It gets time to end by itself, because a SIGKILL would leave its release pending. */
import { runChild } from '../child.ts';

export interface HelmCall {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Helm's own --timeout, if it waits for a cluster; helm is stopped a minute later. */
  readonly timeoutMs?: number;
}
export interface HelmAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Without a cluster: rendering, pulling a chart over a slow line. */
const WITHOUT_TIMEOUT_MS = 2 * 60_000;
/** Hooks and deletions may add to helm's own timeout. */
const BEYOND_MS = 60_000;
/** On SIGTERM helm cancels and marks the release `failed`, which takes some requests. */
const GRACE_MS = 7_000;

/** Resolves when helm has ended, whatever its exit code. On abort it throws the signal's reason, once helm has ended. */
export async function runHelm({ path, args, env, cwd, input, signal, timeoutMs }: HelmCall): Promise<HelmAnswer> {
  signal?.throwIfAborted();
  const ms = timeoutMs === undefined ? WITHOUT_TIMEOUT_MS : timeoutMs + BEYOND_MS;
  const ended = await runChild({
    path,
    args,
    env,
    ms,
    graceMs: GRACE_MS,
    ...(cwd && { cwd }),
    ...(input !== undefined && { input }),
    ...(signal && { signal }),
  });
  signal?.throwIfAborted();
  if (ended.stopped) {
    const why = ended.stopped === 'late' ? `did not exit within ${Math.round(ms / 1000)} s` : 'produced too much output';
    return { code: -1, stdout: ended.stdout, stderr: `${ended.stderr}\nError: helm ${args[0]} ${why}, and was stopped` };
  }
  return { code: ended.code ?? -1, stdout: ended.stdout, stderr: ended.stderr || (ended.failure?.message ?? '') };
}
