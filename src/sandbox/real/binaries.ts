/** The real programs that replace simulated ones, and whether this machine can run them. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { stop } from '../../problems/problem.ts';

export const PARTS = ['loki', 'alloy', 'nginx', 'memcached'] as const;
export type Part = (typeof PARTS)[number];

export interface Binaries {
  /** Absolute paths. */
  readonly paths: Readonly<Record<Part, string>>;
  /** Taken from PATH, since the folder does not have them. */
  readonly fromPath: readonly Part[];
}

/** Programs that every distribution packages; Loki and Alloy come from the folder only, where their version is known. */
const FALLBACK: ReadonlySet<Part> = new Set(['nginx', 'memcached']);
const TOOLS = ['ip', 'unshare', 'setpriv', 'mount', 'chroot', 'hostname', 'nsenter', 'mkfifo'] as const;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const onPath = (name: string, path: string): string | undefined =>
  [...path.split(delimiter), '/usr/sbin', '/sbin']
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isProgram);

/** Throws REAL_UNSUPPORTED or REAL_BINARIES_MISSING before anything is created. */
export function findBinaries(folder: string, env: Readonly<Record<string, string | undefined>>): Binaries {
  refuseElsewhere(env);
  const root = resolve(folder);
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) throw stop('REAL_BINARIES_MISSING', { message: `--real ${folder} is not a folder` });
  const found = PARTS.map((part) => {
    const own = join(root, part);
    const path = isProgram(own) ? own : FALLBACK.has(part) ? onPath(part, env['PATH'] ?? '') : undefined;
    return { part, path, fallback: path !== undefined && path !== own };
  });
  const missing = found.filter(({ path }) => path === undefined).map(({ part }) => part);
  if (missing.length > 0)
    throw stop('REAL_BINARIES_MISSING', {
      message: `--real ${folder} has no executable ${missing.join(', ')}`,
      evidence: missing.map((part) => (FALLBACK.has(part) ? `${join(root, part)} is missing, and ${part} is not on PATH` : `${join(root, part)} is missing`)),
    });
  return {
    paths: Object.fromEntries(found.map(({ part, path }) => [part, path as string])) as Binaries['paths'],
    fromPath: found.filter(({ fallback }) => fallback).map(({ part }) => part),
  };
}

function refuseElsewhere(env: Readonly<Record<string, string | undefined>>): void {
  const refuse = (message: string, evidence: readonly string[] = []) => stop('REAL_UNSUPPORTED', { message, ...(evidence.length > 0 && { evidence }) });
  if (process.platform !== 'linux') throw refuse(`--real needs Linux, and this is ${process.platform}`);
  if (process.getuid?.() !== 0) throw refuse(`--real needs root, and this runs as user ${process.getuid?.()}`);
  const lacking = TOOLS.filter((tool) => onPath(tool, env['PATH'] ?? '') === undefined);
  if (lacking.length > 0) throw refuse(`--real needs ${lacking.join(', ')}, not found on PATH`, ['packages iproute2, util-linux, coreutils, hostname']);
}
