/** The running helm processes, each the leader of its own process group: none of them outlives us. */

const running = new Set<number>();

/** From its start until its end; call the returned function when it has ended. */
export function tended(pid: number | undefined): () => void {
  if (pid === undefined) return () => {};
  running.add(pid);
  return () => void running.delete(pid);
}

function signal(name: NodeJS.Signals): void {
  for (const pid of running) {
    try {
      process.kill(-pid, name);
    } catch {
      // It has ended in the meantime.
    }
  }
}

const LOOK_MS = 100;

/** Terminates them, as Ctrl-C would: helm then marks its release as failed. Those that do not end within this many milliseconds are killed. */
export async function endChildren(graceMs: number): Promise<void> {
  signal('SIGTERM');
  for (let waited = 0; running.size > 0 && waited < graceMs; waited += LOOK_MS) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  signal('SIGKILL');
}

/** For when the process ends without being able to wait. */
export const endChildrenAtOnce = (): void => signal('SIGTERM');
