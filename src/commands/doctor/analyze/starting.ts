/** Distinguishes what has just started from what is broken: by age, and by the startup lines of its log. */
import { crashing, timeOf } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import type { PodEvidence, Workload } from './objects-evidence.ts';
import { noImage } from './scheduling.ts';

/** A component that has just started is on its way; how long a Loki that replays its log needs is unknown. */
const STARTING_MS = 90_000;

/** When its process started, if known. */
export const startOf = ({ created, containers }: PodEvidence): number =>
  Math.max(created?.getTime() ?? 0, ...containers.map(({ startedAt }) => startedAt?.getTime() ?? 0));

/** From a log that still contains its beginning. */
const begunAt = ({ lines = [] }: PodEvidence): number => timeOf(lines.findLast((line) => /"(Starting Loki|Alloy is starting)"/.test(line)) ?? '') ?? 0;

/** While names resolve for the first time and rings fill, every component logs errors. */
const SETTLING_MS = 120_000;

/** The same pods, without what they logged while they, and their dependencies, were starting; pods with an unknown start keep all. */
export function settled(pods: readonly PodEvidence[], needed: readonly PodEvidence[] = []): readonly PodEvidence[] {
  const others = Math.max(0, ...needed.map((pod) => pod.readySince?.getTime() ?? startOf(pod)));
  return pods.map((pod) => {
    const from = Math.max(startOf(pod), begunAt(pod), others);
    return from === 0 ? pod : { ...pod, lines: (pod.lines ?? []).filter((line) => (timeOf(line) ?? Infinity) >= from + SETTLING_MS) };
  });
}

/** Not ready yet, but no reason to think that it will not be. */
export const isStarting = (pod: PodEvidence, now: number): boolean =>
  !pod.ready && now - startOf(pod) < STARTING_MS && pod.unscheduled === undefined && !pod.containers.some(noImage) && crashing([pod]).length === 0;

/** Between two sets of pods there may be none for a moment; if none can be created, an event reports it. */
export const isReplacing = ({ events }: LokiEvidence, { namespace, name }: Workload): boolean =>
  !events.some(
    ({ object, reason }) =>
      reason === 'FailedCreate' && (object.startsWith(`ReplicaSet ${namespace}/${name}-`) || object === `StatefulSet ${namespace}/${name}`),
  );
