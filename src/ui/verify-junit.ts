/** The result of verify as JUnit XML: a test case for each node and for each check. */
import type { NodeRow, Problem, ProofRow, VerifyResult } from '../engine/types.ts';
import { clean } from './text.ts';

interface Case {
  readonly name: string;
  readonly seconds?: number;
  readonly said?: string;
  readonly skipped?: string;
  readonly failure?: Problem;
}

interface Suite {
  readonly name: string;
  readonly cases: readonly Case[];
}

/** Without a result, the run itself is the one test case. */
export function verifyJunit({ result, problems }: { readonly result?: VerifyResult; readonly problems: readonly Problem[] }): string {
  const { nodes = [], proofs = [], seconds = 0 } = result ?? {};
  const whole: Suite = { name: 'run', cases: problems.map((failure) => ({ name: 'verify', failure })) };
  const suites = result === undefined ? [whole] : [nodesSuite(nodes), proofsSuite(proofs)].filter(({ cases }) => cases.length > 0);
  const all = suites.flatMap(({ cases }) => cases);
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="loki-eks verify" ${counts(all)} time="${seconds.toFixed(3)}">`,
    ...suites.flatMap(suiteLines),
    '</testsuites>',
  ].join('\n')}\n`;
}

const nodesSuite = (nodes: readonly NodeRow[]): Suite => ({
  name: 'nodes',
  cases: nodes.map(({ node, state, seconds, why, problem }) => ({
    name: node,
    ...(seconds !== undefined && { seconds }),
    ...(state === 'passed-over' && { skipped: why ?? '' }),
    ...(problem && { failure: problem }),
  })),
});

const proofsSuite = (proofs: readonly ProofRow[]): Suite => ({
  name: 'proofs',
  cases: proofs.map(({ title, state, detail, why, problem }) => ({
    name: title,
    ...(detail !== undefined && { said: detail }),
    ...(state === 'skipped' && { skipped: why ?? '' }),
    ...(problem && { failure: problem }),
  })),
});

function counts(cases: readonly Case[]): string {
  const failures = cases.filter(({ failure }) => failure).length;
  return `tests="${cases.length}" failures="${failures}" errors="0" skipped="${cases.filter(({ skipped }) => skipped !== undefined).length}"`;
}

function suiteLines({ name, cases }: Suite): readonly string[] {
  const time = cases.reduce((sum, { seconds = 0 }) => sum + seconds, 0).toFixed(3);
  return [`  <testsuite name="${escaped(name)}" ${counts(cases)} time="${time}">`, ...cases.flatMap((one) => caseLines(name, one)), '  </testsuite>'];
}

function caseLines(suite: string, { name, seconds = 0, said, skipped, failure }: Case): readonly string[] {
  const open = `    <testcase classname="loki-eks.verify.${suite}" name="${escaped(name)}" time="${seconds.toFixed(3)}"`;
  const inside = [
    ...(failure ? failureLines(failure) : []),
    ...(skipped === undefined ? [] : [`      <skipped message="${escaped(skipped)}"/>`]),
    ...(said === undefined ? [] : [`      <system-out>${escaped(said)}</system-out>`]),
  ];
  return inside.length === 0 ? [`${open}/>`] : [`${open}>`, ...inside, '    </testcase>'];
}

function failureLines({ code, message, fix, evidence = [] }: Problem): readonly string[] {
  const text = [message, ...evidence.map((line) => `evidence: ${line}`), `fix: ${fix}`].join('\n');
  return [`      <failure type="${escaped(code)}" message="${escaped(message)}">${escaped(text)}</failure>`];
}

// What XML 1.0 can't represent in any form: lone surrogates, and the last two code points of the plane.
const IMPOSSIBLE = /[\uFFFE\uFFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
const NAMES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\n': '&#10;' };

/** For attributes and for text; control characters are removed as for a terminal. */
const escaped = (text: string): string =>
  clean(text)
    .replace(IMPOSSIBLE, '\uFFFD')
    .replace(/[&<>"\n]/g, (char) => NAMES[char] ?? char);
