/** The recorded table: what Loki, Alloy, nginx, memcached and AWS really say, with their version and how it was learnt. */
import { readFileSync } from 'node:fs';
import type { Use } from './scan.ts';

/**
 * `run`: the real program said so, and `test:real-log-path` asks again. `source`: the text stands in its source. `documented`: its
 * makers' manual says so. `derived`: the message of the source with the error that Go, gRPC or the AWS SDK puts into it. `reported`:
 * a user's log of an older version.
 */
export type How = 'run' | 'source' | 'documented' | 'derived' | 'reported';

interface Row {
  /** Program and version. */
  readonly of: string;
  readonly how: How;
}
export interface TextRow extends Row {
  /** One line or answer. */
  readonly text: string;
  /** Printed by each installation that comes up, so that it is looked for in one. */
  readonly at?: 'start';
}
export interface PathRow extends Row {
  readonly name: string;
  readonly method: string;
  /** The component of Loki, `gateway` or `alloy`. */
  readonly part: string;
  readonly login?: true;
  readonly query?: Readonly<Record<string, string>>;
  readonly headersSent?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Somewhere in the answer. */
  readonly body?: string;
  /** Paths in the JSON that is answered. */
  readonly fields?: readonly string[];
}
export interface HeaderRow extends Row {
  readonly name: string;
  readonly sent: boolean;
  readonly means: string;
}
export interface MetricRow extends Row {
  readonly name: string;
  readonly part: string;
  readonly labels?: readonly string[];
  /** It is there only then. */
  readonly when?: string;
}

function rows<T>(name: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8')) as readonly T[];
}

export const table = {
  texts: rows<TextRow>('texts'),
  paths: rows<PathRow>('paths'),
  headers: rows<HeaderRow>('headers'),
  metrics: rows<MetricRow>('metrics'),
  /** Branches of patterns for which no text was found. Each is a guess of ours, and goes when the text is recorded or the branch is deleted. */
  guesses: rows<{ readonly branch: string; readonly why: string }>('guesses'),
} as const;

/** Whether the table holds what `src` relies on. */
export function isRecorded({ kind, name }: Pick<Use, 'kind' | 'name'>): boolean {
  if (kind !== 'text') return table[`${kind}s`].some((row) => row.name === name);
  const [, source = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(name) ?? [];
  const pattern = new RegExp(source, flags);
  return table.texts.some(({ text }) => pattern.test(text));
}
