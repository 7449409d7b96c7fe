/** This process as others can recognize it: its user, its machine, and whether a process id means the same to both. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import type { Self } from '../../ports/system.ts';

export interface SelfOptions {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Signal 0: throws ESRCH if there is no such process. */
  readonly probe: (pid: number) => void;
}

export function systemSelf({ pid, env, probe }: SelfOptions): Self {
  const place = placeOf();
  return {
    user: userOf(env),
    host: hostname(),
    pid,
    ...(place && { place }),
    alive: (other) => {
      try {
        probe(other);
        return true;
      } catch (error) {
        // EPERM: it exists, and belongs to another user.
        return (error as NodeJS.ErrnoException).code !== 'ESRCH';
      }
    },
  };
}

/** In a container the user often has no name. */
function userOf(env: SelfOptions['env']): string {
  try {
    return userInfo().username;
  } catch {
    return env['USER'] || env['LOGNAME'] || 'somebody';
  }
}

/** One boot of one kernel and one PID namespace: two containers, or a machine before and after a restart, differ. Linux only. */
function placeOf(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}
