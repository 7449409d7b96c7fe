/** The `tree` output: blocks of rows that are live while the run proceeds and remain as a record, results on stdout. */
import type { Event, EventMap, Sink } from '../engine/types.ts';
import type { Paint } from './colour.ts';
import { doctorLines } from './doctor-report.ts';
import { endingLines } from './ending.ts';
import { liveRegion, type LiveRegion } from './live.ts';
import { documentLines, planLines } from './plan-table.ts';
import { problemLines } from './problem.ts';
import type { OutputStream, Renderer } from './renderer.ts';
import { isOver, sectionLines, type Row, type RowState, type Section } from './section.ts';
import { statusLines } from './status-report.ts';
import { clean, duration, fold, foldNote, oneLine, spread, width } from './text.ts';
import { verifyLines } from './verify-report.ts';

export interface TreeOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly now: () => Date;
  readonly paints: { readonly stdout: Paint; readonly stderr: Paint };
}

type Handlers = { readonly [T in keyof EventMap]: (event: EventMap[T]) => void };

const DOING = { install: 'Installing', fix: 'Fixing', adopt: 'Adopting', orphan: 'Releasing', uninstall: 'Uninstalling' } as const;
const CHECKS: Readonly<Record<string, string>> = {
  preflight: 'Preflight',
  verify: 'Verifying log delivery',
  status: 'Health',
  doctor: 'Checking the log path',
};

export function tree(options: TreeOptions): Renderer {
  const screen = new Screen(options);
  const titles = new Map<string, string>();
  const titleOf = (id: string) => titles.get(id) ?? id;
  const look = { columns: () => columnsOf(options.stderr), paint: options.paints.stderr };
  const results = () => ({ columns: columnsOf(options.stdout), paint: options.paints.stdout });
  const progress = () => ({ columns: look.columns(), paint: look.paint });
  let command = '';
  let checking = '';
  /** The results of verify are printed in full right after, so no block is started here that would have to be truncated. */
  const fits = ({ title, verdict }: EventMap['check.finished']) =>
    checking !== 'verify' || verdict.is !== 'pass' || width(`${title}${verdict.detail ?? ''}`) + 8 <= Math.min(look.columns(), 100);

  const handlers: Handlers = {
    'run.started': (event) => {
      command = event.command;
      screen.print('stderr', [headline(event, progress())]);
    },
    'fact.found': ({ fact, value }) => screen.print('stderr', factLines(fact, value, progress())),
    'warning.raised': ({ problem }) => screen.notice(problemLines(problem, { ...progress(), as: 'warning' })),
    'call.late': ({ call, seconds }) => screen.waiting(`still waiting for ${call} (${duration(seconds)})`),
    'checks.started': ({ at, checks }) => {
      checking = at;
      screen.open({
        heading: CHECKS[at] ?? at,
        rows: checks.map(({ id, title }) => ({ id, title, state: 'running' })),
        ...(at === 'preflight' && { collapse: 'checks passed' }),
      });
    },
    'check.said': ({ check, text }) => screen.change(check, undefined, { below: text }),
    'check.finished': (event) => {
      const [state, fields] = verdictOf(event);
      screen.change(event.check, state, fits(event) ? fields : { below: undefined, started: undefined });
    },
    'plan.finished': ({ steps, result }) => {
      const isResult = command === 'plan' && result === undefined;
      screen.print(isResult ? 'stdout' : 'stderr', planLines(steps, isResult ? results() : progress()));
      screen.print('stdout', documentLines(result));
    },
    'steps.started': ({ action, steps }) => {
      for (const { id, title } of steps) titles.set(id, title);
      // Steps with something to roll back are reported one by one.
      if (action === 'recover') return;
      screen.open({ heading: DOING[action], rows: steps.map(({ id, title }) => ({ id, title, state: 'waiting' })) });
    },
    'step.started': ({ step }) => screen.change(step, 'running'),
    'step.said': ({ step, text }) => screen.change(step, undefined, { below: text }),
    'step.unchanged': ({ step, note }) => screen.change(step, 'same', { note: note ?? 'up to date' }),
    'step.done': ({ step }) => screen.change(step, 'done'),
    // How to remove it is a command, which would be truncated here; a note of the use case contains it.
    'step.kept': ({ step, target, why }) => screen.change(step, 'kept', { note: 'kept', below: `${target}: ${why}` }),
    'step.failed': ({ step, problem }) => screen.change(step, 'failed', { note: `[${problem.code}]`, below: problem.message }),
    'undo.started': ({ step, did }) => {
      const row: Row = { id: step, title: `${titleOf(step)} (${did.replaceAll('-', ' ')})`, state: 'running' };
      if (!screen.add('Rolling back', row)) screen.open({ heading: 'Rolling back', rows: [row] });
    },
    'undo.done': ({ step }) => screen.change(step, 'done'),
    'undo.failed': ({ step, problem }) => screen.change(step, 'failed', { note: `[${problem.code}]`, below: problem.message }),
    'probes.placed': () => {},
    'probes.removed': () => {},
    'verify.finished': ({ result }) => screen.print('stdout', verifyLines(result, results())),
    'status.finished': ({ result }) => screen.print('stdout', statusLines(result, results())),
    'doctor.finished': ({ result }) => screen.print('stdout', doctorLines(result, results())),
    // A plan's documents may be piped, so nothing may be printed between them.
    'note.given': ({ text }) => screen.print(command === 'plan' ? 'stderr' : 'stdout', ['', ...foldNote(clean(text), columnsOf(options.stdout))]),
    'run.finished': (event) => screen.print('stderr', endingLines(event, { ...progress(), titles })),
  };
  const sink: Sink = (event: Event) => (handlers[event.type] as (event: Event) => void)(event);
  return { sink, settled: () => screen.settled(), close: () => screen.settled() };
}

