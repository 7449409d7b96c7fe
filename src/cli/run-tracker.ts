/** Sits between a use case and the renderer: ensures a first and a last event, and tracks what the run has changed so far. */
import type { Event, EventMap, Sink } from '../engine/types.ts';

export interface RunTracker {
  readonly sink: Sink;
  readonly finished: () => EventMap['run.finished'] | undefined;
  /** The kind of change the run is making; `undefined` until a step has begun or a probe pod is created. */
  readonly acting: () => EventMap['steps.started']['action'] | 'verify' | undefined;
  /** Titles of what would remain if the process ended now: what an install has begun and not rolled back, what an uninstall has not reached. */
  readonly standing: () => readonly string[];
}

/** `opening` is emitted before the first event, unless that is an opening itself. */
export function runTracker(sink: Sink, opening: EventMap['run.started']): RunTracker {
  const titles = new Map<string, string>();
  const standing = new Set<string>();
  let started = false;
  let acting = false;
  let probing = false;
  let action: EventMap['steps.started']['action'] | undefined;
  let finished: EventMap['run.finished'] | undefined;
  const note = (event: Event) => {
    switch (event.type) {
      case 'steps.started':
        action = event.action;
        for (const { id, title } of event.steps) {
          titles.set(id, title);
          if (action === 'uninstall') standing.add(id);
        }
        return;
      case 'step.started':
        acting = true;
        if (action !== 'uninstall') standing.add(event.step);
        return;
      case 'step.done':
      case 'step.unchanged':
      case 'step.kept':
        if (action === 'uninstall') standing.delete(event.step);
        return;
      case 'undo.started':
        acting = true;
        standing.add(event.step);
        return;
      case 'undo.done':
        standing.delete(event.step);
        return;
      case 'probes.placed':
      case 'probes.removed':
        probing = event.type === 'probes.placed';
        return;
      case 'run.finished':
        finished = event;
        return;
      default:
        return;
    }
  };
  return {
    sink: (event) => {
      if (event.type === 'run.started' && started) return;
      if (!started && event.type !== 'run.started' && event.type !== 'run.finished') sink({ type: 'run.started', ...opening });
      started = true;
      note(event);
      sink(event);
    },
    finished: () => finished,
    acting: () => (probing ? 'verify' : acting ? action : undefined),
    standing: () => (probing ? ['Probe pods, until they exit on their own'] : acting ? [...standing].map((id) => titles.get(id) ?? id) : []),
  };
}
