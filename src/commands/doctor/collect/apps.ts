/** Application pods that can't be collected from: those that do not log to stdout, and those on Fargate. */
import type { Evidence } from '../analyze/evidence.ts';
import { each, collected, podOf, type CollectContext } from './objects.ts';

const MOST = 12;
const LISTED = 300;
/** A new pod may not have had anything to log. */
const GROWN_MS = 10_000;
const NOT_APPS =
  /^(kube-.*|amazon-.*|aws-.*|istio-.*|linkerd.*|calico-.*|tigera-.*|gatekeeper-.*|cert-manager|external-.*|karpenter|monitoring|observability)$/;

/** One pod per workload, of those that have run for a while; `others` are namespaces that are read anyway. */
export async function silentApps({ run, session: { kubernetes }, miss }: CollectContext, others: readonly string[]): Promise<Evidence['silent']> {
  const query = { apiVersion: 'v1', kind: 'Pod', fields: 'status.phase=Running', limit: LISTED } as const;
  const objects = await collected(miss, 'pods of all namespaces', kubernetes.list(query));
  if (!objects) return undefined;
  const now = run.deps.clock.now().getTime();
  const byOwner = new Map(
    objects
      .filter(({ metadata }) => !NOT_APPS.test(metadata.namespace ?? '') && !others.includes(metadata.namespace ?? ''))
      .map((object) => ({ owner: `${object.metadata.namespace} ${object.metadata.ownerReferences?.[0]?.name ?? object.metadata.name}`, pod: podOf(object) }))
      .filter(({ pod }) => pod.ready && pod.created !== undefined && now - pod.created.getTime() > GROWN_MS)
      .map(({ owner, pod }) => [owner, pod]),
  );
  const chosen = [...byOwner.values()].slice(0, MOST);
  const silent = await each(chosen, 6, async (pod) => {
    const lines = await Promise.all(
      pod.spec.containers.map(({ name }) => kubernetes.logs({ namespace: pod.namespace, pod: pod.name, container: name, tail: 1 }).catch(() => ['unknown'])),
    );
    return lines.every((one) => one.length === 0) ? [`${pod.namespace}/${pod.name}`] : [];
  });
  return { pods: silent.flat(), of: chosen.length };
}

const FARGATE_LISTED = 1000;

/** By the label that Fargate's own webhook sets on every pod that it schedules. */
export async function podsOnFargate({ session: { kubernetes }, miss }: CollectContext): Promise<readonly string[] | undefined> {
  const query = { apiVersion: 'v1', kind: 'Pod', labels: 'eks.amazonaws.com/fargate-profile', metadataOnly: true, limit: FARGATE_LISTED } as const;
  const found = await collected(miss, 'pods on Fargate', kubernetes.list(query));
  return found?.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).toSorted();
}
