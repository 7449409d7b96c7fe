/** What logs say, with the pod that said it; and what they say of no importance. */
import type { PodSeen, Survey } from './survey.ts';

/** Harmless whatever it looks like: never evidence, never a finding. */
const NOISE: readonly RegExp[] = [
  // Remote configuration is off, and Alloy says so at every start.
  /noop client/,
  // A pod was deleted while its file was followed.
  /position timer: error getting tail position/,
  /(stat|open) \/var\/log\/pods\/\S+: no such file or directory/,
  /file does not exist/,
  // A query was given up by whoever asked.
  /context canceled/,
  /remote hung up|client connection is closing/,
  // Everything starts at the same time.
  /(joining|join) memberlist cluster.*(retrying|attempt)/i,
];

export const isNoise = (line: string): boolean => NOISE.some((pattern) => pattern.test(line));

/** How long a line speaks for the present: what was repaired is still in the log. */
const FRESH_MS = 180_000;

/** Since when lines count, by the newest time that anything in the survey tells: clocks of nodes differ from ours. */
export function freshSince({ loki, collectors, reading }: Survey): number {
  const pods = [...(loki?.pods ?? []), ...collectors.flatMap(({ pods: own }) => own)];
  const told = pods.flatMap(({ lines = [] }) => timeOf(lines.at(-1) ?? '') ?? []);
  return Math.max(0, ...told, reading?.asked.getTime() ?? 0, reading?.newest?.time.getTime() ?? 0) - FRESH_MS;
}

/** The same for trouble with the bucket, which is over once something has been written there. */
export function unwrittenSince(survey: Survey): number {
  const newest = survey.loki?.buckets.find(({ use }) => use === 'chunks')?.newest;
  return Math.max(freshSince(survey), newest?.getTime() ?? 0);
}

/** logfmt, JSON and nginx's own; `undefined` where a line tells no time. */
function timeOf(line: string): number | undefined {
  const [, date, time] = /(\d{4}[-/]\d\d[-/]\d\d)[T ](\d\d:\d\d:\d\d)/.exec(line) ?? [];
  const ms = date && time ? Date.parse(`${date.replaceAll('/', '-')}T${time}Z`) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Lines that fit, each as `pod ingester-0: …`, one a pod and at most `most`; only those that are not older than `since`. */
export function said(pods: readonly PodSeen[], pattern: RegExp, most = 3, since = 0): readonly string[] {
  return pods
    .flatMap(({ name, lines = [] }) => {
      const line = lines.findLast((one) => pattern.test(one) && !isNoise(one) && (timeOf(one) ?? since) >= since);
      return line === undefined ? [] : [`pod ${name}: ${shortened(line)}`];
    })
    .slice(0, most);
}

export const shortened = (text: string, most = 280): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Crash loops, and pods that have crashed and are not ready again. */
export const crashing = (pods: readonly PodSeen[]): readonly PodSeen[] =>
  pods.filter(({ ready, containers }) => !ready && containers.some(({ waiting, restarts }) => waiting?.reason === 'CrashLoopBackOff' || restarts > 0));
