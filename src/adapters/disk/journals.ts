/** Journals as JSON lines under the state home: each line is on disk (fsync) before its change, files are 0600, old ones are pruned. */
import { lstat, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Journal, JournalEntry, Outcome } from '../../engine/types.ts';
import type { Journals, UnfinishedJournal } from '../../ports/journals.ts';
import { stop, type ProblemError } from '../../problems/problem.ts';
import { readRegular } from '../system/regular.ts';
import { makeFolder } from './folder.ts';

const KEPT = 20;
/** A journal of an installation is some kilobytes. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Of the lines below. A journal of a later format is refused, because its undo records might not mean what they seem to. */
const FORMAT = 1;

type Line = { readonly started: string; readonly format?: number; readonly chain?: string } | { readonly entry: JournalEntry } | { readonly closed: Outcome };

/** `home`: the directory with one folder per installation. */
export function diskJournals(home: string, now: () => Date): Journals {
  const folder = (installId: string) => join(home, installId);
  return {
    async open(installId, chain) {
      const started = now();
      const path = join(folder(installId), `${started.toISOString().replaceAll(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}.jsonl`);
      const line: Line = { started: started.toISOString(), format: FORMAT, chain };
      try {
        await makeFolder(folder(installId), 0o700);
        await prune(folder(installId));
        await write(path, { flags: 'ax', text: `${JSON.stringify(line)}\n` });
        await settleFolder(folder(installId));
      } catch (error) {
        throw unwritable(path, error);
      }
      return writable(path, { entries: [], torn: false });
    },
    async unfinished(installId) {
      for (const name of (await journalNames(folder(installId))).toReversed()) {
        const path = join(folder(installId), name);
        const { text, started, chain, entries, closed } = await readJournal(path);
        // A run that did nothing, or was rolled back, says nothing about the one before it.
        if (entries.length === 0 || closed === 'undone') continue;
        if (closed === 'done') return undefined;
        await requireOwn(path);
        const journal = writable(path, { entries: [...entries], torn: !text.endsWith('\n') });
        return { ...journal, id: name, started, chain, entries } satisfies UnfinishedJournal;
      }
      return undefined;
    },
    recent: async (installId, most) => {
      const names = (await journalNames(folder(installId))).toReversed().slice(0, most);
      return Promise.all(
        names.map(async (id) => {
          const { started, entries, closed } = await readJournal(join(folder(installId), id));
          return { id, started, entries, ...(closed && { closed }) };
        }),
      );
    },
  };
}

/** Appends are serialized: steps run concurrently, but lines must not interleave. `torn`: the file ends in the middle of a line. */
function writable(path: string, state: { readonly entries: JournalEntry[]; torn: boolean }): Journal {
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = (line: Line): Promise<void> => {
    const turn = tail.then(async () => {
      try {
        await write(path, { flags: 'a', text: `${state.torn ? '\n' : ''}${JSON.stringify(line)}\n` });
        state.torn = false;
      } catch (error) {
        // A full disk may have truncated it.
        state.torn = true;
        throw unwritable(path, error);
      }
    });
    tail = turn.catch(() => {});
    return turn;
  };
  return {
    append: async (entry) => {
      await inTurn({ entry });
      state.entries.push(entry);
    },
    newestFirst: async () => state.entries.toReversed(),
    close: (closed) => inTurn({ closed }),
  };
}

async function write(path: string, { flags, text }: { readonly flags: 'a' | 'ax'; readonly text: string }): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await file.appendFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** A new file survives a crash only if its folder is on disk too. Not every system supports that. */
async function settleFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r').catch(() => undefined);
  await opened?.sync().catch(() => {});
  await opened?.close();
}

interface Read {
  readonly text: string;
  readonly started: Date;
  readonly chain: string;
  readonly entries: readonly JournalEntry[];
  readonly closed: Outcome | undefined;
}

