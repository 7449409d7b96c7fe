/** What the stories share: looking into the simulated world, and runs that are killed at a chosen call. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Call } from '../../src/sandbox/types.ts';
import type { Ran, Terminal } from '../support/sandbox-cli.ts';

const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));

/** Simulated seconds in a real one: rollouts are not what most stories are about. */
export const quick = { speed: 20 } as const;

interface Snapshot {
  readonly account: {
    readonly s3: Readonly<Record<string, Bucket>>;
    readonly iam: { readonly roles: Readonly<Record<string, Role>>; readonly providers: Readonly<Record<string, unknown>> };
  };
  readonly cluster: Readonly<Record<string, Readonly<Record<string, KubeObject>>>>;
}

export interface Bucket {
  readonly tags: Readonly<Record<string, string>>;
  readonly policy: unknown;
  readonly settings: Readonly<Record<string, string>>;
  readonly objects: Readonly<Record<string, readonly string[]>>;
}

export interface Role {
  readonly boundary: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly inline: Readonly<Record<string, unknown>>;
}

export const worldOf = (terminal: Terminal): Snapshot => JSON.parse(terminal.snapshot()) as Snapshot;

/** Names of all buckets of the account. */
export const bucketsOf = (terminal: Terminal): readonly string[] => Object.keys(worldOf(terminal).account.s3);

/** The world without its buckets: what an uninstall that keeps the logs has to restore. */
export function butBuckets(snapshot: string): string {
  const world = JSON.parse(snapshot) as Snapshot;
  return JSON.stringify({ ...world, account: { ...world.account, s3: {} } });
}

/** The world without what is in the buckets: a running Loki goes on writing whatever we do. */
export function butObjects(snapshot: string): string {
  const { account, cluster } = JSON.parse(snapshot) as Snapshot;
  const s3 = Object.fromEntries(Object.entries(account.s3).map(([name, bucket]) => [name, { ...bucket, objects: {}, uploads: 0 }]));
  return JSON.stringify({ account: { ...account, s3 }, cluster }, null, 1);
}

/** Everything that is ours, logs included. */
export async function takeAway(terminal: Terminal): Promise<Ran> {
  const named = bucketsOf(terminal).flatMap((name) => ['--confirm-delete-data', name]);
  const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', ...named]);
  expect(ran.exit, ran.stderr).toBe(0);
  return ran;
}

/** The plain text of a Secret's key. */
export function secretText(terminal: Terminal, of: { readonly namespace: string; readonly name: string; readonly key: string }): string {
  const secret = terminal.sandbox.world.store.get('Secret', of.namespace, of.name) as
    | (KubeObject & { readonly data?: Readonly<Record<string, string>> })
    | undefined;
  return Buffer.from(secret?.data?.[of.key] ?? '', 'base64').toString();
}

/** The codes of all problems the run ended with. */
export const codesOf = ({ events }: Ran): readonly string[] =>
  ((events.at(-1)?.['problems'] ?? []) as readonly { readonly code: string }[]).map(({ code }) => code);

export interface Killed {
  /** What the program had said. */
  readonly said: string;
  /** Whether it was alive when the chosen call came. */
  readonly session: boolean;
}

/**
 * Runs `loki-eks` and kills it with SIGKILL the moment the call has been answered for the `nth` time, before it can read the
 * answer. `helmToo`: a helm that it has started dies with it, as when the machine goes down.
 */
export async function killedAt(
  terminal: Terminal,
  words: readonly string[],
  at: { readonly call: RegExp; readonly nth?: number; readonly helmToo?: boolean },
): Promise<Killed> {
  const calls = terminal.sandbox.world.calls as Call[];
  let seen = 0;
  let session = false;
  const running = terminal.shell(`echo $$ > pid; exec ${process.execPath} ${script} ${words.join(' ')}`);
  const pid = () => Number(readFileSync(join(terminal.folder, 'pid'), 'utf8'));
  calls.push = (...fresh: Call[]) => {
    for (const { call } of fresh) {
      if (session || !at.call.test(call) || ++seen < (at.nth ?? 1)) continue;
      session = true;
      const victims = at.helmToo ? [pid(), ...helmsOf(pid())] : [pid()];
      for (const victim of victims) process.kill(victim, 'SIGKILL');
    }
    return Array.prototype.push.apply(calls, fresh);
  };
  try {
    const { stdout, stderr } = await running;
    return { said: stdout + stderr, session };
  } finally {
    delete (calls as { push?: unknown }).push;
  }
}

/** Processes that this one has started and that are helm. */
export function helmsOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(ppid) === parent && /helm/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '');
      } catch {
        return false;
      }
    });
}

/** Every process of this machine that has these words in its arguments, as `ps` would show it. */
export function argumentsSeen(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [];
      }
    });
}

/** All files below a folder, by path. */
export function filesBelow(folder: string): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path, readFileSync(path, 'utf8')] as const;
      }),
  );
}
