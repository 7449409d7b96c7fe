/** Which node fits a pod, and why the others don't, in the scheduler's words. */
import { nodeFits } from './node-affinity.ts';
import type { PodIndex } from './pod-index.ts';
import { amounts, largest, type Resources, sum } from './quantity.ts';
import { selects, untolerated } from './selector.ts';
import { type Container, isFinished, type Node, type Pod, type PodAffinityTerm, type PodSpec } from './shapes.ts';

/** Reasons of the first filter that rejected it. `helpless`: preemption can't help. */
export interface Refusal {
  readonly reasons: readonly string[];
  readonly helpless: boolean;
}

/** Specs are never changed in place, and each is checked for every pod that needs a node. */
const known = new WeakMap<PodSpec, Resources>();

/** Containers together, or the largest init container, whichever is more; sidecars run beside both. */
export function requestsOf(spec: PodSpec): Resources {
  const found = known.get(spec) ?? requestsIn(spec);
  known.set(spec, found);
  return found;
}

function requestsIn(spec: PodSpec): Resources {
  const ask = (container: Container): Resources => amounts({ ...container.resources?.limits, ...container.resources?.requests });
  const init = spec.initContainers ?? [];
  const sidecars = init
    .filter((container) => container.restartPolicy === 'Always')
    .map(ask)
    .reduce(sum, {});
  const running = spec.containers.map(ask).reduce(sum, sidecars);
  return init
    .filter((container) => container.restartPolicy !== 'Always')
    .map((container) => sum(ask(container), sidecars))
    .reduce(largest, running);
}

/** Topology values (of one key) that a required affinity term of a pod, or of its neighbours, allows or forbids. */
interface Domains {
  readonly key: string;
  readonly values: ReadonlySet<string>;
}

export interface Round {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly pods: PodIndex;
}

interface Affinities {
  readonly repelled: readonly Domains[];
  readonly repelledByOthers: readonly Domains[];
  readonly attracted: readonly Domains[];
}

