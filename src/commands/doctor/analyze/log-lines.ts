/** What logs say, by pod; and which messages are irrelevant. */
import type { LokiEvidence } from './loki-evidence.ts';
import type { PodEvidence } from './objects-evidence.ts';
import type { Evidence } from './evidence.ts';

/** Harmless, however it looks: never evidence, never a finding. */
const NOISE: readonly RegExp[] = [
  // Remote configuration is off, and Alloy logs that at every start.
  /noop client/i,
  // A pod was deleted while its file was followed.
  /position timer: error getting tail position/i,
  /(stat|open|lstat) \/var\/log\/\S+: no such file or directory/i,
  /file does not exist/i,
  // The client canceled a query, or a component is shutting down.
  /context canceled/i,
  /remote hung up|client connection is closing|server closed the stream without sending trailers/i,
  // Everything is starting at the same time.
  /(joining|join) memberlist cluster.{0,400}(retrying|attempt)/i,
];

/** An S3 error message of the old SDK: a real failure that looks like a canceled query. */
const NOT_NOISE = /RequestCanceled[\s\S]{0,400}deadline exceeded/i;

export const isNoise = (line: string): boolean => NOISE.some((pattern) => pattern.test(line)) && !NOT_NOISE.test(line);

/** Pods of Loki itself: its gateway, caches and canary log other messages, and about others. */
export const core = ({ pods }: LokiEvidence): readonly PodEvidence[] => pods.filter(({ component }) => !/^gateway$|cache|memcached|canary/.test(component));

/** How long a line counts as current: what was repaired is still in the log. */
const FRESH_MS = 180_000;

/** The newest time found in the evidence: clocks of nodes differ from ours. */
export function nowIn({ loki, collectors, reading, done }: Evidence): number {
  const pods = [...(loki?.pods ?? []), ...collectors.flatMap(({ pods: own }) => own)];
  const told = pods.flatMap(({ lines = [] }) => timeOf(lines.at(-1) ?? '') ?? []);
  return Math.max(0, ...told, done?.getTime() ?? 0, reading?.asked.getTime() ?? 0, reading?.newest?.time.getTime() ?? 0);
}

/** Lines from this time on count. */
export const freshSince = (collected: Evidence): number => nowIn(collected) - FRESH_MS;

/** The same for trouble with the bucket, which is over once something has been written there. */
export function unwrittenSince(collected: Evidence): number {
  const newest = collected.loki?.buckets.find(({ use }) => use === 'chunks')?.newest;
  // Lines have a resolution of whole seconds.
  return Math.max(freshSince(collected), Math.floor((newest?.getTime() ?? 0) / 1000) * 1000);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** logfmt, JSON and both of nginx's own formats; `undefined` if a line has no time. */
export function timeOf(line: string): number | undefined {
  const access = /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\]/.exec(line);
  if (access) return numbered(`${access[3]}-${String(MONTHS.indexOf(access[2]!) + 1).padStart(2, '0')}-${access[1]}T${access[4]}${access[5]}:${access[6]}`);
  const [, date, time] = /(\d{4}[-/]\d\d[-/]\d\d)[T ](\d\d:\d\d:\d\d)/.exec(line) ?? [];
  return date && time ? numbered(`${date.replaceAll('/', '-')}T${time}Z`) : undefined;
}

function numbered(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/**
 * Matching lines, each as `pod ingester-0: …`, one per pod and at most `most`; only those not older than `since`. The last
 * lines of a pod that fails to start are never too old: it waits minutes between two attempts.
 */
export function said(pods: readonly PodEvidence[], pattern: RegExp, most = 3, since = 0): readonly string[] {
  return toldOnce(saying(pods, pattern, since)).slice(0, most);
}

/** Lines that differ only in time and numbers are merged, with the names of the pods that log them. */
export function toldOnce(all: readonly { readonly pod: Pick<PodEvidence, 'name'>; readonly line: string }[]): readonly string[] {
  const first = new Map<string, string>();
  const gist = (line: string) => line.replace(/(?<![0-9a-f])[0-9a-f]*\d[0-9a-f]*/gi, '0');
  for (const { line } of all) if (!first.has(gist(line))) first.set(gist(line), told(line));
  return inCommon(
    all.map(({ pod, line }) => ({ pod, text: first.get(gist(line)) ?? told(line) })),
    all.length,
  );
}

/** The same, with the pods that log it. */
export function saying(pods: readonly PodEvidence[], pattern: RegExp, since = 0): readonly { readonly pod: PodEvidence; readonly line: string }[] {
  return pods.flatMap((pod) => {
    const from = isCrashing(pod) ? 0 : since;
    const line = (pod.lines ?? []).findLast((one) => pattern.test(one) && !isNoise(one) && (timeOf(one) ?? from) >= from);
    return line === undefined ? [] : [{ pod, line }];
  });
}

/** Whether the trouble was over after this line. */
export function hasSaidSince({ lines = [] }: PodEvidence, line: string, pattern: RegExp): boolean {
  return lines.slice(lines.lastIndexOf(line) + 1).some((one) => pattern.test(one));
}

/** A line begins with place and time, and ends with the reason, after the whole chain of wrapped errors. */
export function told(line: string, most = 280): string {
  if (line.length <= most) return line;
  const head = Math.floor(most * 0.4);
  return `${line.slice(0, head).trimEnd()} … ${line.slice(3 + head - most).trimStart()}`;
}

/** What several pods have in common is reported once: `pods a, b and 2 more: …`. */
export function inCommon(all: readonly { readonly pod: Pick<PodEvidence, 'name'>; readonly text: string }[], most: number): readonly string[] {
  const names = new Map<string, readonly string[]>();
  for (const { pod, text } of all) names.set(text, [...(names.get(text) ?? []), pod.name]);
  return [...names].slice(0, most).map(([text, pods]) => {
    const more = pods.length - NAMED;
    const named = more > 0 ? `${pods.slice(0, NAMED).join(', ')} and ${more} more` : pods.join(', ');
    return `${pods.length === 1 ? 'pod' : 'pods'} ${named}: ${shortened(text)}`;
  });
}
const NAMED = 3;

export const shortened = (text: string, most = 280): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

const isCrashing = ({ ready, containers }: PodEvidence): boolean =>
  !ready && containers.some(({ waiting, restarts }) => waiting?.reason === 'CrashLoopBackOff' || restarts > 0);

/** Crash loops, and pods that have crashed and are not ready again. */
export const crashing = (pods: readonly PodEvidence[]): readonly PodEvidence[] => pods.filter(isCrashing);
