/** Waits for a release's workloads: reports what is missing and why, and gives up early if waiting is pointless. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import type { HelmTask, Releases, Unready } from '../../ports/releases.ts';
import type { Clock } from '../../ports/system.ts';
import { podEvidence } from './evidence.ts';
import { explain, type Watch } from './explain.ts';
import { lookAt, type Lacking, type Look } from './look.ts';
import type { Trouble } from './pod-trouble.ts';
import { hopeless, type Watched } from './readiness-rules.ts';

export const systemClock: Clock = { now: () => new Date(), sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}) };

/** Poll intervals by elapsed time: short while most workloads come up. */
const POLLS = [
  { fromMs: 60_000, everyMs: 2_000 },
  { fromMs: 15_000, everyMs: 1_000 },
  { fromMs: 0, everyMs: 250 },
] as const;
/** The pause between polls is at least this multiple of a poll's duration. */
const REST = 4;
const TOLD = 3;
/** A line that stays unchanged this long needs a reason: an event or a log line of the first pod that is not ready. */
const SLOW_MS = 10_000;

export function openReadiness({ kubernetes, clock }: { readonly kubernetes: Kubernetes; readonly clock: Clock }): Pick<Releases, 'ready' | 'unready'> {
  return {
    unready: async (name, namespace) => explain(kubernetes, (await lookAt(kubernetes, { name, namespace })).lacking, byAge(clock.now())),
    ready: async (task) => {
      const start = clock.now().getTime();
      const watch = byWatching(clock);
      const tell = teller(kubernetes, { say: task.say, clock });
      for (;;) {
        task.signal.throwIfAborted();
        const before = clock.now().getTime();
        const look = await lookAt(kubernetes, task);
        const took = clock.now().getTime() - before;
        await tell(look);
        if (look.lacking.length === 0) return;
        await giveUp(kubernetes, look.lacking, watch);
        const waited = clock.now().getTime() - start;
        if (waited >= task.timeoutMs) throw notReady(task, await explain(kubernetes, look.lacking, watch));
        const every = Math.max(POLLS.find(({ fromMs }) => waited >= fromMs)!.everyMs, took * REST);
        await clock.sleep(Math.min(every, task.timeoutMs - waited), task.signal);
      }
    },
  };
}

/** Waiting causes no further requests: evidence is fetched only for what is reported. */
async function giveUp(kubernetes: Kubernetes, lacking: readonly Lacking[], watch: Watch): Promise<void> {
  const doomed = lacking.filter(({ pods }) =>
    pods.map(({ pod, trouble }) => hopeless(pod, { trouble, watched: watch(pod, trouble), evidence: [] })).some(Boolean),
  );
  if (doomed.length === 0) return;
  const problem = (await explain(kubernetes, doomed, watch)).find((one) => one.problem)?.problem;
  if (problem) throw new ProblemError(problem);
}

/** A single poll has no history: the pod's own times show how long the trouble has lasted. */
const byAge =
  (now: Date) =>
  (pod: KubeObject, trouble: Trouble): Watched => {
    const since = trouble.since?.getTime() ?? Date.parse(pod.metadata.creationTimestamp ?? '');
    return { forMs: Number.isNaN(since) ? 0 : now.getTime() - since, restarted: trouble.restarts ?? 0 };
  };

/**
 * Counts from when we first saw it: after a repair, pods of the previous revision are still in trouble until they are replaced,
 * and that is no reason to give up.
 */
function byWatching(clock: Clock): (pod: KubeObject, trouble: Trouble) => Watched {
  const start = clock.now().getTime();
  const seen = new Map<string, { readonly at: number; readonly restarts: number }>();
  return (pod, trouble) => {
    const key = `${pod.metadata.uid ?? pod.metadata.name} ${trouble.is}`;
    const now = clock.now().getTime();
    // A second of slack: creation times have no fractions.
    const bornBefore = Date.parse(pod.metadata.creationTimestamp ?? '') < start - 1_000;
    let first = seen.get(key);
    if (!first) seen.set(key, (first = { at: now, restarts: bornBefore ? (trouble.restarts ?? 0) : 0 }));
    return { forMs: now - first.at, restarted: (trouble.restarts ?? 0) - first.restarts };
  };
}

/** Prints a line when it changes; if it stays the same for long, looks for the reason. */
function teller(kubernetes: Kubernetes, { say, clock }: { readonly say: HelmTask['say']; readonly clock: Clock }): (look: Look) => Promise<void> {
  let line = '';
  let said = '';
  let since = 0;
  return async (look) => {
    const now = clock.now().getTime();
    const next = sentence(look);
    const [first] = look.lacking.flatMap(({ pods }) => pods).sort((a, b) => weight(a.trouble) - weight(b.trouble));
    let whole = next;
    if (next !== line) [line, since] = [next, now];
    else if (first && now - since >= SLOW_MS) {
      since = now;
      const [reason] = (await podEvidence(kubernetes, first.pod, first.trouble)).slice(-1);
      if (reason) whole = `${next}: ${reason}`;
    } else return;
    if (whole === '' || whole === said) return;
    said = whole;
    say(whole);
  };
}

/** One line for the user: how many are missing, and what the first of them waits for. Empty if there is nothing to report. */
function sentence({ all, lacking, excused }: Look): string {
  if (lacking.length === 0)
    return excused
      .map(
        ({ workload, nodes }) =>
          `${workload.metadata.name}: ${nodes.length} nodes are not ready (${nodes.slice(0, TOLD).join(', ')}); their pods will start later`,
      )
      .join('; ');
  const [worst, ...others] = [...lacking].sort((a, b) => gravity(a) - gravity(b));
  const [pod] = [...worst!.pods].sort((a, b) => weight(a.trouble) - weight(b.trouble));
  const words = [
    `${worst!.workload.metadata.name} ${worst!.missing}${pod ? ` (${pod.pod.metadata.name} ${pod.trouble.why})` : ''}`,
    ...others.slice(0, TOLD - 1).map((one) => `${one.workload.metadata.name} ${one.missing}`),
  ];
  const rest = lacking.length - words.length;
  return `${all - lacking.length}/${all} workloads ready; waiting for ${words.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** What most likely needs the user comes first; terminating pods explain nothing. */
const weight = ({ is }: Trouble): number => (is === 'ending' ? 2 : is === 'creating' || is === 'unready' ? 1 : 0);
const gravity = ({ pods }: Lacking): number => Math.min(3, ...pods.map(({ trouble }) => weight(trouble)));

function notReady(task: HelmTask, unready: readonly Unready[]): ProblemError {
  return stop('RELEASE_NOT_READY', {
    message: `Release ${task.namespace}/${task.name} is not ready after ${Math.round(task.timeoutMs / 1000)} s: ${unready.map(({ workload }) => workload).join(', ')}`,
    fix: `Run \`kubectl -n ${task.namespace} get pods -l app.kubernetes.io/instance=${task.name}\` to find the cause; if the rollout was only slow, run the command again with a longer \`--timeout\``,
    evidence: unready.map(({ workload, why }) => `${workload}: ${why}`),
  });
}
