/** The end of a run: its problems, what is left and how to take it away, and one last line that says how it went. */
import type { Happenings, Leftover, Problem } from '../engine/types.ts';
import type { Look } from './plan-table.ts';
import { clean, count, duration, fold, oneLine, width } from './text.ts';
import { problemLines } from './problem.ts';

type Finished = Happenings['run.finished'];

export interface EndingLook extends Look {
  /** Titles by step id. */
  readonly titles: ReadonlyMap<string, string>;
}

/** Their whole meaning is in the verdict. */
const SAID_BY_THE_LAST_LINE: ReadonlySet<string> = new Set(['DECLINED', 'INTERRUPTED']);

/** Every problem stands here in full; during the run only its first line was shown. */
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

/** What is wrong twice in one way is mended once: said under the last of them. */
const sameWayOut = (problem: Problem, next: Problem | undefined): boolean => next?.code === problem.code && next.fix === problem.fix;

/** What takes the rest back, or away, once its cause is mended. */
const againBy = (command: string): string =>
  command === 'uninstall' ? 'loki-eks uninstall' : `loki-eks ${command === 'orphan' || command === 'adopt' ? command : 'install'} --on-unfinished undo`;

function leftLines(left: readonly Leftover[], command: string, { columns, paint, titles }: EndingLook): readonly string[] {
  const kept = (problem: Problem) => problem.code === 'LEFT_IN_PLACE';
  const entries = left.flatMap(({ step, receipt, problem }) => [
    `  ${paint.bad('•')} ${oneLine(titles.get(step) ?? step)} ${paint.faint(`(${oneLine(receipt.did).replaceAll('-', ' ')})`)}`,
    ...[clean(problem.message), `${kept(problem) ? 'remove' : 'fix'}: ${clean(problem.fix)}`].flatMap((text) =>
      fold(text, columns - 4).map((line) => `    ${line}`),
    ),
  ]);
  const again = left.every(({ problem }) => kept(problem)) ? [] : [`${paint.strong('To take the rest back:')} ${againBy(command)}`];
  return [`${paint.strong('Still there:')}`, ...entries, ...again];
}

/** In a sandbox the last line says so, as the first one did. */
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
      if (tookBack) return ['✔', `The earlier run was taken back: ${count(writes ?? 0, 'change')} undone.`];
      return [
        '✔',
        writes === undefined ? `${name} done.` : writes === 0 ? `${name} done: nothing was changed.` : `${name} done: ${count(writes, 'change')} made.`,
      ];
    case 'nothing-to-do':
      return ['✔', `${name} done: nothing to do, nothing was written.`];
    case 'changes-pending':
      return ['✔', 'Changes are pending; nothing was changed.'];
    case 'unhealthy':
      if (command === 'install') return ['✖', `Install made ${count(writes ?? 0, 'change')} and left them in place, but found problems.`];
      return ['✖', `${name} found problems.`];
    case 'refused':
      if (problems?.some(({ code }) => code === 'DECLINED')) return ['▲', 'Declined; nothing was changed.'];
      return ['✖', exit === 2 ? 'Not started: nothing was changed.' : 'Stopped before anything was changed.'];
    case 'undone':
      return ['✖', `${name} failed; everything it did was taken back.`];
    case 'left':
      return [
        '✖',
        left?.some(({ problem }) => problem.code !== 'LEFT_IN_PLACE')
          ? `${name} failed; ${count(left.length, 'thing')} could not be taken back.`
          : `${name} failed; what it did is left in place.`,
      ];
    case 'interrupted':
      return ['▲', writes ? 'Interrupted; everything that was done was taken back.' : 'Interrupted before anything was changed.'];
    case 'defect':
      return ['✖', `${name} stopped on a defect in loki-eks.`];
  }
}
