/** Whether collectors deliver, by their own counters: a refused push is not logged at level info. */
import type { PushCount, PushingEvidence } from './collectors-evidence.ts';
import type { PodEvidence } from './objects-evidence.ts';
import { judged } from './pipeline.ts';
import type { Evidence } from './evidence.ts';

/**
 * `failing`: pushes were refused or got no response, and none succeeded. `waiting`: something was refused before, and nothing has moved
 * since. `dropping`: lines were dropped. `idle`: there was nothing to push.
 */
export type PushState = 'delivering' | 'dropping' | 'failing' | 'waiting' | 'idle' | 'restarted';

const NONE: PushCount = { sent: 0, dropped: 0, retries: 0, answers: {} };

export interface Pushed {
  readonly state: PushState;
  /** The most frequent status of failures in this interval, else of all failures ever. */
  readonly status?: string;
  /** More requests with that status than before. */
  readonly more: number;
}

const failures = (answers: PushCount['answers']): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(answers).filter(([status]) => !/^2\d\d$/.test(status)));

/** `hosts`: those that count; all if empty. */
export function pushed({ before, after }: PushingEvidence, hosts: ReadonlySet<string> = new Set()): Pushed {
  const sum = (pushes: Readonly<Record<string, PushCount>>): PushCount =>
    Object.entries(pushes)
      .filter(([host]) => hosts.size === 0 || hosts.has(host))
      .reduce((all, [, one]) => plus(all, one), NONE);
  const [first, last] = [sum(before.pushes), sum(after.pushes)];
  const [was, is] = [failures(first.answers), failures(last.answers)];
  const grown = Object.entries(is).map(([status, count]) => ({ status, more: count - (was[status] ?? 0) }));
  const most = grown.toSorted((a, b) => b.more - a.more || (is[b.status] ?? 0) - (is[a.status] ?? 0))[0];
  const ever = last.retries > 0 || Object.values(is).some((count) => count > 0);
  const told = { ...(most && { status: most.status }), more: Math.max(0, most?.more ?? 0) };
  if (last.sent < first.sent || last.retries < first.retries) return { state: 'restarted', more: 0 };
  if (last.dropped > first.dropped) return { state: 'dropping', ...told };
  if (last.sent > first.sent) return { state: 'delivering', ...told };
  if (last.retries > first.retries || told.more > 0) return { state: 'failing', ...told };
  const left = after.readLines > after.sentEntries + after.droppedEntries;
  return { state: left && (ever || after.readLines > before.readLines) ? 'waiting' : 'idle', ...told };
}

const plus = (a: PushCount, b: PushCount): PushCount => ({
  sent: a.sent + b.sent,
  dropped: a.dropped + b.dropped,
  retries: a.retries + b.retries,
  answers: Object.fromEntries(
    [...new Set([...Object.keys(a.answers), ...Object.keys(b.answers)])].map((status) => [status, (a.answers[status] ?? 0) + (b.answers[status] ?? 0)]),
  ),
});

export const stateOf = (one: PushingEvidence, hosts?: ReadonlySet<string>): PushState => pushed(one, hosts).state;

/** Where collectors push to the diagnosed Loki; empty if that is unknown. */
const hostsOf = (collected: Evidence): ReadonlySet<string> =>
  new Set(judged(collected).flatMap(({ writers }) => writers.flatMap(({ ours, url = '' }) => (ours && URL.canParse(url) ? [new URL(url).host] : []))));

export interface PodPushed extends Pushed {
  readonly pod: PodEvidence;
  readonly seen: PushingEvidence;
}

export function podsPushed(collected: Evidence): readonly PodPushed[] {
  const hosts = hostsOf(collected);
  return judged(collected).flatMap(({ pushing, pods }) =>
    pushing.flatMap((seen) => {
      const pod = pods.find(({ name }) => name === seen.pod);
      const heeded = [...hosts].some((host) => host in seen.after.pushes) ? hosts : new Set<string>();
      return pod ? [{ pod, seen, ...pushed(seen, heeded) }] : [];
    }),
  );
}

/** As evidence, using the names of the counters. */
export function counted({ seen, status, more }: Omit<PodPushed, 'pod'>): string {
  const by = seen.seconds.toFixed(0);
  const retries = Object.values(seen.after.pushes).reduce((all, one) => all + one.retries, 0);
  const answered = status === undefined ? '' : `, loki_write_request_duration_seconds_count{status_code="${status}"} +${more}`;
  return `status=${status ?? '?'}: loki_write_sent_entries_total ${seen.after.sentEntries}, the same ${by} s before; loki_write_batch_retries_total ${retries}${answered}`;
}
