/** Workloads that are not ready, in words, with evidence and, if waiting is pointless, the problem. */
import type { Problem } from '../../engine/types.ts';
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import type { Unready } from '../../ports/releases.ts';
import { podEvidence, refusedPods } from './evidence.ts';
import type { Lacking } from './look.ts';
import type { Trouble } from './pod-trouble.ts';
import { blocksUpdate } from './rollout.ts';
import { hopeless, type Watched } from './readiness-rules.ts';

/** How long a pod has been in this state, as far as known. */
export type Watch = (pod: KubeObject, trouble: Trouble) => Watched;

const PODS_TOLD = 3;

export const explain = (kubernetes: Kubernetes, lacking: readonly Lacking[], watch: Watch): Promise<readonly Unready[]> =>
  Promise.all(lacking.map((one) => explainOne(kubernetes, one, watch)));

const title = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.namespace}/${metadata.name}`;

async function explainOne(kubernetes: Kubernetes, { workload, missing, pods }: Lacking, watch: Watch): Promise<Unready> {
  const judged = pods.map((bad) => ({ ...bad, watched: watch(bad.pod, bad.trouble) }));
  // Hopeless pods first, and those that are terminating last.
  const rank = (bad: (typeof judged)[number]) => (hopeless(bad.pod, { ...bad, evidence: [] }) ? 0 : bad.trouble.is === 'ending' ? 2 : 1);
  const told = await Promise.all(
    judged
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, PODS_TOLD)
      .map(async (bad) => {
        const blocks = blocksUpdate(workload, bad.pod) ? unblock(bad.pod) : undefined;
        const evidence = [...(blocks ? [blocks.why] : []), ...(await podEvidence(kubernetes, bad.pod, bad.trouble))];
        const problem = hopeless(bad.pod, { ...bad, evidence: [`${title(workload)}: ${missing}`, ...evidence] });
        return {
          words: [`${bad.pod.metadata.name} ${bad.trouble.why}`, ...evidence].join(' | '),
          problem: problem && blocks ? { ...problem, fix: blocks.fix } : problem,
        };
      }),
  );
  const problem: Problem | undefined = told.find((one) => one.problem)?.problem;
  // Pods that were never created have no status.
  const refused = pods.length === 0 ? await refusedPods(kubernetes, workload) : [];
  return { workload: title(workload), why: [missing, ...refused.slice(0, 1), ...told.map(({ words }) => words)].join('; '), ...(problem && { problem }) };
}

/** A StatefulSet with ordered updates waits forever for a broken pod of the previous revision. */
const unblock = ({ metadata: { namespace, name } }: KubeObject) => ({
  why: `${name} belongs to the previous revision and blocks the update`,
  fix: `Run \`kubectl -n ${namespace} delete pod ${name}\`, then run the command again: a pod of the new revision replaces it`,
});
