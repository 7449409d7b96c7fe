/** Files that a user names: read as text, with `-` for standard input; written atomically. */
import { access, constants, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Files } from '../../ports/system.ts';
import { readInput, readRegular } from './regular.ts';

/** A settings, values or password file is far smaller; a device or a log given by mistake must not fill the memory. */
const MOST_BYTES = 16 * 1024 * 1024;

export interface SystemFilesOptions {
  readonly cwd: string;
  /** Called on the first read. */
  readonly stdin: () => NodeJS.ReadableStream;
  /** For tests: the deadline for the end of standard input. */
  readonly stdinMs?: number;
}

export function systemFiles({ cwd, stdin, stdinMs }: SystemFilesOptions): Files & { exists(path: string): Promise<boolean> } {
  let typed: Promise<string> | undefined;
  return {
    // Standard input can be read only once, so it is cached.
    read: (path) =>
      path === '-'
        ? (typed ??= textOf(() => readInput(stdin(), { most: MOST_BYTES, ...(stdinMs !== undefined && { ms: stdinMs }) }), 'standard input'))
        : textOf(() => readRegular(resolve(cwd, path), MOST_BYTES), path),
    mode: (path) =>
      stat(resolve(cwd, path)).then(
        ({ mode }) => mode & 0o777,
        () => undefined,
      ),
    exists: (path) =>
      access(resolve(cwd, path)).then(
        () => true,
        () => false,
      ),
    write: (path, content, options) => writeWhole(resolve(cwd, path), content, { ...options, named: path }),
    writable: (path, options) => refuseUnwritable(resolve(cwd, path), { ...options, named: path }),
  };
}

interface Writing {
  readonly replace: boolean;
  /** As the user wrote it. */
  readonly named: string;
}

/** Written next to its destination and renamed once it is on disk: no reader ever sees half of it. */
async function writeWhole(file: string, content: string | Uint8Array, writing: Writing): Promise<void> {
  await refuseUnwritable(file, writing);
  const draft = `${file}.${Date.now().toString(36)}.part`;
  try {
    const opened = await open(draft, 'wx', 0o600);
    try {
      await opened.writeFile(content);
      await opened.sync();
    } finally {
      await opened.close();
    }
    await rename(draft, file);
  } catch (error) {
    throw await unwritable(error, writing);
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

async function refuseUnwritable(file: string, writing: Writing): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) throw await unwritable(Object.assign(new Error(), { code: 'EISDIR' }), writing);
  if (found && !writing.replace) throw await unwritable(Object.assign(new Error(), { code: 'EEXIST' }), writing);
  try {
    await access(dirname(file), constants.W_OK);
  } catch (error) {
    throw await unwritable(error, writing);
  }
}

async function unwritable(cause: unknown, { named }: Writing): Promise<Error> {
  const { stop } = await import('../../problems/problem.ts');
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (code === 'EEXIST')
    return stop('FILE_EXISTS', { message: `${named} already exists`, fix: `Add \`--force\` to replace ${named}, or choose another file name` }, { cause });
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'its directory does not exist',
    ENOTDIR: 'part of its path is a file, not a directory',
    EACCES: "you don't have permission to write there",
    EPERM: "you don't have permission to write there",
    EROFS: 'the file system is read-only',
    EISDIR: 'it is a directory',
    ENOSPC: 'the disk is full',
    EDQUOT: 'your disk quota is exceeded',
  };
  return stop('FILE_UNWRITABLE', { message: `${named}: ${words[code] ?? code}`, fix: `Check the path ${named}` }, { cause });
}

async function textOf(read: () => Promise<Buffer>, named: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await read());
  } catch (cause) {
    const { stop } = await import('../../problems/problem.ts');
    throw stop('FILE_UNREADABLE', { message: `${named}: ${why(cause)}`, fix: `Check the path ${named}` }, { cause });
  }
}

function why(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return "you don't have permission to read it";
    case 'EISDIR':
      return 'it is a directory, not a file';
    case 'ENXIO':
      return 'it is not a regular file';
    case 'ABORT_ERR':
      return 'the program that writes to it never finishes';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'it is not UTF-8 text';
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
