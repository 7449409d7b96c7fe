/** What helm says when it fails, as problems: known by its words, which are the evidence. */
import { stop, type ProblemCode, type ProblemError } from '../../problems/problem.ts';
import { KNOWN } from './failure-texts.ts';

export interface Failed {
  /** `install of release loki/loki`, `pull of chart loki 18.11.0`: becomes part of the message. */
  readonly what: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly stderr: string;
  readonly code: number;
}

/** How a known failure is told. `message` may use the groups of the pattern. */
export interface Known {
  readonly text: RegExp;
  readonly code: ProblemCode;
  readonly message: (found: RegExpExecArray, failed: Failed) => string;
  readonly fix?: (found: RegExpExecArray, failed: Failed) => string;
}

const EVIDENCE_LINES = 12;

/** Never gives back the whole output: charts print long trees; helm's `Error:` comes last. */
export function helmFailure(failed: Failed): ProblemError {
  const text = original(failed.stderr);
  const evidence = failed.stderr
    .split('\n')
    .map((line) => line.trimEnd().slice(0, 500))
    .filter((line) => line !== '' && !/^(level=|WARNING:|Flag --\S+ has been deprecated|I\d{4} )/.test(line))
    .slice(-EVIDENCE_LINES);
  for (const known of KNOWN) {
    const found = known.text.exec(text);
    if (found) return stop(known.code, { message: known.message(found, failed), ...(known.fix && { fix: known.fix(found, failed) }), evidence });
  }
  const said = /Error: ([^\n]+)/i.exec(text)?.[1] ?? evidence.at(-1) ?? `exit code ${failed.code}`;
  return stop('HELM_FAILED', { message: `helm: ${failed.what} failed: ${said}`, evidence });
}

/** When helm has rolled back, what counts is why. */
const original = (stderr: string): string => /original (?:install|upgrade) error: ([\s\S]+)/i.exec(stderr)?.[1] ?? stderr;
