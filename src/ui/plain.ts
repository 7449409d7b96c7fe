/** The `plain` output: one timestamped line per event and no cursor movement, for CI logs and pipes; a heartbeat in long waits. */
import type { Event, EventMap, Sink } from '../engine/types.ts';
import { paint } from './colour.ts';
import { endingLines } from './ending.ts';
import { heartbeat } from './heartbeat.ts';
import { doctorLines } from './doctor-report.ts';
import { documentLines, planLines } from './plan-table.ts';
import type { Renderer, RendererOptions } from './renderer.ts';
import { statusLines } from './status-report.ts';
import { clean, count, duration, oneLine } from './text.ts';
import { verifyLines } from './verify-report.ts';

/** Logs are searched by line, so only tables are folded. */
const LOOK = { columns: 100, paint: paint(false) };

type Handlers = { readonly [T in keyof EventMap]: (event: EventMap[T]) => void };

export function plain({ stdout, stderr, now }: Pick<RendererOptions, 'stdout' | 'stderr' | 'now'>): Renderer {
  const titles = new Map<string, string>();
  const titleOf = (id: string) => oneLine(titles.get(id) ?? id);
  const life = heartbeat({ now, beat: (words, step) => line('...', step === undefined ? words : `${titleOf(step)} ${words}`) });
  let command = '';
  const stamp = () => now().toISOString().slice(0, 19);
  function line(mark: string, text: string): void {
    life.spoke();
    stderr.write(`${stamp()}Z ${mark.padEnd(6)} ${oneLine(text)}\n`);
  }
  const page = (to: 'stdout' | 'stderr', lines: readonly string[]) => {
    if (lines.length > 0) (to === 'stdout' ? stdout : stderr).write(`${lines.join('\n')}\n`);
  };
  const over = (step: string, mark: string, text: string) => {
    life.end(step);
    line(mark, text);
  };

  const handlers: Handlers = {
    'run.started': (event) => {
      command = event.command;
      line('start', `loki-eks ${event.command} ${event.version}${event.sandbox ? ' (simulated: no AWS account is touched)' : ''}`);
    },
    'fact.found': ({ fact, value }) => line('found', `${fact}: ${value}`),
    'warning.raised': ({ problem }) => line('warn', `${problem.message} [${problem.code}]; fix: ${problem.fix}${seen(problem.evidence)}`),
    'call.late': ({ call, seconds }) => line('...', `still waiting for ${call} (${duration(seconds)})`),
    'checks.started': ({ at, checks }) => line('check', `${at}: ${count(checks.length, 'check')}`),
    'check.said': ({ text }) => line('...', text),
    'check.finished': ({ title, verdict }) => line(...checkLine(title, verdict)),
    'plan.finished': ({ steps, result }) => {
      page(command === 'plan' && result === undefined ? 'stdout' : 'stderr', planLines(steps, LOOK));
      page('stdout', documentLines(result));
    },
    'steps.started': ({ action, steps }) => {
      for (const { id, title } of steps) titles.set(id, title);
      line(action, count(steps.length, 'step'));
    },
    'step.started': ({ step }) => {
      life.begin(step);
      line('step', titleOf(step));
    },
    'step.said': ({ step, text }) => {
      if (life.said(step, text)) line('', `${titleOf(step)}: ${text}`);
    },
    'step.unchanged': ({ step, note }) => over(step, 'same', `${titleOf(step)} (${note ?? 'up to date'})`),
    'step.done': ({ step }) => {
      const seconds = life.end(step);
      line('ok', seconds >= 1 ? `${titleOf(step)} (${duration(seconds)})` : titleOf(step));
    },
    'step.kept': ({ step, target, why }) => over(step, 'kept', `${titleOf(step)}: ${target}: ${why}`),
    'step.failed': ({ step, problem }) => over(step, 'FAILED', `${titleOf(step)}: ${problem.message} [${problem.code}]`),
    'undo.started': ({ step, did }) => {
      life.begin(step);
      line('undo', `${titleOf(step)}: ${did}`);
    },
    'undo.done': ({ step, did }) => over(step, 'undone', `${titleOf(step)}: ${did}`),
    'undo.failed': ({ step, did, problem }) => over(step, 'FAILED', `could not roll back ${titleOf(step)}: ${did}: ${problem.message} [${problem.code}]`),
    'probes.placed': () => {},
    'probes.removed': ({ left }) => (left > 0 ? line('left', `${count(left, 'probe pod')} left behind; they exit on their own`) : undefined),
    'verify.finished': ({ result }) => page('stdout', verifyLines(result, LOOK)),
    'status.finished': ({ result }) => page('stdout', statusLines(result, LOOK)),
    'doctor.finished': ({ result }) => page('stdout', doctorLines(result, LOOK)),
    // A plan's documents may be piped, so nothing may be printed between them.
    'note.given': ({ text }) => page(command === 'plan' ? 'stderr' : 'stdout', clean(text).split('\n')),
    'run.finished': (event) => {
      life.stop();
      page('stderr', endingLines(event, { ...LOOK, titles }));
    },
  };
  const sink: Sink = (event: Event) => (handlers[event.type] as (event: Event) => void)(event);
  return { sink, settled: async () => {}, close: async () => life.stop() };
}

const seen = (evidence: readonly string[] | undefined) => (evidence && evidence.length > 0 ? `; evidence: ${evidence.join('; ')}` : '');

function checkLine(title: string, verdict: EventMap['check.finished']['verdict']): [string, string] {
  switch (verdict.is) {
    case 'pass':
      return ['ok', verdict.detail ? `${title} (${verdict.detail})` : title];
    case 'warn':
      return ['warn', `${title}: ${verdict.problem.message} [${verdict.problem.code}]; fix: ${verdict.problem.fix}`];
    case 'fail':
      return ['FAILED', `${title}: ${verdict.problem.message} [${verdict.problem.code}]`];
    case 'skip':
      return ['skip', `${title} (${verdict.why})`];
  }
}
