/** Telling what has just begun from what is broken: by age, and by what a log says of its own beginning. */
import { crashing, timeOf } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import type { PodEvidence, Workload } from './objects-evidence.ts';
import { noImage } from './scheduling.ts';

/** Whoever has just started is on the way; how long that takes a Loki that reads its log back, nobody knows. */
const STARTING_MS = 90_000;

/** When the process in it began, as far as that is known. */
export const startOf = ({ created, containers }: PodEvidence): number =>
  Math.max(created?.getTime() ?? 0, ...containers.map(({ startedAt }) => startedAt?.getTime() ?? 0));

/** Of a log, where it still holds its beginning. */
const begunAt = ({ lines = [] }: PodEvidence): number => timeOf(lines.findLast((line) => /"(Starting Loki|Alloy is starting)"/.test(line)) ?? '') ?? 0;

/** While names resolve for the first time and rings fill, every part complains. */
const SETTLING_MS = 120_000;

/** The same pods, without what they said while they, and whatever they need, were beginning; a pod of which nothing is known keeps all. */
export function settled(pods: readonly PodEvidence[], needed: readonly PodEvidence[] = []): readonly PodEvidence[] {
  const others = Math.max(0, ...needed.map((pod) => pod.readySince?.getTime() ?? startOf(pod)));
  return pods.map((pod) => {
    const from = Math.max(startOf(pod), begunAt(pod), others);
    return from === 0 ? pod : { ...pod, lines: (pod.lines ?? []).filter((line) => (timeOf(line) ?? Infinity) >= from + SETTLING_MS) };
  });
}

/** Not ready yet, and no reason to think that it will not be. */
export const isStarting = (pod: PodEvidence, now: number): boolean =>
  !pod.ready && now - startOf(pod) < STARTING_MS && pod.unscheduled === undefined && !pod.containers.some(noImage) && crashing([pod]).length === 0;

/** Between two sets of pods there may be none for a moment; that none may be made is told in an event. */
export const isReplacing = ({ events }: LokiEvidence, { namespace, name }: Workload): boolean =>
  !events.some(
    ({ object, reason }) =>
      reason === 'FailedCreate' && (object.startsWith(`ReplicaSet ${namespace}/${name}-`) || object === `StatefulSet ${namespace}/${name}`),
  );
