/** The settings file: found, read and parsed, with the line and column of what is wrong. */
import { stop } from '../problems/problem.ts';
import type { SystemFiles } from './platform.ts';

export const DEFAULT_FILE = 'loki-eks.yaml';

export interface ConfigFile {
  /** Its name in messages. */
  readonly name: string;
  /** As parsed; may contain anything. */
  readonly content: unknown;
}

/** `path` is the value of --config; without it the default file is read if it exists. */
export async function readConfigFile(path: string | undefined, files: SystemFiles): Promise<ConfigFile | undefined> {
  if (path === undefined && !(await files.exists(DEFAULT_FILE))) return undefined;
  const name = path === undefined ? DEFAULT_FILE : path === '-' ? 'standard input' : path;
  const text = await textOf(path ?? DEFAULT_FILE, name, files);
  return { name, content: await parse(text, name) };
}

async function textOf(path: string, name: string, files: SystemFiles): Promise<string> {
  try {
    return await files.read(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw stop('CONFIG_UNREADABLE', { message: `The settings file ${name} can't be read`, evidence: [why] }, { cause });
  }
}

async function parse(text: string, name: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  // Aliases can make a small file expand without bound; a settings file needs none.
  const document = parsed(() => parseDocument(text, { prettyErrors: true }), name);
  const error = document.errors[0];
  if (error?.message.includes('call stack')) throw tooDeep(name, error);
  if (error) {
    const at = error.linePos && placeOf(text, error.linePos[0]);
    const where = at ? `${name}:${at.line}:${at.col}` : name;
    throw stop('CONFIG_INVALID', {
      message: `${where}: ${firstSentence(error.message)}`,
      fix: at ? `Correct line ${at.line} of ${name}.` : `Correct ${name}.`,
      ...(at && { evidence: [`line ${at.line}: ${(text.split('\n')[at.line - 1] ?? '').trim()}`] }),
    });
  }
  try {
    return document.toJS({ maxAliasCount: 0 }) ?? undefined;
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(name, cause);
    throw stop('CONFIG_INVALID', { message: `${name}: aliases (*name) can't be used in a settings file`, fix: `Write the values out in ${name}.` }, { cause });
  }
}

/** The parser recurses for each level of nested maps and lists. */
function parsed<T>(parse: () => T, name: string): T {
  try {
    return parse();
  } catch (cause) {
    throw cause instanceof RangeError ? tooDeep(name, cause) : cause;
  }
}

const tooDeep = (name: string, cause: unknown) =>
  stop(
    'CONFIG_INVALID',
    { message: `${name} holds lists or maps within each other without end`, fix: `Correct ${name}: settings need three levels.` },
    { cause },
  );

/** What is never closed is reported after the last word; the line with that word is the one to correct. */
function placeOf(text: string, { line, col }: { readonly line: number; readonly col: number }): { readonly line: number; readonly col: number } {
  const lines = text.split('\n');
  for (let at = line; at > 0; at--) {
    const found = lines[at - 1]?.trimEnd();
    if (found) return at === line ? { line, col } : { line: at, col: found.length };
  }
  return { line, col };
}

/** The parser's message ends with the position and a drawing of the line; we report both in our own format. */
const firstSentence = (message: string) => (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
