/** Where undo records are kept between runs. */
import type { Journal, JournalEntry, Outcome } from '../engine/types.ts';

/** Journals on this machine, one per run, by install id. All throw JOURNAL_UNREADABLE, JOURNAL_UNWRITABLE or JOURNAL_NEWER. */
export interface Journals {
  /** `chain`: that of the lock this run holds. */
  open(installId: string, chain: string): Promise<Journal>;
  /** The newest run of this installation that changed something and was not rolled back, if it never finished. */
  unfinished(installId: string): Promise<UnfinishedJournal | undefined>;
  /** The newest runs, newest first. */
  recent(installId: string, most: number): Promise<readonly PastRun[]>;
}

export interface PastRun {
  readonly id: string;
  readonly started: Date;
  /** Absent when it never finished. */
  readonly closed?: Outcome;
  readonly entries: readonly JournalEntry[];
}

export interface UnfinishedJournal extends Journal {
  /** Of the run; unique. */
  readonly id: string;
  /** The chain that the Lease must still name; empty when the journal does not know it. See docs/decisions/0013. */
  readonly chain: string;
  readonly started: Date;
  readonly entries: readonly JournalEntry[];
}
