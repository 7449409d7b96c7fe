/** The helm processes that run now, each the leader of a process group of its own: none of them outlives us. */

const running = new Set<number>();

/** From its start until its end; the returned function is called when it has ended. */
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
      // It has ended meanwhile.
    }
  }
}

const LOOK_MS = 100;

/** Asks them to end, as Ctrl-C would: helm marks its release as failed then. Those that do not in so many milliseconds are killed. */
export async function endChildren(graceMs: number): Promise<void> {
  signal('SIGTERM');
  for (let waited = 0; running.size > 0 && waited < graceMs; waited += LOOK_MS) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  signal('SIGKILL');
}

/** When the process ends without having been able to wait. */
export const endChildrenAtOnce = (): void => signal('SIGTERM');
