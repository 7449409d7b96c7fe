/** The shape of one row of the problem catalogue. */
import type { FailureClass } from './failure-classes.ts';

export interface Row {
  /** What is wrong, without names and without a full stop: the fallback message and the heading in the docs. */
  readonly title: string;
  /** Why it happens. */
  readonly cause: string;
  /** The next command or edit in general terms: an imperative sentence, commands in backticks, no full stop. */
  readonly fix: string;
  /**
   * Exit code if this stops a command before it changes anything: 1 internal error, 2 usage, 3 refused,
   * 6 found by status/verify/doctor. A failure in the middle of a run exits 4 or 5 whatever the row says.
   */
  readonly exit: 1 | 2 | 3 | 6;
  /** What `explain` adds: evidence to check, background. Full sentences. */
  readonly explain: string;
}
export const rows = <const T extends Record<string, Row>>(table: T): T => table;

/**
 * Whether `doctor --fix` may fix it: `yes` within objects of loki-eks, `confirm` where the fix affects data, cost, security or
 * objects of others, `no` where it can only be explained.
 */
export type Remediation = 'yes' | 'confirm' | 'no';

/** What `doctor` can find. */
export interface DoctorRow extends Row {
  readonly covers: readonly FailureClass[];
  /** In an installation of loki-eks; in any other one, few problems are fixed, and only if the user confirms them by name. */
  readonly autofix: Remediation;
}
export const doctorRows = <const T extends Record<string, DoctorRow>>(table: T): T => table;
