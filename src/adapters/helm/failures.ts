/** Maps helm's failures to problems: recognized by its output, which is the evidence. */
import { stop, type ProblemError } from '../../problems/problem.ts';
import { KNOWN, type Failed } from './failure-texts.ts';

const EVIDENCE_LINES = 12;
const MOST_TEXT = 32 * 1024;

/** Never returns the whole output: charts print long trees; helm's `Error:` comes last. */
export function helmFailure(whole: Failed): ProblemError {
  // The end of its output, which patterns read.
  const failed = { ...whole, stderr: whole.stderr.slice(-MOST_TEXT) };
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

/** If helm has rolled back, the reason for that is what counts. */
const original = (stderr: string): string => /original (?:install|upgrade) error: ([\s\S]+)/i.exec(stderr)?.[1] ?? stderr;
