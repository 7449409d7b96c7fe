/** What a real sandbox creates on the machine, under its own names, so that it can be removed: also after a start that died. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, tryRun } from './commands.ts';

/** One file per running sandbox, named after its process. */
const REGISTER = '/run/loki-eks-log-path';
const PREFIX = 'loki-eks-';

interface Entry {
  readonly pid: number;
  /** When that process started, in kernel ticks: its pid may have been reused. */
  readonly began: string;
  readonly folder: string;
}

export interface Machine {
  /** The prefix of its network namespaces, which nothing else has. */
  readonly prefix: string;
  /** Log files, volumes, sockets, scripts. */
  readonly folder: string;
  /** Ends what runs in the namespaces, and removes namespaces and files. */
  clear(): Promise<void>;
}

/** Field 22 of `stat`; the second may hold blanks and brackets. */
function beganAt(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Removes what dead sandboxes have left, then registers this one. */
export async function openMachine(): Promise<Machine> {
  mkdirSync(REGISTER, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(REGISTER)) await clearDead(join(REGISTER, name));
  const { pid } = process;
  const folder = mkdtempSync(join(tmpdir(), 'loki-eks-log-path-'));
  const file = join(REGISTER, String(pid));
  const entry: Entry = { pid, began: beganAt(pid) ?? '', folder };
  writeFileSync(file, JSON.stringify(entry), { mode: 0o600 });
  return { prefix: `${PREFIX}${pid}`, folder, clear: () => clear(file, entry) };
}

async function clearDead(file: string): Promise<void> {
  let entry: Entry;
  try {
    entry = JSON.parse(readFileSync(file, 'utf8')) as Entry;
  } catch {
    return rmSync(file, { force: true });
  }
  if (beganAt(entry.pid) === entry.began) return;
  await clear(file, entry);
}

async function clear(file: string, { pid, folder }: Entry): Promise<void> {
  const prefix = `${PREFIX}${pid}`;
  const all = (await tryRun('ip', 'netns', 'list')).split('\n').map((line) => line.split(' ')[0] ?? '');
  const own = all.filter((name) => name === prefix || name.startsWith(`${prefix}-`));
  for (const name of own) await endProcesses(name);
  for (const name of own) await tryRun('ip', 'netns', 'del', name);
  // Mounts of containers are in their own mount namespaces and have gone with their processes; only the sandbox's own folder is left.
  if (folder.startsWith(join(tmpdir(), 'loki-eks-log-path-'))) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  rmSync(file, { force: true });
}

/** Kills the processes in one namespace until there are none. */
export async function endProcesses(namespace: string): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    const pids = (await tryRun('ip', 'netns', 'pids', namespace)).split('\n').filter(Boolean).map(Number);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has exited meanwhile.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A namespace with nothing but loopback. */
export async function addNamespace(name: string): Promise<void> {
  await run('ip', 'netns', 'add', name);
  await run('ip', '-n', name, 'link', 'set', 'lo', 'up');
}
