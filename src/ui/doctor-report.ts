/** The findings of `doctor`, as a page: the log path, its first broken hop, likely symptoms, and what was not checked. */
import type { DoctorFinding, DoctorResult } from '../engine/types.ts';
import type { Look } from './plan-table.ts';
import { clean, count, cut, fold, oneLine, pad } from './text.ts';

export function doctorLines(found: DoctorResult, look: Look): readonly string[] {
  const sections = [hopLines(found, look), rootLines(found, look), otherLines(found, look), unseenLines(found, look)].filter((lines) => lines.length > 0);
  return ['', ...subjectLines(found, look), ...sections.flatMap((lines) => ['', ...lines]), '', ...verdict(found, look)];
}

function subjectLines({ subject }: DoctorResult, { paint }: Look): readonly string[] {
  return Object.entries(subject).map(([name, value]) => `${paint.faint(pad(name, 11))} ${oneLine(Array.isArray(value) ? value.join('; ') : String(value))}`);
}

function hopLines({ hops }: DoctorResult, { columns, paint }: Look): readonly string[] {
  const marks: Readonly<Record<string, string>> = { pass: paint.good('✔'), warn: paint.careful('▲'), fail: paint.bad('✖'), skip: paint.faint('–') };
  return hops.map(({ hop, state, detail = '' }) =>
    `  ${marks[state] ?? '?'} ${pad(oneLine(hop), 19)} ${paint.faint(cut(oneLine(detail), columns - 25))}`.trimEnd(),
  );
}

function rootLines({ root, mode }: DoctorResult, { columns, paint }: Look): readonly string[] {
  if (!root) return [];
  const label = mode === 'values' ? 'Start here' : `Root cause at ${oneLine(root.hop)}`;
  return [
    `${paint.bad('✖')} ${paint.strong(label)}  ${paint.faint(`[${oneLine(root.problem.code)}]`)}`,
    ...fold(clean(root.problem.message), columns - 2).map((line) => `  ${line}`),
  ];
}

function otherLines({ findings, mode }: DoctorResult, look: Look): readonly string[] {
  const { paint } = look;
  const group = (heading: string, wanted: (one: DoctorFinding) => boolean) => {
    const some = findings.filter(wanted);
    return some.length === 0 ? [] : [paint.strong(heading), ...some.flatMap((one) => findingLines(one, look))];
  };
  const groups = [
    group(mode === 'values' ? 'Also:' : 'Also broken:', ({ role, severity }) => role === 'also' && severity === 'fail'),
    group('Likely symptoms:', ({ role }) => role === 'consequence'),
    group('Warnings:', ({ role, severity }) => role === 'also' && severity === 'warn'),
  ];
  return groups.filter((lines) => lines.length > 0).flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

function findingLines({ problem, severity, hop }: DoctorFinding, { columns, paint }: Look): readonly string[] {
  const mark = severity === 'fail' ? paint.bad('✖') : paint.careful('▲');
  const [first = '', ...rest] = fold(clean(problem.message), columns - 4);
  // A command is not folded, so that it can be copied.
  const fix = severity === 'warn' ? fold(clean(problem.fix), columns - 11).map((line, index) => `${index === 0 ? 'fix: ' : '     '}${line}`) : [];
  return [
    `  ${mark} ${first}`,
    ...rest.map((line) => `    ${line}`),
    paint.faint(`      ${[hop, `[${problem.code}]`].filter(Boolean).map(oneLine).join(' ')}`),
    ...fix.map((line) => paint.faint(`      ${line}`)),
  ];
}

function unseenLines({ notCollected }: DoctorResult, { columns, paint }: Look): readonly string[] {
  if (notCollected.length === 0) return [];
  return [
    paint.strong('Not checked:'),
    ...notCollected.slice(0, 12).map(({ what, why }) => `  – ${cut(oneLine(`${what}: ${why}`), columns - 4)}`),
    ...(notCollected.length > 12 ? [`  and ${notCollected.length - 12} more`] : []),
  ];
}

/** Without a query response it is unknown whether lines arrive. */
export const isUnproved = ({ hops }: Pick<DoctorResult, 'hops'>): boolean => hops.some(({ hop, state }) => hop === 'query' && state === 'skip');

export function allWell({ mode, hops }: Pick<DoctorResult, 'mode' | 'hops'>): string {
  if (mode === 'values') return 'No problems found in these values';
  return isUnproved({ hops }) ? 'No problems found, but delivery could not be verified' : 'Logs flow end to end';
}

function verdict({ healthy, findings, mode, hops }: DoctorResult, { paint, columns }: Look): readonly string[] {
  const failed = findings.filter(({ severity }) => severity === 'fail');
  const own = failed.filter(({ role }) => role !== 'consequence');
  const fixable = own.filter(({ autofix = 'no' }) => autofix !== 'no').length;
  const all = own.length === 1 ? 'it' : 'them';
  const hint =
    fixable === 0 ? '' : fixable < own.length ? ` \`loki-eks doctor --fix\` can fix ${fixable} of them.` : ` Fix ${all} with \`loki-eks doctor --fix\`.`;
  const symptoms = failed.length > own.length ? ` (${count(failed.length - own.length, 'likely symptom')})` : '';
  if (!healthy)
    return fold(`${count(own.length, 'problem')} found${symptoms}.${hint}`, columns - 2).map((line, index) => `${index === 0 ? paint.bad('✖') : ' '} ${line}`);
  const mark = isUnproved({ hops }) ? paint.careful('▲') : paint.good('✔');
  return [`${mark} ${allWell({ mode, hops })}.`];
}
