/** The DaemonSet controller: one pod on each eligible node, replaced a few at a time. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { adoptPods, type ClusterParts, createPod, deletePod, randomSuffix, splitKey, templateHash } from './parts.ts';
import { nodeFits } from './node-affinity.ts';
import { untolerated } from './selector.ts';
import {
  type IntOrPercent,
  isFinished,
  isReady,
  type LabelSelector,
  type Node,
  type Pod,
  portion,
  type PodSpec,
  type PodTemplate,
  type Toleration,
} from './shapes.ts';

export interface DaemonSet extends KubeObject {
  readonly spec: {
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly maxUnavailable?: IntOrPercent } };
  };
}

const FROM = 'daemonset-controller';
const REVISION = 'controller-revision-hash';
/** Pods created in one pass. */
const BURST = 50;

const AUTOMATIC: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];

export function reconcileDaemonSet(parts: ClusterParts, of: string): void {
  const { namespace, name } = splitKey(of);
  const set = parts.store.get('DaemonSet', namespace, name) as DaemonSet | undefined;
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
  adoptPods(parts, set, set.spec.selector);
  const hash = templateHash(set.spec.template);
  const tolerations = tolerationsOf(set.spec.template.spec);
  const eligible = new Set([...parts.nodes.values()].filter((node) => mayRun(set.spec.template.spec, tolerations, node)).map((node) => node.metadata.name));
  placeOnEach(parts, set, { eligible, hash, tolerations });
  replaceOutdated(parts, set, { eligible, hash });
  writeStatus(parts, set, { eligible, hash });
}

function tolerationsOf(spec: PodSpec): readonly Toleration[] {
  const network: readonly Toleration[] =
    spec.hostNetwork === true ? [{ key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' }] : [];
  return [...(spec.tolerations ?? []), ...AUTOMATIC, ...network];
}

function mayRun(spec: PodSpec, tolerations: readonly Toleration[], node: Node): boolean {
  if (spec.nodeName !== undefined && spec.nodeName !== node.metadata.name) return false;
  return nodeFits(spec, node) && untolerated(node.spec?.taints, tolerations) === undefined;
}

/** The node a pod of the set is meant for, before and after the scheduler binds it. */
function nodeOf(pod: Pod): string | undefined {
  if (pod.spec.nodeName !== undefined) return pod.spec.nodeName;
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap((term) => term.matchFields ?? []).find((field) => field.key === 'metadata.name')?.values?.[0];
}

function pinned(spec: PodSpec, node: string): PodSpec['affinity'] {
  const field = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const nodeSelectorTerms = terms === undefined ? [{ matchFields: field }] : terms.map((term) => ({ ...term, matchFields: field }));
  return { ...spec.affinity, nodeAffinity: { ...spec.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

interface Look {
  readonly eligible: ReadonlySet<string>;
  readonly hash: string;
}

function placeOnEach(parts: ClusterParts, set: DaemonSet, look: Look & { readonly tolerations: readonly Toleration[] }): void {
  const taken = new Set<string>();
  for (const pod of parts.pods.ofOwner(set.metadata.uid ?? '')) {
    const node = nodeOf(pod) ?? '';
    if (isFinished(pod) || !look.eligible.has(node) || taken.has(node)) deletePod(parts, set, { pod, from: FROM });
    else taken.add(node);
  }
  // The new pods trigger the controller again for the rest: creating all of a big cluster's at once would block everything else.
  const lacking = [...look.eligible].filter((node) => !taken.has(node)).slice(0, BURST);
  for (const node of lacking) {
    createPod(parts, set, {
      name: `${set.metadata.name}-${randomSuffix()}`,
      template: set.spec.template,
      labels: { [REVISION]: look.hash, 'pod-template-generation': String(set.metadata.generation ?? 1) },
      spec: { affinity: pinned(set.spec.template.spec, node), tolerations: look.tolerations },
      from: FROM,
    });
  }
}

function replaceOutdated(parts: ClusterParts, set: DaemonSet, look: Look): void {
  if (set.spec.updateStrategy?.type === 'OnDelete') return;
  const pods = parts.pods.ofOwner(set.metadata.uid ?? '').filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const outdated = pods.filter((pod) => pod.metadata.labels?.[REVISION] !== look.hash);
  const maxUnavailable = Math.max(1, portion(set.spec.updateStrategy?.rollingUpdate?.maxUnavailable, look.eligible.size, { round: 'up', fallback: 1 }));
  const broken = outdated.filter((pod) => !isReady(pod));
  const unavailable = look.eligible.size - pods.filter(isReady).length;
  const room = Math.max(0, maxUnavailable - unavailable);
  for (const pod of [...broken, ...outdated.filter(isReady).slice(0, room)]) deletePod(parts, set, { pod, from: FROM });
}

function writeStatus(parts: ClusterParts, set: DaemonSet, look: Look): void {
  const pods = parts.pods.ofOwner(set.metadata.uid ?? '').filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const rightful = pods.filter((pod) => look.eligible.has(nodeOf(pod) ?? ''));
  const ready = rightful.filter(isReady).length;
  parts.store.setStatus('DaemonSet', set.metadata.namespace, set.metadata.name, {
    currentNumberScheduled: rightful.length,
    desiredNumberScheduled: look.eligible.size,
    numberMisscheduled: pods.length - rightful.length,
    numberReady: ready,
    numberAvailable: ready,
    numberUnavailable: look.eligible.size - ready,
    updatedNumberScheduled: rightful.filter((pod) => pod.metadata.labels?.[REVISION] === look.hash).length,
    observedGeneration: set.metadata.generation ?? 1,
  });
}
