/** One block of the tree: rows that change state, and the lines that show them, live or final. Pure except for the rows' own state. */
import type { Paint } from './colour.ts';
import { cut, duration, foldLine, oneLine, spread, width } from './text.ts';

export type RowState = 'waiting' | 'running' | 'done' | 'same' | 'kept' | 'failed' | 'warned' | 'skipped';

export interface Row {
  readonly id: string;
  readonly title: string;
  state: RowState;
  /** Shown at the right edge. */
  note?: string;
  /** Shown below: current progress, what a wait waits for, why it failed. */
  below?: string;
  started?: number;
  ended?: number;
  /** The block was closed before it was complete. */
  unreached?: boolean;
}

export interface Section {
  readonly heading: string;
  readonly rows: Row[];
  /** Notes emitted while the block was live; shown below it. */
  readonly notices: string[];
  readonly started: number;
  /** If all went well, this one line stands for all rows; only the others are shown beside it. */
  readonly collapse?: string;
}

export interface Frame {
  readonly columns: number;
  /** Height of the terminal: a live block must never be taller. `undefined` for the final state. */
  readonly height?: number;
  readonly paint: Paint;
  readonly spinner: string;
  /** Milliseconds. */
  readonly now: number;
}

const finished = (row: Row) => row.state !== 'waiting' && row.state !== 'running';
export const isOver = (section: Section): boolean => section.rows.length > 0 && section.rows.every(finished);

export function sectionLines(section: Section, frame: Frame): readonly string[] {
  const live = frame.height !== undefined;
  const notices = section.notices.flatMap((notice) => ['', ...notice.split('\n')]);
  if (section.collapse === undefined) {
    const body = live ? fitted(section, frame, notices.length) : section.rows.flatMap((row) => rowLines(row, frame));
    return [headingLine(section, frame), ...body, ...notices];
  }
  if (live) {
    const running = section.rows.filter((row) => row.state === 'running').slice(0, 4);
    return [headingLine(section, frame), ...running.flatMap((row) => rowLines(row, frame)), ...notices];
  }
  return [...collapsed(section, frame), ...notices];
}

/** `Installing  ━━━━━━━━──────  4 of 14 · 41 s` */
function headingLine(section: Section, { columns, height, paint, now }: Frame): string {
  const total = section.rows.length;
  const over = section.rows.filter((row) => finished(row) && !row.unreached).length;
  const ended = Math.max(section.started, ...section.rows.map(({ ended }) => ended ?? 0));
  const seconds = ((height === undefined ? ended : now) - section.started) / 1000;
  const right = `${over}/${total} · ${duration(Math.max(0, seconds))}`;
  const heading = paint.strong(section.heading);
  if (height === undefined) return spread(heading, paint.faint(right), limit(columns));
  const room = Math.min(30, limit(columns) - width(section.heading) - width(right) - 4);
  return room < 8
    ? spread(heading, right, limit(columns))
    : spread(`${heading}  ${bar(over / Math.max(1, total), room, paint)}`, paint.faint(right), limit(columns));
}

function bar(share: number, columns: number, paint: Paint): string {
  const full = Math.round(share * columns);
  return paint.active('━'.repeat(full)) + paint.faint('─'.repeat(columns - full));
}

/** What was skipped matters only beside something that did not pass. */
function collapsed(section: Section, frame: Frame): readonly string[] {
  const { paint, columns } = frame;
  const of = (state: RowState) => section.rows.filter((row) => row.state === state).length;
  const good = of('done') + of('skipped') === section.rows.length;
  const mark = good ? paint.good('✔') : of('failed') > 0 ? paint.bad('✖') : paint.careful('▲');
  const skipped = of('skipped') > 0 ? `, ${of('skipped')} ${of('failed') > 0 ? 'not run' : 'not applicable'}` : '';
  const words = `${paint.strong(section.heading)}  ${of('done')}/${section.rows.length} ${section.collapse}${skipped}`;
  const ended = Math.max(section.started, ...section.rows.map((row) => row.ended ?? 0));
  const line = spread(`${mark} ${words}`, paint.faint(duration((ended - section.started) / 1000)), limit(columns));
  const shown = section.rows.filter(({ state }) => state !== 'done' && (state !== 'skipped' || of('failed') > 0));
  return [line, ...shown.flatMap((row) => rowLines(row, frame))];
}

function rowLines(row: Row, frame: Frame): readonly string[] {
  const { columns, paint, now } = frame;
  const time = row.state === 'running' && row.started !== undefined && now - row.started >= 2000 ? duration((now - row.started) / 1000) : '';
  const took =
    row.state === 'done' && row.started !== undefined && row.ended !== undefined && row.ended - row.started >= 2000
      ? duration((row.ended - row.started) / 1000)
      : '';
  const room = limit(columns) - 6;
  const title = cut(oneLine(row.title), room);
  const note = cut(oneLine(row.note ?? '') || time || took, Math.max(0, room - width(title)));
  const faint = row.state === 'waiting' || row.state === 'skipped';
  const line = spread(`  ${mark(row.state, frame)} ${faint ? paint.faint(title) : title}`, paint.faint(note), limit(columns));
  const colour = row.state === 'failed' ? paint.bad : row.state === 'warned' ? paint.careful : paint.faint;
  const shown = row.below && (row.state === 'running' || row.state === 'failed' || row.state === 'warned' || row.state === 'kept');
  return shown ? [line, ...below(row.below ?? '', limit(columns)).map((text) => `    ${colour(text)}`)] : [line];
}

/** At most three lines, none wider than the terminal, so that the live region never wraps. */
function below(text: string, columns: number): readonly string[] {
  const lines = foldLine(oneLine(text), columns - 4).map((line) => cut(line, columns - 4));
  return lines.length <= 3 ? lines : [...lines.slice(0, 2), cut(`${lines[2]} …`, columns - 4)];
}

function mark(state: RowState, { paint, spinner }: Frame): string {
  switch (state) {
    case 'waiting':
      return paint.faint('·');
    case 'running':
      return paint.active(spinner);
    case 'done':
      return paint.good('✔');
    case 'same':
      return paint.faint('=');
    case 'kept':
      return paint.careful('●');
    case 'failed':
      return paint.bad('✖');
    case 'warned':
      return paint.careful('▲');
    case 'skipped':
      return paint.faint('–');
  }
}

/** If the rows do not fit, the oldest finished ones are left out first, then pending ones: running ones are always visible. */
function fitted(section: Section, frame: Frame, below: number): readonly string[] {
  const room = Math.max(4, (frame.height ?? 0) - 4 - below);
  const drawn = section.rows.map((row) => ({ row, lines: rowLines(row, frame) }));
  const length = () => drawn.reduce((sum, { lines }) => sum + lines.length, 0);
  let [before, after] = [0, 0];
  for (; length() > room && drawn[0] && finished(drawn[0].row); before++) drawn.shift();
  for (; length() > room && drawn.at(-1)?.row.state === 'waiting'; after++) drawn.pop();
  return [
    ...(before > 0 ? [frame.paint.faint(`    ${before} more above`)] : []),
    ...drawn.flatMap(({ lines }) => lines),
    ...(after > 0 ? [frame.paint.faint(`    ${after} more to come`)] : []),
  ];
}

/** On wide terminals notes would be too far from their titles. */
const limit = (columns: number) => Math.min(columns, 100);
