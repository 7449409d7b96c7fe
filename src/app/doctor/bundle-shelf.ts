/** What a bundle is filled with, one source at a time. */
import type { Run } from '../outside.ts';
import type { Blanking } from './bundle-redaction.ts';
import type { Walked } from './walk.ts';

export interface Shelf {
  put(path: string, text: string): void;
  miss(what: string, error: unknown): void;
}

export interface Source {
  readonly what: string;
  fill(shelf: Shelf): Promise<void>;
}

export interface Sourcing {
  readonly run: Run;
  /** Absent where the walk itself has failed. */
  readonly walked?: Walked;
  readonly blanking: Blanking;
}