function antiTerms(pod: Pod): readonly PodAffinityTerm[] {
  return pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

function namespacesOf(term: PodAffinityTerm, of: Pod): readonly string[] {
  return term.namespaces !== undefined && term.namespaces.length > 0 ? term.namespaces : [of.metadata.namespace ?? ''];
}

function matches(term: PodAffinityTerm, of: Pod, other: Pod): boolean {
  return namespacesOf(term, of).includes(other.metadata.namespace ?? '') && selects(term.labelSelector, other.metadata.labels);
}

/** Computed once per pod, not per node. */
export function affinitiesOf(round: Round, pod: Pod): Affinities {
  const counts = (other: Pod): boolean => round.pods.nodeOf(other) !== undefined && !isFinished(other) && other.metadata.uid !== pod.metadata.uid;
  const where = (other: Pod, key: string): readonly string[] => {
    const value = round.nodes.get(round.pods.nodeOf(other) ?? '')?.metadata.labels?.[key];
    return value === undefined ? [] : [value];
  };
  const domains = (term: PodAffinityTerm): Domains => {
    const others = namespacesOf(term, pod).flatMap((namespace) =>
      round.pods.inNamespace(namespace).filter((other) => counts(other) && matches(term, pod, other)),
    );
    return { key: term.topologyKey, values: new Set(others.flatMap((other) => where(other, term.topologyKey))) };
  };
  const attracting = (pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).filter(
    (term) => !(matches(term, pod, pod) && domains(term).values.size === 0),
  );
  return {
    repelled: antiTerms(pod).map(domains),
    repelledByOthers: round.pods
      .repelling()
      .filter(counts)
      .flatMap((other) =>
        antiTerms(other)
          .filter((term) => matches(term, other, pod))
          .map((term) => ({ key: term.topologyKey, values: new Set(where(other, term.topologyKey)) })),
      ),
    attracted: attracting.map(domains),
  };
}

function inside(domains: Domains, node: Node): boolean {
  const value = node.metadata.labels?.[domains.key];
  return value !== undefined && domains.values.has(value);
}

/** The filters in the order of the real scheduler; `undefined` when the node fits the pod. */
export function refusal(
  round: Round,
  ask: { readonly pod: Pod; readonly requests: Resources; readonly affinities: Affinities; readonly zone: string | undefined },
  node: Node,
): Refusal | undefined {
  const { pod } = ask;
  const taint = untolerated(node.spec?.taints, pod.spec.tolerations);
  if (node.spec?.unschedulable === true && untolerated([{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }], pod.spec.tolerations) !== undefined)
    return { reasons: ['node(s) were unschedulable'], helpless: true };
  if (taint !== undefined) return { reasons: [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`], helpless: true };
  if (!nodeFits(pod.spec, node)) return { reasons: ["node(s) didn't match Pod's node affinity/selector"], helpless: true };
  if (portsTaken(round, pod, node)) return { reasons: ["node(s) didn't have free ports for the requested pod ports"], helpless: false };
  const lacking = lacks(round, ask, node);
  if (lacking.length > 0) return { reasons: lacking, helpless: false };
  if (ask.zone !== undefined && node.metadata.labels?.['topology.kubernetes.io/zone'] !== ask.zone)
    return { reasons: ['node(s) had volume node affinity conflict'], helpless: true };
  if (unevenly(round, pod, node)) return { reasons: ["node(s) didn't match pod topology spread constraints"], helpless: false };
  if (ask.affinities.attracted.some((domains) => !inside(domains, node))) return { reasons: ["node(s) didn't match pod affinity rules"], helpless: true };
  if (ask.affinities.repelled.some((domains) => inside(domains, node))) return { reasons: ["node(s) didn't match pod anti-affinity rules"], helpless: false };
  if (ask.affinities.repelledByOthers.some((domains) => inside(domains, node)))
    return { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"], helpless: false };
  return undefined;
}

/** What runs on a node; `but` is the uid of the pod to be placed. */
export function usedOn(round: Round, node: Node, but?: string): { readonly pods: number; readonly resources: Resources } {
  const running = round.pods.onNode(node.metadata.name).filter((pod) => !isFinished(pod) && pod.metadata.uid !== but);
  return { pods: running.length, resources: running.map((pod) => requestsOf(pod.spec)).reduce(sum, {}) };
}

function lacks(round: Round, { pod, requests }: { readonly pod: Pod; readonly requests: Resources }, node: Node): readonly string[] {
  const allocatable = amounts(node.status?.allocatable);
  const used = usedOn(round, node, pod.metadata.uid);
  const full = used.pods + 1 > (allocatable['pods'] ?? 110) ? ['Too many pods'] : [];
  const short = Object.entries(requests).filter(([name, amount]) => amount > 0 && (used.resources[name] ?? 0) + amount > (allocatable[name] ?? 0) + 1e-9);
  return [...full, ...short.map(([name]) => `Insufficient ${name}`)];
}

function hostPorts(pod: Pod): readonly string[] {
  return pod.spec.containers
    .flatMap((container) => container.ports ?? [])
    .flatMap((port) => (port.hostPort ? [`${port.protocol ?? 'TCP'}/${port.hostPort}`] : []));
}

function portsTaken(round: Round, pod: Pod, node: Node): boolean {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return false;
  const taken = round.pods
    .onNode(node.metadata.name)
    .filter((other) => !isFinished(other) && other.metadata.uid !== pod.metadata.uid)
    .flatMap(hostPorts);
  return wanted.some((port) => taken.includes(port));
}

function unevenly(round: Round, pod: Pod, node: Node): boolean {
  return (pod.spec.topologySpreadConstraints ?? []).some((constraint) => {
    if (constraint.whenUnsatisfiable !== 'DoNotSchedule') return false;
    const here = node.metadata.labels?.[constraint.topologyKey];
    if (here === undefined) return true;
    const counts = new Map<string, number>();
    for (const candidate of round.nodes.values()) {
      const value = candidate.metadata.labels?.[constraint.topologyKey];
      if (value === undefined || !nodeFits(pod.spec, candidate)) continue;
      const here = round.pods
        .onNode(candidate.metadata.name)
        .filter((other) => other.metadata.namespace === pod.metadata.namespace && selects(constraint.labelSelector, other.metadata.labels));
      counts.set(value, (counts.get(value) ?? 0) + here.length);
    }
    return (counts.get(here) ?? 0) + 1 - Math.min(...counts.values()) > constraint.maxSkew;
  });
}

/** `0/4 nodes are available: ... preemption: ...`, with the wording and order of the real one. */
export function unavailable(refusals: readonly Refusal[], total: number): string {
  const tally = (words: readonly string[]): string => {
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    return [...counts]
      .map(([word, count]) => `${count} ${word}`)
      .sort()
      .join(', ');
  };
  const why = tally(refusals.flatMap((refused) => refused.reasons));
  const preemption = tally(
    refusals.map((refused) => (refused.helpless ? 'Preemption is not helpful for scheduling' : 'No preemption victims found for incoming pod')),
  );
  return `0/${total} nodes are available: ${why}. preemption: 0/${total} nodes are available: ${preemption}.`;
}
