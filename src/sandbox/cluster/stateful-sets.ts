/** The StatefulSet controller: numbered pods with their own claims, in order or in parallel, updated from last to first. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { adoptPods, type ClusterParts, controlledBy, createPod, deletePod, isControlledBy, splitKey, templateHash } from './parts.ts';
import { selects } from './selector.ts';
import { type Claim, isFinished, isReady, type LabelSelector, type Pod, type PodTemplate } from './shapes.ts';

export interface StatefulSet extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly podManagementPolicy?: string;
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
    readonly volumeClaimTemplates?: readonly Claim[];
    readonly persistentVolumeClaimRetentionPolicy?: { readonly whenDeleted?: string; readonly whenScaled?: string };
  };
  readonly status?: { readonly currentRevision?: string; readonly updateRevision?: string };
}

const FROM = 'statefulset-controller';
const REVISION = 'controller-revision-hash';

export function reconcileStatefulSet(parts: ClusterParts, of: string): void {
  const { namespace, name } = splitKey(of);
  const set = parts.store.get('StatefulSet', namespace, name) as StatefulSet | undefined;
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
  adoptPods(parts, set, set.spec.selector);
  const update = ensureRevision(parts, set);
  const settled = manage(parts, set, update);
  if (settled) replaceOutdated(parts, set, update);
  writeStatus(parts, set, update);
}

function ensureRevision(parts: ClusterParts, set: StatefulSet): string {
  const name = `${set.metadata.name}-${templateHash(set.spec.template)}`;
  const namespace = set.metadata.namespace as string;
  adoptRevisions(parts, set);
  const known = parts.store.list('ControllerRevision', { namespace }).filter((revision) => isControlledBy(revision, set));
  const newest = Math.max(0, ...known.map((revision) => Number(revision['revision'])));
  const found = known.find((revision) => revision.metadata.name === name);
  if (found === undefined)
    parts.store.create({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: { name, namespace, labels: { ...set.spec.template.metadata?.labels, [REVISION]: name }, ownerReferences: controlledBy(set) },
      data: { spec: { template: set.spec.template } },
      revision: newest + 1,
    } as KubeObject);
  else if (Number(found['revision']) !== newest) parts.store.update({ ...found, revision: newest + 1 });
  return name;
}

/** Pods are adopted: an earlier set with this selector may have had the same template. */
function adoptRevisions(parts: ClusterParts, set: StatefulSet): void {
  for (const revision of parts.store.list('ControllerRevision', { namespace: set.metadata.namespace as string })) {
    const owners = revision.metadata.ownerReferences ?? [];
    if (owners.some(({ controller }) => controller === true) || !selects(set.spec.selector, revision.metadata.labels)) continue;
    parts.store.update({ ...revision, metadata: { ...revision.metadata, ownerReferences: [...owners, ...(controlledBy(set) ?? [])] } });
  }
}

function podsOf(parts: ClusterParts, set: StatefulSet): readonly Pod[] {
  return parts.pods.ofOwner(set.metadata.uid ?? '');
}
function ordinal(pod: Pod): number {
  return Number(pod.metadata.name.slice(pod.metadata.name.lastIndexOf('-') + 1));
}
function revisionOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[REVISION];
}
function healthy(pod: Pod | undefined): boolean {
  return pod !== undefined && pod.metadata.deletionTimestamp === undefined && isReady(pod);
}

/** Creates missing pods and deletes surplus ones; true when an update may continue. */
function manage(parts: ClusterParts, set: StatefulSet, update: string): boolean {
  const replicas = set.spec.replicas ?? 1;
  const inOrder = (set.spec.podManagementPolicy ?? 'OrderedReady') === 'OrderedReady';
  for (const pod of podsOf(parts, set)) if (isFinished(pod)) deletePod(parts, set, { pod, from: FROM });
  const pods = new Map(podsOf(parts, set).map((pod) => [ordinal(pod), pod]));
  for (let index = 0; index < replicas; index += 1) {
    claim(parts, set, index);
    const pod = pods.get(index);
    if (pod === undefined) start(parts, set, { index, update });
    if (inOrder && !healthy(pod)) return false;
  }
  const surplus = [...pods.values()].filter((pod) => ordinal(pod) >= replicas).sort((a, b) => ordinal(b) - ordinal(a));
  for (const pod of surplus) {
    if (pod.metadata.deletionTimestamp === undefined) deletePod(parts, set, { pod, from: FROM });
    if (inOrder) return false;
  }
  releaseClaims(parts, set, replicas);
  return surplus.length === 0;
}

