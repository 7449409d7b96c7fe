/** Injected log lines: merged into a container's own output, each at its time. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Pod } from '../cluster/shapes.ts';
import type { SandboxClock } from '../types.ts';
import { durationMs, type LogEvidence, timeOf } from './document.ts';
import { isPod } from './match.ts';

export interface LogLine {
  readonly time: Date;
  readonly line: string;
}

interface Rule {
  readonly by: string;
  readonly at: Date;
  readonly evidence: LogEvidence;
  readonly fits: (pod: KubeObject) => boolean;
}

export interface LogLayer {
  add(by: string, evidence: LogEvidence): void;
  clear(by: string): void;
  /** A container's log, given its own output. */
  over(pod: KubeObject, container: string, of: { readonly previous: boolean; readonly own: readonly LogLine[] }): readonly LogLine[];
  follow(pod: KubeObject, container: string, listener: (entry: LogLine) => void): () => void;
}

/** Of a repeated line, only the last few are shown. */
const REPEATED = 3;

export function createLogLayer(clock: SandboxClock): LogLayer {
  const rules = new Set<Rule>();
  const followers = new Set<{ readonly pod: KubeObject; readonly container: string; readonly listener: (entry: LogLine) => void }>();
  const meant = ({ evidence, fits }: Rule, pod: KubeObject, container: string): boolean =>
    fits(pod) && (evidence.container === undefined || evidence.container === container);
  return {
    add(by, evidence) {
      const rule: Rule = { by, at: clock.now(), evidence, fits: isPod(evidence) };
      rules.add(rule);
      if (evidence.previous === true) return;
      for (const { pod, container, listener } of followers)
        if (meant(rule, pod, container)) for (const entry of linesOf(rule, pod, clock.now())) listener(entry);
    },
    clear(by) {
      for (const rule of rules) if (rule.by === by) rules.delete(rule);
    },
    over(pod, container, { previous, own }) {
      const mine = [...rules].filter((rule) => (rule.evidence.previous === true) === previous && meant(rule, pod, container));
      if (mine.length === 0) return own;
      const kept = mine.some(({ evidence }) => evidence.alone === true) ? [] : own;
      return [...kept, ...mine.flatMap((rule) => linesOf(rule, pod, clock.now()))].sort((a, b) => a.time.getTime() - b.time.getTime());
    },
    follow(pod, container, listener) {
      const follower = { pod, container, listener };
      followers.add(follower);
      return () => followers.delete(follower);
    },
  };
}

function linesOf({ at, evidence }: Rule, pod: KubeObject, now: Date): readonly LogLine[] {
  const started = Date.parse(String((pod as Pod).status?.['startTime'] ?? ''));
  // A pod created after the injection has logged it since its start.
  const begin = Math.max(at.getTime(), Number.isNaN(started) ? 0 : started);
  const step = evidence.every === undefined ? 0 : durationMs(evidence.every);
  const last = step === 0 ? begin : begin + Math.floor(Math.max(0, now.getTime() - begin) / step) * step;
  const times = step === 0 ? [last] : Array.from({ length: REPEATED }, (_, back) => last - back * step).filter((time) => time >= begin);
  return evidence.lines.flatMap((line) => {
    if (typeof line !== 'string') return [filled(line.line, pod, timeOf(line.time, at))];
    return times.map((time) => filled(line, pod, new Date(time)));
  });
}

function filled(text: string, pod: KubeObject, time: Date): LogLine {
  const line = text
    .replaceAll('{time}', time.toISOString())
    .replaceAll('{pod}', pod.metadata.name)
    .replaceAll('{node}', (pod as Pod).spec.nodeName ?? '');
  return { time, line };
}
