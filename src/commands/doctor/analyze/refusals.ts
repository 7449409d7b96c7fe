/** Failed pushes as collectors report them: in their logs, and in counters where their logs are silent. */
import { getPath } from '../../../design/get-path.ts';
import { freshSince, nowIn, saying, timeOf, told } from './log-lines.ts';
import { collectorPods } from './pipeline.ts';
import { counted, podsPushed, type PodPushed } from './pushes.ts';
import type { Evidence } from './evidence.ts';

const PUSH_ERROR = /error sending batch|status=(4\d\d|5\d\d|-1)|server returned HTTP status/i;

/** A current failure is logged by the next collector that tries; older messages may have another cause. */
const AT_ONCE_MS = 25_000;

/** A ready pod receives traffic a little later: a Service has to learn about its pods. */
const SETTLED_MS = 5000;

/**
 * Since when Loki can accept lines, by its first gateway and distributor and the last ingester that it needed, as far as they are ready:
 * earlier failures are normal while an installation starts, or between two gateways.
 */
export function takingSince({ loki }: Pick<Evidence, 'loki'>): number {
  const since = (component: RegExp): readonly number[] =>
    (loki?.pods ?? []).flatMap((pod) => (component.test(pod.component) ? (pod.readySince?.getTime() ?? []) : [])).toSorted((a, b) => a - b);
  const needed = Math.floor(Number(getPath(loki?.config, 'common.replication_factor') ?? 3) / 2) + 1;
  const ingesters = since(/^(ingester|write|single-binary)/);
  const ends = [...since(/^gateway$/).slice(0, 1), ...since(/^(distributor|write|single-binary)/).slice(0, 1), ...ingesters.slice(0, needed).slice(-1)];
  return ends.length > 0 ? Math.max(...ends) + SETTLED_MS : 0;
}

/**
 * The last message of each collector about a failed push: its earlier ones, or much older ones of others, had another cause. Where it
 * has logged nothing, its counters are used.
 */
export function refusals(collected: Evidence): ReturnType<typeof saying> {
  const heard = saying(collectorPods(collected), PUSH_ERROR, Math.max(freshSince(collected), takingSince(collected)));
  const newest = Math.max(0, ...heard.map(({ line }) => timeOf(line) ?? 0));
  const lately = heard.filter(({ line }) => (timeOf(line) ?? newest) >= newest - AT_ONCE_MS);
  const silent = failing(collected).filter(({ pod }) => !lately.some((one) => one.pod.name === pod.name));
  return [...lately, ...silent.map((one) => ({ pod: one.pod, line: counted(one) }))];
}

/** Time within which ready components discover each other. */
const GOSSIP_MS = 10_000;

/** Collectors that delivered nothing while Loki could have accepted it, by their counters. */
export function failing(collected: Evidence): readonly PodPushed[] {
  const [now, since] = [nowIn(collected), takingSince(collected) + GOSSIP_MS];
  return podsPushed(collected).filter(({ state, seen }) => state === 'failing' && now - seen.seconds * 1000 >= since);
}

/** The most recent message. */
export function newestRefusal(collected: Evidence): string | undefined {
  const heard = refusals(collected);
  return heard.toSorted((a, b) => (timeOf(a.line) ?? 0) - (timeOf(b.line) ?? 0)).at(-1)?.line;
}

/** Those that match the pattern, each as `pod alloy-a: …`. */
export const refusedWith = (collected: Evidence, pattern: RegExp, most = 3): readonly string[] =>
  refusals(collected)
    .filter(({ line }) => pattern.test(line))
    .slice(0, most)
    .map(({ pod, line }) => `pod ${pod.name}: ${told(line)}`);