/** Below the partition, and for pods lost during an update, the previous revision is used; here both are the newest known. */
function start(parts: ClusterParts, set: StatefulSet, which: { readonly index: number; readonly update: string }): void {
  const name = `${set.metadata.name}-${which.index}`;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const revision = which.index < partition ? (set.status?.currentRevision ?? which.update) : which.update;
  const former = revision === which.update ? undefined : parts.store.get('ControllerRevision', set.metadata.namespace, revision);
  const template = (former?.['data'] as { spec: { template: PodTemplate } } | undefined)?.spec.template ?? set.spec.template;
  const claims = (set.spec.volumeClaimTemplates ?? []).map((claimed) => claimed.metadata.name);
  const volumes = (template.spec.volumes ?? []).filter((volume) => !claims.includes(volume.name));
  createPod(parts, set, {
    name,
    template,
    labels: { 'statefulset.kubernetes.io/pod-name': name, 'apps.kubernetes.io/pod-index': String(which.index), [REVISION]: revision },
    spec: {
      hostname: name,
      subdomain: set.spec.serviceName,
      volumes: [...claims.map((claimed) => ({ name: claimed, persistentVolumeClaim: { claimName: `${claimed}-${name}` } })), ...volumes],
    },
    from: FROM,
  });
}

function claim(parts: ClusterParts, set: StatefulSet, index: number): void {
  const namespace = set.metadata.namespace as string;
  const doomed = set.spec.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete';
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const name = `${template.metadata.name}-${set.metadata.name}-${index}`;
    if (parts.store.get('PersistentVolumeClaim', namespace, name) !== undefined) continue;
    parts.store.create({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name,
        namespace,
        labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
        ...(template.metadata.annotations && { annotations: template.metadata.annotations }),
        ...(doomed && { ownerReferences: controlledBy(set) }),
      },
      spec: { volumeMode: 'Filesystem', ...template.spec },
      status: { phase: 'Pending' },
    } as KubeObject);
    const message = `create Claim ${name} Pod ${set.metadata.name}-${index} in StatefulSet ${set.metadata.name} success`;
    parts.tell({ about: set, type: 'Normal', reason: 'SuccessfulCreate', message, from: FROM });
  }
}

function releaseClaims(parts: ClusterParts, set: StatefulSet, replicas: number): void {
  if (set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return;
  const namespace = set.metadata.namespace as string;
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const prefix = `${template.metadata.name}-${set.metadata.name}-`;
    for (const { metadata } of parts.store.list('PersistentVolumeClaim', { namespace })) {
      const tail = metadata.name.startsWith(prefix) ? metadata.name.slice(prefix.length) : '';
      if (/^\d+$/.test(tail) && Number(tail) >= replicas) parts.store.delete('PersistentVolumeClaim', namespace, metadata.name);
    }
  }
}

/** One pod at a time, the highest ordinal first, and only while all above are healthy. */
function replaceOutdated(parts: ClusterParts, set: StatefulSet, update: string): void {
  if (set.spec.updateStrategy?.type === 'OnDelete') return;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const pods = [...podsOf(parts, set)].sort((a, b) => ordinal(b) - ordinal(a));
  for (const pod of pods) {
    if (ordinal(pod) < partition) return;
    if (revisionOf(pod) !== update && pod.metadata.deletionTimestamp === undefined) return deletePod(parts, set, { pod, from: FROM });
    if (!healthy(pod)) return;
  }
}

function writeStatus(parts: ClusterParts, set: StatefulSet, update: string): void {
  const pods = podsOf(parts, set).filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const replicas = set.spec.replicas ?? 1;
  const ready = pods.filter(isReady).length;
  const updated = pods.filter((pod) => revisionOf(pod) === update).length;
  const complete = updated === replicas && ready === replicas && pods.length === replicas;
  const current = complete ? update : (set.status?.currentRevision ?? update);
  parts.store.setStatus('StatefulSet', set.metadata.namespace, set.metadata.name, {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: pods.length,
    readyReplicas: ready,
    availableReplicas: ready,
    currentReplicas: pods.filter((pod) => revisionOf(pod) === current).length,
    updatedReplicas: updated,
    currentRevision: current,
    updateRevision: update,
    collisionCount: 0,
  });
}
