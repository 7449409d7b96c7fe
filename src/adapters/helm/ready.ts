/** Waiting for a release's workloads: says what is missing and why, and gives up early where waiting is pointless. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import type { HelmTask, Releases, Unready } from '../../ports/releases.ts';
import type { Clock } from '../../ports/system.ts';
import { podEvidence } from './evidence.ts';
import { trouble, type Trouble } from './pod-trouble.ts';
import { missing, owns, type WorkloadKind } from './rollout.ts';
import { hopeless, type Watched } from './verdict.ts';

export const systemClock: Clock = { now: () => new Date(), sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}) };

const QUICK_POLL_MS = 1_000;
const POLL_MS = 2_000;
/** So long the quick poll is worth its requests: most workloads are up by then. */
const QUICK_FOR_MS = 30_000;
/** Enough to say why; a DaemonSet on a big cluster may have thousands. */
const MOST_PODS = 500;
const PODS_TOLD = 3;

const KINDS: readonly WorkloadKind[] = ['Deployment', 'StatefulSet', 'DaemonSet'];

interface Lacking {
  readonly workload: KubeObject;
  readonly missing: string;
  readonly pods: readonly { readonly pod: KubeObject; readonly trouble: Trouble }[];
}
interface Place {
  readonly name: string;
  readonly namespace: string;
}

export function openReadiness({ kubernetes, clock }: { readonly kubernetes: Kubernetes; readonly clock: Clock }): Pick<Releases, 'ready' | 'unready'> {
  const look = async (place: Place): Promise<{ readonly all: number; readonly lacking: readonly Lacking[] }> => {
    const of = { namespace: place.namespace, labels: `app.kubernetes.io/instance=${place.name}` };
    const workloads = (await Promise.all(KINDS.map((kind) => kubernetes.list({ apiVersion: 'apps/v1', kind, ...of })))).flat();
    const open = workloads.flatMap((workload) => {
      const lacks = missing(workload);
      return lacks === undefined ? [] : [{ workload, missing: lacks }];
    });
    const pods = open.length > 0 ? await kubernetes.list({ apiVersion: 'v1', kind: 'Pod', limit: MOST_PODS, ...of }) : [];
    const troubled = pods.flatMap((pod) => {
      const found = trouble(pod);
      return found ? [{ pod, trouble: found }] : [];
    });
    return { all: workloads.length, lacking: open.map((one) => ({ ...one, pods: troubled.filter(({ pod }) => owns(one.workload, pod)) })) };
  };
  const explain = (lacking: readonly Lacking[], watch: (pod: KubeObject, trouble: Trouble) => Watched): Promise<readonly Unready[]> =>
    Promise.all(lacking.map((one) => explainOne(kubernetes, one, watch)));

  return {
    unready: async (name, namespace) => explain((await look({ name, namespace })).lacking, byAge(clock.now())),
    ready: async (task) => {
      const start = clock.now().getTime();
      const watch = byWatching(clock);
      let said = '';
      for (;;) {
        task.signal.throwIfAborted();
        const { all, lacking } = await look(task);
        if (lacking.length === 0) return;
        // Waiting costs no further requests: evidence is fetched only for what will be told.
        const doomed = lacking.filter(({ pods }) => pods.some(({ pod, trouble }) => hopeless(pod, { trouble, watched: watch(pod, trouble), evidence: [] })));
        const problem = doomed.length > 0 && (await explain(doomed, watch)).find((one) => one.problem)?.problem;
        if (problem) throw new ProblemError(problem);
        const line = sentence(lacking, all);
        if (line !== said) task.say(line);
        said = line;
        const waited = clock.now().getTime() - start;
        if (waited >= task.timeoutMs) throw notReady(task, await explain(lacking, watch));
        await clock.sleep(Math.min(waited < QUICK_FOR_MS ? QUICK_POLL_MS : POLL_MS, task.timeoutMs - waited), task.signal);
      }
    },
  };
}

/** One look has no memory: the pod's own times stand for how long the trouble lasts. */
const byAge =
  (now: Date) =>
  (pod: KubeObject, trouble: Trouble): Watched => {
    const since = trouble.since?.getTime() ?? Date.parse(pod.metadata.creationTimestamp ?? '');
    return { forMs: Number.isNaN(since) ? 0 : now.getTime() - since, restarted: trouble.restarts ?? 0 };
  };

/**
 * Counts from when we first saw it: after a repair, pods of the former revision are still in trouble until they are replaced,
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

const title = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.namespace}/${metadata.name}`;

async function explainOne(kubernetes: Kubernetes, one: Lacking, watch: (pod: KubeObject, trouble: Trouble) => Watched): Promise<Unready> {
  const judged = one.pods.map((bad) => ({ ...bad, watched: watch(bad.pod, bad.trouble) }));
  const rank = (bad: (typeof judged)[number]) => (hopeless(bad.pod, { ...bad, evidence: [] }) ? 0 : bad.trouble.is === 'ending' ? 2 : 1);
  const told = judged.sort((a, b) => rank(a) - rank(b)).slice(0, PODS_TOLD);
  const evidence = await Promise.all(told.map(({ pod, trouble }) => podEvidence(kubernetes, pod, trouble)));
  const found = told.map((bad, index) => hopeless(bad.pod, { ...bad, evidence: [`${title(one.workload)}: ${one.missing}`, ...evidence[index]!] })).find(Boolean);
  const why = [one.missing, ...told.map(({ pod, trouble }, index) => [`${pod.metadata.name} ${trouble.why}`, ...evidence[index]!].join(' | '))].join('; ');
  return { workload: title(one.workload), why, ...(found && { problem: found }) };
}

/** One line for the reader: how many are missing, and what the first of them waits for. */
function sentence(lacking: readonly Lacking[], all: number): string {
  const words = lacking.slice(0, PODS_TOLD).map(({ workload, missing: lacks, pods }) => {
    const [first] = [...pods].sort((a, b) => Number(a.trouble.is === 'ending') - Number(b.trouble.is === 'ending'));
    return `${workload.metadata.name} ${lacks}${first ? ` (${first.pod.metadata.name} ${first.trouble.why})` : ''}`;
  });
  const rest = lacking.length - words.length;
  return `${all - lacking.length} of ${all} workloads ready; waiting for ${words.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function notReady(task: HelmTask, unready: readonly Unready[]): ProblemError {
  return stop('RELEASE_NOT_READY', {
    message: `Release ${task.namespace}/${task.name} is not ready after ${Math.round(task.timeoutMs / 1000)} s: ${unready.map(({ workload }) => workload).join(', ')}`,
    fix: `kubectl -n ${task.namespace} get pods -l app.kubernetes.io/instance=${task.name}; if it was only slow, run the command again with a longer --timeout-seconds.`,
    evidence: unready.map(({ workload, why }) => `${workload}: ${why}`),
  });
}
