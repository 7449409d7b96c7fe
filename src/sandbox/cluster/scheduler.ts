/** The scheduler: binds each pod to the roomiest node that fits, or reports why none does. */
import { claimsOf, selectNode } from './claims.ts';
import { affinitiesOf, refusal, type Refusal, requestsOf, type Round, unavailable, usedOn } from './fit.ts';
import { type ClusterParts, splitKey } from './parts.ts';
import { ownerUid } from './pod-index.ts';
import { amounts } from './quantity.ts';
import { termMatchesNode } from './selector.ts';
import { type Condition, type Node, type Pod, withConditions } from './shapes.ts';

const FROM = 'default-scheduler';
const PREEMPTION_NO_HELP = 'Preemption is not helpful for scheduling';

export function schedule(parts: ClusterParts, of: string): void {
  const { namespace, name } = splitKey(of);
  const pod = parts.store.get('Pod', namespace, name) as Pod | undefined;
  if (pod === undefined || pod.spec.nodeName !== undefined || pod.metadata.deletionTimestamp !== undefined) return;
  if ((pod.spec.schedulerName ?? FROM) !== FROM || (pod.spec.schedulingGates ?? []).length > 0) return;
  const round: Round = { nodes: parts.nodes, pods: parts.pods };
  const claims = claimsOf(parts.store, pod);
  const missing = claims.find((claim) => claim.is === 'missing');
  const total = round.nodes.size;
  if (missing?.is === 'missing')
    return refuse(
      parts,
      pod,
      `0/${total} nodes are available: persistentvolumeclaim "${missing.name}" not found. preemption: 0/${total} nodes are available: ${total} ${PREEMPTION_NO_HELP}.`,
    );
  if (claims.some((claim) => claim.is === 'unbound'))
    return refuse(
      parts,
      pod,
      `0/${total} nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/${total} nodes are available: ${total} ${PREEMPTION_NO_HELP}.`,
    );
  if (claims.some((claim) => claim.is === 'provisioning')) return;
  const bound = claims.find((claim) => claim.is === 'bound');
  const choice = choose(round, pod, bound?.is === 'bound' ? bound.zone : undefined);
  if (typeof choice === 'string') return refuse(parts, pod, choice);
  const waiting = claims.flatMap((claim) => (claim.is === 'waits-for-node' ? [claim.claim] : []));
  if (waiting.length > 0) {
    parts.pods.assume(pod, choice.metadata.name);
    for (const claim of waiting) selectNode(parts.store, claim, choice.metadata.name);
    return;
  }
  bind(parts, pod, choice);
}

/** The node, or the message that says why there is none. */
function choose(round: Round, pod: Pod, zone: string | undefined): Node | string {
  const ask = { pod, requests: requestsOf(pod.spec), affinities: affinitiesOf(round, pod), zone };
  const refusals: Refusal[] = [];
  const taking: Node[] = [];
  const { candidates, others } = narrowed(round, pod);
  for (const node of candidates) {
    const refused = refusal(round, ask, node);
    if (refused === undefined) taking.push(node);
    else refusals.push(refused);
  }
  const meant = taking.find((node) => node.metadata.name === round.pods.nodeOf(pod));
  if (taking.length > 0) return meant ?? best(round, pod, taking);
  if (round.nodes.size === 0) return 'no nodes available to schedule pods';
  const elsewhere: Refusal = { reasons: ["node(s) didn't match Pod's node affinity/selector"], helpless: true };
  return unavailable([...refusals, ...Array.from({ length: others }, () => elsewhere)], round.nodes.size);
}

/** A DaemonSet's pod names its node: checking thousands of others would only cost time. */
function narrowed(round: Round, pod: Pod): { readonly candidates: readonly Node[]; readonly others: number } {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const names = terms.map((term) => term.matchFields?.find((field) => field.key === 'metadata.name')?.values?.[0]);
  const only = names.length > 0 && names.every((name) => name === names[0]) ? names[0] : undefined;
  const node = only === undefined ? undefined : round.nodes.get(only);
  return node === undefined ? { candidates: [...round.nodes.values()], others: 0 } : { candidates: [node], others: round.nodes.size - 1 };
}

/** Fewest siblings first, then the pod's preferences, then the most free capacity. */
function best(round: Round, pod: Pod, nodes: readonly Node[]): Node {
  const owner = ownerUid(pod);
  const score = (node: Node): number => {
    const siblings = owner === undefined ? 0 : round.pods.onNode(node.metadata.name).filter((other) => ownerUid(other) === owner).length;
    const preferred = (pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      .filter((term) => termMatchesNode(term.preference, { name: node.metadata.name, labels: node.metadata.labels ?? {} }))
      .reduce((total, term) => total + term.weight, 0);
    const free = amounts(node.status?.allocatable);
    const used = usedOn(round, node).resources;
    const share = (name: string): number => ((free[name] ?? 0) - (used[name] ?? 0)) / (free[name] || 1);
    return preferred / 100 - siblings + (share('cpu') + share('memory')) / 4;
  };
  return nodes.map((node) => ({ node, score: score(node) })).reduce((a, b) => (b.score > a.score ? b : a)).node;
}

function bind(parts: ClusterParts, pod: Pod, node: Node): void {
  const { namespace, name } = pod.metadata;
  const status = { phase: 'Pending', ...pod.status, conditions: scheduled(parts, pod, { type: 'PodScheduled', status: 'True' }) };
  parts.pods.saw(parts.store.update({ ...pod, spec: { ...pod.spec, nodeName: node.metadata.name }, status }) as Pod);
  parts.tell({ about: pod, type: 'Normal', reason: 'Scheduled', message: `Successfully assigned ${namespace}/${name} to ${node.metadata.name}`, from: FROM });
}

function refuse(parts: ClusterParts, pod: Pod, message: string): void {
  const before = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (before?.status === 'False' && before.message === message) return;
  const conditions = scheduled(parts, pod, { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message });
  parts.store.setStatus('Pod', pod.metadata.namespace, pod.metadata.name, { phase: 'Pending', ...pod.status, conditions });
  parts.tell({ about: pod, type: 'Warning', reason: 'FailedScheduling', message, from: FROM });
}

function scheduled(parts: ClusterParts, pod: Pod, condition: Condition): readonly Condition[] {
  const others = (pod.status?.conditions ?? []).filter((c) => c.type !== 'PodScheduled');
  return withConditions(pod.status?.conditions, parts.clock.now(), [...others, condition]);
}
