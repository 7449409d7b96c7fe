/** Journals as JSON lines under the state home: each line is on disk (fsync) before its deed, files are 0600, old ones are pruned. */
import { mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Journal, JournalEntry, Outcome } from '../../engine/types.ts';
import type { Journals, UnfinishedJournal } from '../../ports/journals.ts';

const KEPT = 20;

type Line = { readonly started: string } | { readonly entry: JournalEntry } | { readonly closed: Outcome };

/** `home`: the directory that holds one folder per installation. */
export function diskJournals(home: string, now: () => Date): Journals {
  const folder = (installId: string) => join(home, installId);
  return {
    async open(installId) {
      await mkdir(folder(installId), { recursive: true, mode: 0o700 });
      await prune(folder(installId));
      const started = now();
      const name = `${started.toISOString().replaceAll(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}.jsonl`;
      const file = await open(join(folder(installId), name), 'ax', 0o600);
      await writeLine(file, { started: started.toISOString() });
      return writable(file, []);
    },
    async unfinished(installId) {
      for (const name of (await journalNames(folder(installId))).toReversed()) {
        const path = join(folder(installId), name);
        const text = await readFile(path, 'utf8');
        const lines = parse(text);
        const entries = lines.flatMap((line) => ('entry' in line ? [line.entry] : []));
        // A run that did nothing, or was taken back, says nothing about the one before it.
        if (entries.length === 0 || lines.some((line) => 'closed' in line && line.closed === 'undone')) continue;
        if (lines.some((line) => 'closed' in line && line.closed === 'done')) return undefined;
        const first = lines.find((line) => 'started' in line);
        const file = await open(path, 'a', 0o600);
        if (!text.endsWith('\n')) await file.appendFile('\n');
        return { ...writable(file, [...entries]), started: new Date(first && 'started' in first ? first.started : 0), entries } satisfies UnfinishedJournal;
      }
      return undefined;
    },
  };
}

/** Appends are serialised: steps run side by side, lines must not interleave. */
function writable(file: FileHandle, entries: JournalEntry[]): Journal {
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const turn = tail.then(act, act);
    tail = turn.catch(() => {});
    return turn;
  };
  return {
    append: (entry) =>
      inTurn(async () => {
        await writeLine(file, { entry });
        entries.push(entry);
      }),
    newestFirst: async () => entries.toReversed(),
    close: (closed) =>
      inTurn(async () => {
        await writeLine(file, { closed });
        await file.close();
      }),
  };
}

async function writeLine(file: FileHandle, line: Line): Promise<void> {
  await file.appendFile(`${JSON.stringify(line)}\n`);
  await file.datasync();
}

/** A torn last line belongs to a deed that was never begun, so it is dropped; a broken line elsewhere is kept out too. */
function parse(text: string): readonly Line[] {
  return text.split('\n').flatMap((line): Line[] => {
    try {
      return line ? [JSON.parse(line) as Line] : [];
    } catch {
      return [];
    }
  });
}

async function journalNames(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort();
  } catch {
    return [];
  }
}

async function prune(folder: string): Promise<void> {
  const names = await journalNames(folder);
  await Promise.all(names.slice(0, Math.max(0, names.length - KEPT)).map((name) => rm(join(folder, name), { force: true })));
}