/** Throws JOURNAL_UNREADABLE and JOURNAL_NEWER. */
async function readJournal(path: string): Promise<Read> {
  let text: string;
  try {
    text = (await readRegular(path, MOST_BYTES)).toString();
  } catch (error) {
    throw unreadable(path, error);
  }
  const lines = parse(text);
  const first = lines.find((line) => 'started' in line);
  const format = first?.format ?? FORMAT;
  if (format > FORMAT) {
    throw stop('JOURNAL_NEWER', {
      message: `${path} was written by a newer version of loki-eks`,
      evidence: [`format ${format}; this version reads formats up to ${FORMAT}`],
    });
  }
  const strange = lines.findIndex((line) => !isLine(line));
  if (strange >= 0) {
    throw stop('JOURNAL_UNREADABLE', {
      message: `${path} is not a journal of loki-eks`,
      evidence: [`entry ${strange + 1}: ${JSON.stringify(lines[strange]).slice(0, 200)}`],
    });
  }
  return {
    text,
    started: new Date(Date.parse(first?.started ?? '') || 0),
    chain: first?.chain ?? '',
    entries: lines.flatMap((line) => ('entry' in line ? [line.entry] : [])),
    closed: lines.findLast((line) => 'closed' in line)?.closed,
  };
}

const OUTCOMES: readonly unknown[] = ['done', 'undone', 'left'] satisfies readonly Outcome[];

/** Whether it has the current format; a later one may have others, and is recognized by its number. */
function isLine(line: Line): boolean {
  const { started, format, chain, entry, closed } = line as Readonly<Record<string, unknown>>;
  if (started !== undefined)
    return typeof started === 'string' && (format === undefined || Number.isInteger(format)) && (chain === undefined || typeof chain === 'string');
  if (closed !== undefined) return OUTCOMES.includes(closed);
  const { step, receipt } = (entry ?? {}) as { readonly step?: unknown; readonly receipt?: { readonly did?: unknown } | null };
  return typeof step === 'string' && typeof receipt?.did === 'string';
}

/** The owner of the file, and anyone who may write it, chooses what is rolled back. */
async function requireOwn(path: string): Promise<void> {
  const { uid, mode } = await lstat(path);
  const why = uid !== process.getuid?.() ? 'it belongs to another user' : (mode & 0o022) !== 0 ? 'other users may write to it' : undefined;
  if (why && process.platform !== 'win32') throw stop('JOURNAL_UNREADABLE', { message: `${path} is not used: ${why}` });
}

/** A torn line belongs to a change that was never started, so it is dropped. */
function parse(text: string): readonly Line[] {
  return text.split('\n').flatMap((line): Line[] => {
    try {
      const found: unknown = line ? JSON.parse(line) : undefined;
      return found && typeof found === 'object' ? [found as Line] : [];
    } catch {
      return [];
    }
  });
}

/** Oldest first. */
async function journalNames(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw unreadable(folder, error);
  }
}

/** What may still have to be rolled back is never pruned, however old: an unfinished run that no later one has finished. */
async function prune(folder: string): Promise<void> {
  const names = await journalNames(folder);
  if (names.length < KEPT) return;
  let settled = false;
  for (const [age, name] of names.toReversed().entries()) {
    const path = join(folder, name);
    const { entries, closed } = await readJournal(path);
    if (age >= KEPT - 1 && (settled || entries.length === 0 || closed === 'done' || closed === 'undone')) await rm(path, { force: true });
    settled ||= closed === 'done' && entries.length > 0;
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'your disk quota is exceeded',
  EACCES: "you don't have permission to write there",
  EPERM: "you don't have permission to write there",
  EROFS: 'the file system is read-only',
  ENOTDIR: 'part of the path is a file, not a directory',
  EISDIR: 'it is a directory',
  EMFILE: 'too many files are open',
};

function unwritable(path: string, error: unknown): ProblemError {
  const code = codeOf(error);
  const ours = (error as { problem?: unknown }).problem !== undefined;
  return ours ? (error as ProblemError) : stop('JOURNAL_UNWRITABLE', { message: `${path} can't be written: ${WORDS[code] ?? code}` }, { cause: error });
}

function unreadable(path: string, error: unknown): ProblemError {
  const code = codeOf(error);
  const why = (WORDS[code] ?? (code || (error as Error).message)).replace('write there', 'read it');
  return stop('JOURNAL_UNREADABLE', { message: `${path} can't be read: ${why}` }, { cause: error });
}
