/** The table of failures, as `npm run failures` prints it. */
import { failureClasses } from '../../src/problems/failure-classes.ts';
import type { Played } from './play.ts';

export interface Row {
  readonly class: string;
  readonly cases: number;
  readonly expected: string;
  readonly named: string;
  readonly hop: string;
  readonly ok: boolean;
}

/** One row a class; what is wrong in one of its cases is what the row shows. */
export function rows(played: readonly Played[]): readonly Row[] {
  return failureClasses.flatMap((name): readonly Row[] => {
    const mine = played.filter((one) => one.class === name);
    const [first] = mine;
    if (first === undefined) return [];
    const telling = mine.find(({ ok }) => !ok) ?? first;
    const { expected, named, hop } = telling;
    return [
      {
        class: name,
        cases: mine.length,
        expected,
        named: [...new Set(mine.filter(({ ok }) => ok === telling.ok).map((one) => one.named))].join(', ') || named,
        hop,
        ok: telling.ok,
      },
    ];
  });
}

export function tableText(all: readonly Row[]): string {
  const head = ['class', 'cases', 'expected', 'named', 'hop', 'ok'];
  const lines = [head, ...all.map((row) => [row.class, String(row.cases), row.expected, row.named, row.hop, row.ok ? 'yes' : 'NO'])];
  const widths = head.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Classes that are rightly named by nobody: they stand in the table with what must be found, which is nothing. */
export const silentText = (all: readonly Row[]): string =>
  `classes of which nothing may be found: ${
    all
      .filter(({ expected }) => expected === 'nothing')
      .map((row) => row.class)
      .join(', ') || 'none'
  }`;

/** The last line of all. Silence where silence is right counts as named. */
export const sumText = (all: readonly Row[], falseAlarms: number): string =>
  `classes ${all.length}, named ${all.filter(({ ok }) => ok).length}, false alarms ${falseAlarms}`;