function verdictOf({ verdict }: EventMap['check.finished']): [RowState, Partial<Row>] {
  switch (verdict.is) {
    case 'pass':
      return ['done', { note: verdict.detail, below: undefined }];
    case 'warn':
      return ['warned', { note: `[${verdict.problem.code}]`, below: verdict.problem.message }];
    case 'fail':
      return ['failed', { note: `[${verdict.problem.code}]`, below: verdict.problem.message }];
    case 'skip':
      return ['skipped', { note: verdict.why, below: undefined }];
  }
}

interface Text {
  readonly columns: number;
  readonly paint: Paint;
}

function headline({ command, version, sandbox }: EventMap['run.started'], { columns, paint }: Text): string {
  const left = `${paint.strong(`loki-eks ${command}`)} ${paint.faint(version)}`;
  return sandbox ? spread(left, paint.careful('simulated: no AWS account is touched'), Math.min(columns, 100)) : left;
}

/** Beside a longer one there is no room for a value. */
const LONG_LABEL = 24;

function factLines(fact: string, value: string, { columns, paint }: Text): readonly string[] {
  const label = oneLine(fact).padEnd(13);
  if (width(label) > LONG_LABEL) return [`  ${paint.faint(label)}`, ...fold(oneLine(value), columns - 6).map((line) => `      ${line}`)];
  const lines = fold(oneLine(value), columns - width(label) - 3);
  return lines.map((line, index) => `  ${paint.faint(index === 0 ? label : ' '.repeat(label.length))} ${line}`);
}

const columnsOf = (stream: OutputStream) => (stream.columns && stream.columns >= 20 ? stream.columns : 80);

/** Output order: one block is live at a time, and everything else waits until it is closed. */
class Screen {
  readonly #options: TreeOptions;
  #tail: Promise<void> = Promise.resolve();
  #live: { readonly section: Section; readonly region: Promise<LiveRegion> } | undefined;

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  print(to: 'stdout' | 'stderr', lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#close();
    this.#tail = this.#tail.then(() => void this.#options[to].write(`${lines.join('\n')}\n`));
  }

  /** Shown at once, below the live block if there is one. */
  notice(lines: readonly string[]): void {
    if (this.#live) this.#live.section.notices.push(lines.join('\n'));
    else this.print('stderr', ['', ...lines]);
  }

  /** Shown below the running row, until that reports something itself. */
  waiting(text: string): void {
    const row = this.#live?.section.rows.find(({ state }) => state === 'running');
    if (row) row.below = text;
    else if (!this.#live) this.print('stderr', [`  ${this.#options.paints.stderr.faint(oneLine(text))}`]);
  }

  open(of: { readonly heading: string; readonly rows: Row[]; readonly collapse?: string }): void {
    this.#close();
    if (of.rows.length === 0) return;
    const section: Section = { ...of, notices: [], started: this.#now() };
    for (const row of section.rows) if (row.state === 'running') row.started = section.started;
    const region = this.#tail.then(() => {
      this.#options.stderr.write('\n');
      return liveRegion(this.#options.stderr as NodeJS.WriteStream, {
        draw: (spinner) => this.#picture(section, spinner),
        final: () => this.#picture(section),
      });
    });
    this.#live = { section, region };
    this.#tail = region.then(() => {});
  }

  /** Adds a row to the block with that heading; `false` if it is not the live one. */
  add(heading: string, row: Row): boolean {
    if (this.#live?.section.heading !== heading) return false;
    this.#live.section.rows.push({ ...row, started: this.#now() });
    return true;
  }

  change(id: string, state: RowState | undefined, fields: Partial<Row> = {}): void {
    const rows = this.#live?.section.rows;
    const row = rows?.findLast((one) => one.id === id && one.state === 'running') ?? rows?.findLast((one) => one.id === id);
    if (!row || !this.#live) return;
    Object.assign(row, fields);
    if (state === 'running') row.started = this.#now();
    else if (state) row.ended = this.#now();
    if (state) row.state = state;
    if (isOver(this.#live.section) && this.#live.section.heading !== 'Rolling back') this.#close();
  }

  settled(): Promise<void> {
    this.#close();
    return this.#tail;
  }

  #close(): void {
    const live = this.#live;
    if (!live) return;
    this.#live = undefined;
    for (const row of live.section.rows) {
      if (row.state === 'waiting') Object.assign(row, { state: 'skipped', note: 'not reached', unreached: true });
      if (row.state === 'running') Object.assign(row, { state: 'skipped', note: 'stopped', unreached: true });
    }
    this.#tail = this.#tail.then(() => live.region).then((region) => region.close());
  }

  #picture(section: Section, spinner?: string): string {
    const { stderr, paints } = this.#options;
    const height = spinner === undefined ? undefined : (stderr.rows ?? 24);
    return sectionLines(section, { columns: columnsOf(stderr), height, paint: paints.stderr, spinner: spinner ?? ' ', now: this.#now() }).join('\n');
  }

  #now(): number {
    return this.#options.now().getTime();
  }
}
