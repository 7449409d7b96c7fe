/** The end of a run: its problems, what is left and how to remove it, and one last line with the outcome. */
import type { EventMap, Leftover, Problem } from '../engine/types.ts';
import type { Look } from './plan-table.ts';
import { clean, count, duration, fold, oneLine, width } from './text.ts';
import { problemLines } from './problem.ts';

type Finished = EventMap['run.finished'];

export interface EndingLook extends Look {
  /** Titles by step id. */
  readonly titles: ReadonlyMap<string, string>;
}

/** Their whole meaning is in the outcome. */
const SAID_BY_THE_LAST_LINE: ReadonlySet<string> = new Set(['DECLINED', 'INTERRUPTED']);

/** Every problem is printed here in full; during the run only its first line was shown. */
export function endingLines(finished: Finished, look: EndingLook): readonly string[] {
  const problems = (finished.problems ?? []).filter(({ code }) => !SAID_BY_THE_LAST_LINE.has(code));
  const left = finished.left ?? [];
  return [
    ...problems.flatMap((problem, index) => ['', ...problemLines(problem, { ...look, followed: sameWayOut(problem, problems[index + 1]) })]),
    ...(left.length > 0 ? ['', ...leftLines(left, finished.command, look)] : []),
    '',
    ...lastLine(finished, look),
  ];
}

/** The same fix for several problems is printed once: below the last of them. */
const sameWayOut = (problem: Problem, next: Problem | undefined): boolean => next?.code === problem.code && next.fix === problem.fix;

/** The command that rolls back or removes the rest, once its cause is fixed. */
const againBy = (command: string): string =>
  command === 'uninstall' ? 'loki-eks uninstall' : `loki-eks ${command === 'orphan' || command === 'adopt' ? command : 'install'} --on-unfinished undo`;

function leftLines(left: readonly Leftover[], command: string, { columns, paint, titles }: EndingLook): readonly string[] {
  const kept = (problem: Problem) => problem.code === 'LEFT_IN_PLACE';
  const entries = left.flatMap(({ step, receipt, problem }) => [
    `  ${paint.bad('•')} ${oneLine(titles.get(step) ?? step)} ${paint.faint(`(${oneLine(receipt.did).replaceAll('-', ' ')})`)}`,
    ...[clean(problem.message), `fix: ${clean(problem.fix)}`].flatMap((text) => fold(text, columns - 4).map((line) => `    ${line}`)),
  ]);
  const again = left.every(({ problem }) => kept(problem)) ? [] : [`${paint.strong('To roll back the rest:')} ${againBy(command)}`];
  return [`${paint.strong('Left behind:')}`, ...entries, ...again];
}

/** In a sandbox the last line says so, like the first one. */
export function lastLine(finished: Finished, { columns, paint }: Look): readonly string[] {
  const note = finished.sandbox ? paint.faint(' Simulated: no AWS account was touched.') : '';
  const [mark, text] = verdict(finished);
  const colour = mark === '✔' ? paint.good : mark === '▲' ? paint.careful : paint.bad;
  const words = `${text}${finished.seconds >= 0.1 ? ` ${duration(finished.seconds)}.` : ''}`;
  const lines = fold(words, columns - 2).map((line, index) => (index === 0 ? `${colour(mark)} ${line}` : `  ${line}`));
  const room = width(lines.at(-1) ?? '') + width(note) <= columns;
  return note === '' ? lines : room ? [...lines.slice(0, -1), (lines.at(-1) ?? '') + note] : [...lines, ` ${note}`];
}

function verdict({ command, outcome, writes, exit, left, problems, tookBack }: Finished): readonly ['✔' | '▲' | '✖', string] {
  const name = command.charAt(0).toUpperCase() + command.slice(1);
  switch (outcome) {
    case 'ok':
      if (tookBack) return ['✔', `Rolled back the earlier run: ${count(writes ?? 0, 'change')} reverted.`];
      return [
        '✔',
        writes === undefined ? `${name} complete.` : writes === 0 ? `${name} complete: nothing changed.` : `${name} complete: ${count(writes, 'change')}.`,
      ];
    case 'nothing-to-do':
      return ['✔', `${name} complete: everything is up to date, nothing changed.`];
    case 'changes-pending':
      return ['✔', 'Changes are pending; nothing changed.'];
    case 'unhealthy':
      if (command === 'install') return ['✖', `Install made ${count(writes ?? 0, 'change')}, which stay in place, but found problems.`];
      return ['✖', `${name} found problems.`];
    case 'refused':
      if (problems?.some(({ code }) => code === 'DECLINED')) return ['▲', 'Declined; nothing changed.'];
      return ['✖', exit === 2 ? 'Not started; nothing changed.' : 'Stopped before changing anything.'];
    case 'undone':
      return ['✖', `${name} failed; all its changes were rolled back.`];
    case 'left':
      return [
        '✖',
        left?.some(({ problem }) => problem.code !== 'LEFT_IN_PLACE')
          ? `${name} failed; ${count(left.length, 'change')} could not be rolled back.`
          : `${name} failed; its changes were left in place.`,
      ];
    case 'interrupted':
      return ['▲', writes ? 'Interrupted; all changes were rolled back.' : 'Interrupted before changing anything.'];
    case 'defect':
      return ['✖', `${name} stopped on an internal error in loki-eks.`];
  }
}
