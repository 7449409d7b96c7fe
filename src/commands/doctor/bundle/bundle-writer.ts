/** What a bundle is filled with, one source at a time. */
import type { RunContext } from '../../../deps.ts';
import type { Blanking } from './redaction.ts';
import type { Diagnosis } from '../diagnose.ts';

export interface BundleWriter {
  put(path: string, text: string): void;
  miss(what: string, error: unknown): void;
}

export interface Source {
  readonly what: string;
  fill(writer: BundleWriter): Promise<void>;
}

export interface Sourcing {
  readonly run: RunContext;
  /** Absent if the diagnosis itself failed. */
  readonly diagnosis?: Diagnosis;
  readonly blanking: Blanking;
}
