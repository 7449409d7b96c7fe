/** The `plain` output: one timestamped line an event and no cursor movement, for CI logs and pipes; a heartbeat in long waits. */
import type { Event, Happenings, Sink } from '../engine/types.ts';
import { paint } from './colour.ts';
import { endingLines } from './ending.ts';
import { documentLines, planLines } from './plan-table.ts';
import type { Renderer, RendererOptions } from './renderer.ts';
import { statusLines } from './status-report.ts';
import { clean, count, duration, oneLine } from './text.ts';
import { verifyLines } from './verify-report.ts';

const HEARTBEAT_MS = 15_000;
/** Logs are searched by line, so nothing but tables is folded. */
const LOOK = { columns: 100, paint: paint(false) };

interface Working {
  readonly since: number;
  saidAt: number;
  said: string;
}

type Handlers = { readonly [T in keyof Happenings]: (event: Happenings[T]) => void };

export function plain({ stdout, stderr, now }: Pick<RendererOptions, 'stdout' | 'stderr' | 'now'>): Renderer {
  const titles = new Map<string, string>();
  const working = new Map<string, Working>();
  const titleOf = (id: string) => oneLine(titles.get(id) ?? id);
  const stamp = () =>
    now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
  const line = (mark: string, text: string) => void stderr.write(`${stamp()} ${mark.padEnd(6)} ${oneLine(text)}\n`);
  const page = (to: 'stdout' | 'stderr', lines: readonly string[]) => {
    if (lines.length > 0) (to === 'stdout' ? stdout : stderr).write(`${lines.join('\n')}\n`);
  };
  const start = (step: string) => working.set(step, { since: now().getTime(), saidAt: now().getTime(), said: '' });
  let command = '';
  let beating: NodeJS.Timeout | undefined;
  const beat = () => {
    const at = now().getTime();
    for (const [step, work] of working) {
      if (at - work.saidAt < HEARTBEAT_MS) continue;
      work.saidAt = at;
      line('...', `${titleOf(step)} (${duration((at - work.since) / 1000)})${work.said ? `: ${work.said}` : ''}`);
    }
  };

  const handlers: Handlers = {
    'run.started': (event) => {
      command = event.command;
      line('start', `loki-eks ${event.command} ${event.version}${event.sandbox ? ' (simulated: no AWS account is touched)' : ''}`);
    },
    'fact.found': ({ fact, value }) => line('found', `${fact}: ${value}`),
    'warning.raised': ({ problem }) => line('warn', `${problem.message} [${problem.code}]; fix: ${problem.fix}${seen(problem.evidence)}`),
    'checks.started': ({ at, checks }) => line('check', `${at}: ${count(checks.length, 'check')}`),
    'check.finished': ({ title, verdict }) => line(...checkLine(title, verdict)),
    'plan.finished': ({ steps, result }) => {
      page(command === 'plan' && result === undefined ? 'stdout' : 'stderr', planLines(steps, LOOK));
      page('stdout', documentLines(result));
    },
    'steps.started': ({ doing, steps }) => {
      for (const { id, title } of steps) titles.set(id, title);
      line(doing, count(steps.length, 'step'));
      beating ??= setInterval(beat, 1000).unref();
    },
    'step.started': ({ step }) => {
      start(step);
      line('step', titleOf(step));
    },
    'step.said': ({ step, text }) => {
      const work = working.get(step);
      // The same wait is said once; the heartbeat repeats it.
      if (work?.said === text) return;
      if (work) Object.assign(work, { said: text, saidAt: now().getTime() });
      line('', `${titleOf(step)}: ${text}`);
    },
    'step.unchanged': ({ step, note }) => line('same', `${titleOf(step)} (${note ?? 'already as wanted'})`),
    'step.done': ({ step }) => {
      const work = working.get(step);
      working.delete(step);
      const seconds = work ? (now().getTime() - work.since) / 1000 : 0;
      line('ok', seconds >= 1 ? `${titleOf(step)} (${duration(seconds)})` : titleOf(step));
    },
    'step.kept': ({ step, target, why, how }) => {
      working.delete(step);
      line('kept', `${titleOf(step)}: ${target}: ${why}${how ? `; to remove it: ${how}` : ''}`);
    },
    'step.failed': ({ step, problem }) => {
      working.delete(step);
      line('FAILED', `${titleOf(step)}: ${problem.message} [${problem.code}]`);
    },
    'undo.started': ({ step, did }) => {
      start(step);
      line('undo', `${titleOf(step)}: ${did}`);
    },
    'undo.done': ({ step, did }) => {
      working.delete(step);
      line('undone', `${titleOf(step)}: ${did}`);
    },
    'undo.failed': ({ step, did, problem }) => {
      working.delete(step);
      line('FAILED', `could not take back ${titleOf(step)}: ${did}: ${problem.message} [${problem.code}]`);
    },
    'verify.finished': ({ result }) => page('stdout', verifyLines(result, LOOK)),
    'status.finished': ({ result }) => page('stdout', statusLines(result, LOOK)),
    'note.given': ({ text }) => page('stdout', clean(text).split('\n')),
    'run.finished': (event) => {
      working.clear();
      page('stderr', endingLines(event, { ...LOOK, titles }));
    },
  };
  const sink: Sink = (event: Event) => (handlers[event.type] as (event: Event) => void)(event);
  return {
    sink,
    settled: async () => {},
    close: async () => clearInterval(beating),
  };
}

const seen = (evidence: readonly string[] | undefined) => (evidence && evidence.length > 0 ? `; saw: ${evidence.join('; ')}` : '');

function checkLine(title: string, verdict: Happenings['check.finished']['verdict']): [string, string] {
  switch (verdict.is) {
    case 'pass':
      return ['ok', verdict.saw ? `${title} (${verdict.saw})` : title];
    case 'warn':
      return ['warn', `${title}: ${verdict.problem.message} [${verdict.problem.code}]; fix: ${verdict.problem.fix}`];
    case 'fail':
      return ['FAILED', `${title}: ${verdict.problem.message} [${verdict.problem.code}]`];
    case 'skip':
      return ['skip', `${title} (${verdict.why})`];
  }
}
