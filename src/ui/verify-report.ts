/** The report of verify, as a page: the nodes, worst first, latency, each check, and the query that repeats one of them. */
import type { NodeRow, VerifyResult } from '../engine/types.ts';
import type { Look } from './plan-table.ts';
import { clean, count, cut, duration, fold, oneLine, pad } from './text.ts';

export function verifyLines(found: VerifyResult, look: Look): readonly string[] {
  const sections = [nodeLines(found, look), passedLines(found, look), proofLines(found, look), repeatLines(found, look)].filter((lines) => lines.length > 0);
  return ['', ...headline(found, look), ...sections.flatMap((lines) => ['', ...lines])];
}

function headline({ found, counts, latency, proofs, seconds }: VerifyResult, { paint, columns }: Look): readonly string[] {
  const mark = found ? paint.good('✔') : paint.bad('✖');
  const lines = proofs.some(({ proof }) => proof === 'lines');
  if (counts.tried === 0 || !lines) {
    const words = lines || proofs.length === 0 ? 'No log lines received' : found ? 'All checks passed' : 'Some checks failed';
    return [`${mark} ${paint.strong(words)} ${paint.faint(`in ${duration(seconds)}`)}`];
  }
  const what =
    counts.found === counts.tried && counts.tried === 1 ? 'Log line received' : `Log lines received from ${counts.found}/${count(counts.tried, 'node')}`;
  const scope = counts.sampled ? `, sampled from ${counts.linux.toLocaleString('en-US')}` : '';
  const times = latency && counts.tried > 1 ? `latency p50 ${duration(latency.p50)}, p95 ${duration(latency.p95)}, max ${duration(latency.max)}` : '';
  const single = latency && counts.tried === 1 ? `in ${duration(latency.max)}` : '';
  return [
    `${mark} ${paint.strong(what + scope)} ${paint.faint(single)}`.trimEnd(),
    ...(times === '' ? [] : fold(times, columns - 2).map((text) => `  ${paint.faint(text)}`)),
  ];
}

/** Rows of failed nodes, then of the slowest ones. */
const FAILED_SHOWN = 25;
const SLOW_SHOWN = 5;

function nodeLines({ nodes }: VerifyResult, { paint, columns }: Look): readonly string[] {
  const failed = nodes.filter(({ state }) => state === 'failed');
  const fine = nodes.filter(({ state }) => state === 'found').toSorted((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0));
  if (failed.length + fine.length < 2 && failed.length === 0) return [];
  const [first] = failed;
  // What concerns no single node is printed once, below.
  if (first && failed.length > 1 && fine.length === 0 && failed.every(({ problem }) => problem?.message === first.problem?.message)) return [];
  const few = fine.length <= SLOW_SHOWN * 2 ? fine.length : SLOW_SHOWN;
  const shown = [...failed.slice(0, FAILED_SHOWN), ...fine.slice(0, few)];
  const wide = Math.min(48, Math.max(...shown.map(({ node }) => oneLine(node).length)));
  const row = (mark: string, { node, seconds, taints = [] }: NodeRow, said: string) => {
    const time = seconds === undefined ? '' : duration(seconds);
    const note = cut(oneLine([said, ...taints].filter(Boolean).join('  ')), Math.max(10, columns - wide - 15));
    return `  ${mark} ${pad(cut(oneLine(node), wide), wide)}  ${time.padStart(7)}  ${paint.faint(note)}`.trimEnd();
  };
  const said = ({ node, problem }: NodeRow) => problem?.message.replace(new RegExp(` (on|for|printed on) node ${literally(node)}`), '') ?? '';
  return [
    ...failed.slice(0, FAILED_SHOWN).map((node) => row(paint.bad('✖'), node, said(node))),
    ...(failed.length > FAILED_SHOWN ? [paint.bad(`    and ${count(failed.length - FAILED_SHOWN, 'more node')} whose line is missing`)] : []),
    ...fine.slice(0, few).map((node) => row(paint.good('✔'), node, '')),
    ...(fine.length > few ? [paint.faint(`    and ${count(fine.length - few, 'faster node')}`)] : []),
  ];
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const PASSED_SHOWN = 5;

function passedLines({ nodes }: VerifyResult, { paint, columns }: Look): readonly string[] {
  const reasons = new Map<string, string[]>();
  for (const { node, state, why = '' } of nodes) if (state === 'passed-over') reasons.set(why, [...(reasons.get(why) ?? []), node]);
  return [...reasons].flatMap(([why, names]) => {
    const named = names.length > PASSED_SHOWN ? [...names.slice(0, PASSED_SHOWN), `${names.length - PASSED_SHOWN} more`] : names;
    const text = oneLine(`${count(names.length, 'node')} skipped (${why}): ${named.join(', ')}`);
    return fold(text, columns - 4).map((line, index) => (index === 0 ? `  ${paint.faint('–')} ${line}` : `    ${line}`));
  });
}

function proofLines({ proofs, untried }: VerifyResult, { paint, columns }: Look): readonly string[] {
  const marks: Readonly<Record<string, string>> = { proved: paint.good('✔'), failed: paint.bad('✖'), skipped: paint.faint('–') };
  const others = proofs.filter(({ proof }) => proof !== 'lines');
  const told = others.flatMap(({ title, state, detail, why, problem }) => {
    const said = problem ? `${problem.message} [${problem.code}]` : state === 'skipped' ? `skipped: ${why ?? ''}` : (detail ?? '');
    return [
      `  ${marks[state] ?? '?'} ${oneLine(title)}`,
      ...fold(oneLine(said), columns - 6).flatMap((line) => (line === '' ? [] : [`      ${paint.faint(line)}`])),
    ];
  });
  const flag = (proof: string) => (proof === 'restart' ? '--restart-collector' : `--proof ${oneLine(proof)}`);
  return [
    ...told,
    ...untried.flatMap(({ proof, title }) => [`  ${marks['skipped']} ${oneLine(title)}`, `      ${paint.faint(`skipped (use ${flag(proof)})`)}`]),
  ];
}

function repeatLines({ line = '', tenant, labels = {}, query = '' }: VerifyResult, { paint, columns }: Look): readonly string[] {
  const row = (name: string, text: string) =>
    text === '' ? [] : fold(clean(text), columns - 11).map((part, index) => `  ${paint.faint((index === 0 ? name : '').padEnd(9))}${part}`);
  const shown = Object.entries(labels).map(([name, value]) => `${oneLine(name)}="${oneLine(value)}"`);
  return [
    ...row('line', line),
    ...row('tenant', tenant),
    ...row('labels', shown.join(' ')),
    // Not folded, so that it can be copied into Grafana.
    ...(query === '' ? [] : [`  ${paint.faint('query'.padEnd(9))}${oneLine(query)}`]),
  ];
}
