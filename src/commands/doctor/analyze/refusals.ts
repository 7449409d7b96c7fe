/** Pushes that failed, as collectors tell of them: in their logs, and in counters where their logs are silent. */
import { getPath } from '../../../design/get-path.ts';
import { freshSince, nowIn, saying, timeOf, told } from './log-lines.ts';
import { collectorPods } from './pipeline.ts';
import { counted, podsPushed, type PodPushed } from './pushes.ts';
import type { Evidence } from './evidence.ts';

const PUSH_ERROR = /error sending batch|status=(4\d\d|5\d\d|-1)|server returned HTTP status/i;

/** Trouble of now is told about by whoever tries next; what others said before may have been another one. */
const AT_ONCE_MS = 25_000;

/** What is ready answers a little later: a Service has to learn of its pods. */
const SETTLED_MS = 5000;

/**
 * Since when Loki can take lines, by its first gateway and distributor and the last ingester that it needed, as far as they are ready:
 * what collectors met before is how an installation begins, or the time between two gateways.
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
 * The last word of each collector about a push that failed: what it said before, or others long before, was another trouble. Where it
 * has said nothing, its counters speak.
 */
export function refusals(collected: Evidence): ReturnType<typeof saying> {
  const heard = saying(collectorPods(collected), PUSH_ERROR, Math.max(freshSince(collected), takingSince(collected)));
  const newest = Math.max(0, ...heard.map(({ line }) => timeOf(line) ?? 0));
  const lately = heard.filter(({ line }) => (timeOf(line) ?? newest) >= newest - AT_ONCE_MS);
  const silent = failing(collected).filter(({ pod }) => !lately.some((one) => one.pod.name === pod.name));
  return [...lately, ...silent.map((one) => ({ pod: one.pod, line: counted(one) }))];
}

/** Parts that are ready learn of each other within it. */
const GOSSIP_MS = 10_000;

/** Collectors that delivered nothing while Loki could have taken it, by their counters. */
export function failing(collected: Evidence): readonly PodPushed[] {
  const [now, since] = [nowIn(collected), takingSince(collected) + GOSSIP_MS];
  return podsPushed(collected).filter(({ state, seen }) => state === 'failing' && now - seen.seconds * 1000 >= since);
}

/** What was said last of all. */
export function newestRefusal(collected: Evidence): string | undefined {
  const heard = refusals(collected);
  return heard.toSorted((a, b) => (timeOf(a.line) ?? 0) - (timeOf(b.line) ?? 0)).at(-1)?.line;
}

/** Those of them that say this, each as `pod alloy-a: …`. */
export const refusedWith = (collected: Evidence, pattern: RegExp, most = 3): readonly string[] =>
  refusals(collected)
    .filter(({ line }) => pattern.test(line))
    .slice(0, most)
    .map(({ pod, line }) => `pod ${pod.name}: ${told(line)}`);
