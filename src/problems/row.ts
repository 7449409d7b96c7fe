/** The shape of one row of the problem catalogue. */
import type { FailureClass } from './failure-classes.ts';

export interface Row {
  /** What is wrong, as a sentence without names: the fallback message and the heading in the docs. */
  readonly title: string;
  /** Why it happens. */
  readonly cause: string;
  /** The next command or edit, in general terms. */
  readonly fix: string;
  /**
   * Exit code when this is what stops a command before it changed anything: 1 defect, 2 usage, 3 refused,
   * 6 found by status/verify/doctor. A failure in the middle of a run exits 4 or 5 whatever the row says.
   */
  readonly exit: 1 | 2 | 3 | 6;
  /** What `explain` adds: evidence to look for, background. Plain sentences. */
  readonly explain: string;
}
export const rows = <const T extends Record<string, Row>>(table: T): T => table;

/**
 * Whether it may be mended without a person: `yes` inside our own objects, `confirm` where data, cost, security or what is not ours
 * is touched, `no` where it can only be explained.
 */
export type Autofix = 'yes' | 'confirm' | 'no';

/** What `doctor` can find. */
export interface DoctorRow extends Row {
  readonly covers: readonly FailureClass[];
  /** In an installation of ours; in anybody else's hardly anything is mended, and only once it was agreed to by name. */
  readonly autofix: Autofix;
}
export const doctorRows = <const T extends Record<string, DoctorRow>>(table: T): T => table;
