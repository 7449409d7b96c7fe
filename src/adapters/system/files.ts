/** Files that a user names: read as text, with `-` for standard input. */
import { access, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Files } from '../../ports/system.ts';

/** A settings, values or password file is far smaller; a device or a log named by mistake must not fill the memory. */
const MOST_BYTES = 16 * 1024 * 1024;

export interface SystemFilesOptions {
  readonly cwd: string;
  /** Asked for when something reads it. */
  readonly stdin: () => NodeJS.ReadableStream;
}

export function systemFiles({ cwd, stdin }: SystemFilesOptions): Files & { exists(path: string): Promise<boolean> } {
  let typed: Promise<string> | undefined;
  return {
    // Standard input ends once, so it is kept for whoever asks again.
    read: (path) => (path === '-' ? (typed ??= textOf(stdin())) : readText(resolve(cwd, path), path)),
    exists: (path) =>
      access(resolve(cwd, path)).then(
        () => true,
        () => false,
      ),
  };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  return (await import('node:stream/consumers')).text(stream);
}

async function readText(file: string, named: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES / 1024 / 1024} MiB`);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const { stop } = await import('../../problems/problem.ts');
    throw stop('FILE_UNREADABLE', { message: `${named}: ${why(cause)}`, fix: `Check the path ${named}.` }, { cause });
  }
}

function why(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'you may not read it';
    case 'EISDIR':
      return 'it is a directory, not a file';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'it is not UTF-8 text';
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
