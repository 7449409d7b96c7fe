/** What the cluster reports about a namespace: warnings, claims, network policies, and trouble of nodes. */
import type { ClaimEvidence } from '../analyze/loki-evidence.ts';
import type { EventEvidence, PolicyRule, PolicyEvidence, Selector, Workload } from '../analyze/objects-evidence.ts';
import type { KubeObject } from '../../../ports/kubernetes.ts';
import { each, collected, type CollectContext } from './objects.ts';

const MOST_EVENTS = 300;

/** Warnings of the last hour: events do not live longer. */
export async function warningsIn({ session: { kubernetes }, miss }: CollectContext, namespace: string): Promise<readonly EventEvidence[]> {
  const query = { apiVersion: 'v1', kind: 'Event', namespace, fields: 'type=Warning', limit: MOST_EVENTS } as const;
  return ((await collected(miss, `events in namespace ${namespace}`, kubernetes.list(query))) ?? []).map(eventOf);
}

/** Memory pressure on a node also kills pods that did nothing wrong. */
export async function nodeEvents({ session: { kubernetes }, miss }: CollectContext): Promise<readonly EventEvidence[]> {
  const query = { apiVersion: 'v1', kind: 'Event', fields: 'reason=SystemOOM', limit: MOST_EVENTS } as const;
  return ((await collected(miss, 'node events', kubernetes.list(query))) ?? []).map(eventOf);
}

function eventOf(event: KubeObject): EventEvidence {
  const { kind = '', namespace, name = '' } = (event['involvedObject'] ?? {}) as { kind?: string; namespace?: string; name?: string };
  const object = kind === 'Node' || !namespace ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
  return { object, reason: String(event['reason'] ?? ''), message: String(event['message'] ?? '') };
}

/** All claims of Loki's StatefulSets, including those of pods that no longer exist; events only for claims that are not bound. */
export async function claimsIn(
  { session: { kubernetes }, miss }: CollectContext,
  of: { readonly namespace: string; readonly instance: string | undefined; readonly workloads: readonly Workload[] },
): Promise<readonly ClaimEvidence[]> {
  const { namespace, instance } = of;
  const [claims, classes] = await Promise.all([
    collected(miss, `claims in namespace ${namespace}`, kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, limit: MOST_EVENTS })),
    collected(miss, 'StorageClasses', kubernetes.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' })),
  ]);
  const fallback = classes?.find(({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true');
  const templates = of.workloads.flatMap(({ name, claims: all }) => all.map((claim) => `${claim}-${name}-`));
  const ours = (claims ?? []).filter(
    ({ metadata: { name, labels } }) =>
      ((labels?.['app.kubernetes.io/name'] ?? labels?.['app'] ?? '').startsWith('loki') && (labels?.['app.kubernetes.io/instance'] ?? instance) === instance) ||
      templates.some((start) => name.startsWith(start)),
  );
  return each(ours, 4, async (claim) => {
    const { name, creationTimestamp } = claim.metadata;
    const phase = (claim['status'] as { phase?: string } | undefined)?.phase ?? 'Pending';
    const named = (claim['spec'] as { storageClassName?: string } | undefined)?.storageClassName;
    const fields = `involvedObject.name=${name}`;
    const events =
      phase === 'Bound'
        ? []
        : await collected(miss, `events of claim ${name}`, kubernetes.list({ apiVersion: 'v1', kind: 'Event', namespace, fields, limit: 20 }));
    return {
      name,
      phase,
      ...(creationTimestamp && { created: new Date(creationTimestamp) }),
      ...(named && { storageClass: named }),
      classKnown: classes === undefined || (named ? classes.some(({ metadata }) => metadata.name === named) : fallback !== undefined),
      events: (events ?? []).map((event) => `${String(event['reason'])}: ${String(event['message'])}`),
    };
  });
}

interface PolicyBody {
  readonly podSelector?: Selector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly { readonly from?: PolicyRule['peers']; readonly ports?: PolicyRule['ports'] }[];
  readonly egress?: readonly { readonly to?: PolicyRule['peers']; readonly ports?: PolicyRule['ports'] }[];
}

/** `undefined` if listing is not allowed in one of the namespaces. */
export async function policiesIn(
  { session: { kubernetes }, miss }: CollectContext,
  namespaces: readonly string[],
): Promise<readonly PolicyEvidence[] | undefined> {
  const lists = await Promise.all(
    namespaces.map((namespace) => {
      const query = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace, limit: MOST_EVENTS } as const;
      return collected(miss, `NetworkPolicies in namespace ${namespace}`, kubernetes.list(query));
    }),
  );
  return lists.includes(undefined) ? undefined : lists.flatMap((list) => (list ?? []).map(policyOf));
}

function policyOf({ metadata, spec }: KubeObject): PolicyEvidence {
  const { podSelector = {}, policyTypes, ingress = [], egress = [] } = (spec ?? {}) as PolicyBody;
  const rule = (peers: PolicyRule['peers'], ports: PolicyRule['ports']): PolicyRule => ({ ...(peers && { peers }), ...(ports && { ports }) });
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    podSelector,
    types: policyTypes ?? (egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress']),
    ingress: ingress.map(({ from, ports }) => rule(from, ports)),
    egress: egress.map(({ to, ports }) => rule(to, ports)),
  };
}

export async function namespaceLabels(
  { session: { kubernetes }, miss }: CollectContext,
  names: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const found = await Promise.all(
    names.map(async (name) => [name, await collected(miss, `Namespace ${name}`, kubernetes.get({ apiVersion: 'v1', kind: 'Namespace', name }))] as const),
  );
  return new Map(found.flatMap(([name, object]) => (object ? [[name, object.metadata.labels ?? {}] as const] : [])));
}
