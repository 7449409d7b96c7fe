/** Where receipts are kept between runs. */
import type { Journal, JournalEntry, Outcome } from '../engine/types.ts';

/** Journals on this machine, one a run, by install id. All throw JOURNAL_UNREADABLE, JOURNAL_UNWRITABLE or JOURNAL_NEWER. */
export interface Journals {
  /** `chain`: of the lock, under which all of it is done. */
  open(installId: string, chain: string): Promise<Journal>;
  /** The newest run of this installation that did something and was not taken back, if it never finished. */
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
  /** Of the run; no other one has it. */
  readonly id: string;
  /** What the Lease must still say; empty when the journal does not know it. See docs/decisions/0013. */
  readonly chain: string;
  readonly started: Date;
  readonly entries: readonly JournalEntry[];
}
