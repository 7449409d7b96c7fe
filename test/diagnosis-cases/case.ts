/** One reported failure: how it is played in the simulated cluster, and how `doctor` must name it. */
import type { FailureClass } from '../../src/problems/failure-classes.ts';
import type { FaultApi } from '../../src/sandbox/faults/fault-api.ts';
import type { Evidence } from '../../src/sandbox/replay/document.ts';

export interface Case {
  /** Of the report. */
  readonly id: string;
  readonly class: FailureClass;
  /** Where the report has it. */
  readonly hop: string;
  /** What is done to a healthy installation. */
  readonly breaks?: readonly FailureClass[];
  /** Broken before anything is installed. */
  readonly fromTheStart?: readonly FailureClass[];
  /** Calls that take their time, so that counters that are read twice can differ. */
  readonly slow?: string;
  readonly evidence?: Evidence;
  readonly act?: (api: FaultApi) => void;
  /** Values files that are judged instead, by name. */
  readonly values?: Readonly<Record<string, string>>;
  /** Nothing may be found: noise, or what the product makes impossible. */
  readonly quiet?: 'noise' | 'prevented';
  /** Where the product is installed, when the region is what matters. */
  readonly region?: string;
  /** Must be found in what is said of it: tells classes apart that share a code. */
  readonly says?: RegExp;
}

/** Log lines that come again and again, as those of a lasting fault do. */
export const lines = (component: string, ...text: readonly string[]): NonNullable<Evidence['logs']>[number] => ({ component, lines: [...text], every: '10s' });

/** A container that ends at its start, saying this. */
export function crash(api: FaultApi, component: string, of: { readonly line: string; readonly code?: number; readonly pod?: string }): void {
  api.behave({ component, ...(of.pod && { pod: of.pod }) }, () => ({ ready: false, lines: [of.line], crash: { exitCode: of.code ?? 1 } }));
}
