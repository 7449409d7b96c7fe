/** The Deployment controller: one ReplicaSet per template, rolled within maxSurge and maxUnavailable. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { type ClusterParts, controlledBy, isControlledBy, splitKey, templateHash } from './parts.ts';
import type { ReplicaSet } from './replica-sets.ts';
import { selects } from './selector.ts';
import { type Condition, type IntOrPercent, isReady, type LabelSelector, portion, type PodTemplate, stamp, withConditions } from './shapes.ts';

export interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly paused?: boolean;
    readonly revisionHistoryLimit?: number;
    readonly progressDeadlineSeconds?: number;
    readonly strategy?: { readonly type?: string; readonly rollingUpdate?: { readonly maxSurge?: IntOrPercent; readonly maxUnavailable?: IntOrPercent } };
  };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly observedGeneration?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

const FROM = 'deployment-controller';
const REVISION = 'deployment.kubernetes.io/revision';

export function reconcileDeployment(parts: ClusterParts, of: string): void {
  const { namespace, name } = splitKey(of);
  const deployment = parts.store.get('Deployment', namespace, name) as Deployment | undefined;
  if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return;
  adoptSets(parts, deployment);
  const all = setsOf(parts, deployment);
  const hash = templateHash(deployment.spec.template);
  const current = ensureCurrent(parts, deployment, { hash, all });
  const old = all.filter((set) => set.metadata.name !== current.metadata.name);
  if (deployment.spec.paused !== true) roll(parts, deployment, { current, old });
  forget(parts, deployment, old);
  writeStatus(parts, deployment, current.metadata.name);
}

function setsOf(parts: ClusterParts, deployment: Deployment): readonly ReplicaSet[] {
  return parts.store
    .list('ReplicaSet', { namespace: deployment.metadata.namespace as string })
    .filter((set) => isControlledBy(set, deployment)) as unknown as readonly ReplicaSet[];
}

/** Pods and ReplicaSets that an earlier Deployment with this selector left behind are adopted. */
function adoptSets(parts: ClusterParts, deployment: Deployment): void {
  for (const set of parts.store.list('ReplicaSet', { namespace: deployment.metadata.namespace as string })) {
    const owners = set.metadata.ownerReferences ?? [];
    if (owners.some((owner) => owner.controller === true) || !selects(deployment.spec.selector, set.metadata.labels)) continue;
    parts.store.update({ ...set, metadata: { ...set.metadata, ownerReferences: [...owners, ...(controlledBy(deployment) ?? [])] } });
  }
}

function revision(set: KubeObject): number {
  return Number(set.metadata.annotations?.[REVISION] ?? 0);
}

/** The ReplicaSet of the current template; a rollback finds its old one and gives it the newest revision. */
function ensureCurrent(parts: ClusterParts, deployment: Deployment, known: { readonly hash: string; readonly all: readonly ReplicaSet[] }): ReplicaSet {
  const newest = Math.max(0, ...known.all.map(revision));
  const name = `${deployment.metadata.name}-${known.hash}`;
  const found = known.all.find((set) => set.metadata.name === name);
  const number = found !== undefined && revision(found) === newest ? newest : newest + 1;
  if (deployment.metadata.annotations?.[REVISION] !== String(number)) {
    const fresh = parts.store.get('Deployment', deployment.metadata.namespace, deployment.metadata.name) as KubeObject;
    parts.store.update({ ...fresh, metadata: { ...fresh.metadata, annotations: { ...fresh.metadata.annotations, [REVISION]: String(number) } } });
  }
  if (found !== undefined) {
    if (revision(found) === number) return found;
    return parts.store.update({
      ...found,
      metadata: { ...found.metadata, annotations: { ...found.metadata.annotations, [REVISION]: String(number) } },
    }) as ReplicaSet;
  }
  const labels = { ...deployment.spec.template.metadata?.labels, 'pod-template-hash': known.hash };
  return parts.store.create({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: deployment.metadata.namespace as string,
      labels,
      annotations: { [REVISION]: String(number) },
      ownerReferences: controlledBy(deployment),
    },
    spec: {
      replicas: 0,
      selector: { ...deployment.spec.selector, matchLabels: { ...deployment.spec.selector.matchLabels, 'pod-template-hash': known.hash } },
      template: { ...deployment.spec.template, metadata: { ...deployment.spec.template.metadata, labels } },
    },
  } as KubeObject) as ReplicaSet;
}

function scale(parts: ClusterParts, deployment: Deployment, to: { readonly set: ReplicaSet; readonly replicas: number }): void {
  const from = to.set.spec.replicas ?? 0;
  if (from === to.replicas) return;
  parts.store.update({ ...to.set, spec: { ...to.set.spec, replicas: to.replicas } });
  const message = `Scaled ${to.replicas > from ? 'up' : 'down'} replica set ${to.set.metadata.name} from ${from} to ${to.replicas}`;
  parts.tell({ about: deployment, type: 'Normal', reason: 'ScalingReplicaSet', message, from: FROM });
}

function roll(parts: ClusterParts, deployment: Deployment, sets: { readonly current: ReplicaSet; readonly old: readonly ReplicaSet[] }): void {
  const replicas = deployment.spec.replicas ?? 1;
  const { current, old } = sets;
  const oldTotal = old.reduce((total, set) => total + (set.spec.replicas ?? 0), 0);
  if (deployment.spec.strategy?.type === 'Recreate') {
    for (const set of old) scale(parts, deployment, { set, replicas: 0 });
    const stillThere = old.some((set) => parts.pods.ofOwner(set.metadata.uid ?? '').length > 0);
    if (oldTotal === 0 && !stillThere) scale(parts, deployment, { set: current, replicas });
    return;
  }
  const { maxSurge, maxUnavailable } = limits(deployment, replicas);
  const room = Math.max(0, replicas + maxSurge - oldTotal);
  const has = current.spec.replicas ?? 0;
  const next = oldTotal === 0 || has > replicas ? replicas : Math.min(replicas, Math.max(has, room));
  scale(parts, deployment, { set: current, replicas: next });
  let spare = oldTotal + has - (replicas - maxUnavailable) - (has - readyCount(parts, current));
  for (const worthless of [true, false]) {
    for (const set of old) {
      const fresh = parts.store.get('ReplicaSet', set.metadata.namespace, set.metadata.name) as ReplicaSet | undefined;
      const size = fresh?.spec.replicas ?? 0;
      if (fresh === undefined || size === 0 || spare <= 0) continue;
      const takeable = worthless ? size - readyCount(parts, fresh) : Math.min(size, readyTotal(parts, [current, ...old]) - (replicas - maxUnavailable));
      const take = Math.min(spare, Math.max(0, takeable));
      scale(parts, deployment, { set: fresh, replicas: size - take });
      spare -= take;
      if (!worthless && take > 0) return;
    }
  }
}

function limits(deployment: Deployment, replicas: number): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const maxSurge = portion(rolling?.maxSurge, replicas, { round: 'up', fallback: '25%' });
  const maxUnavailable = portion(rolling?.maxUnavailable, replicas, { round: 'down', fallback: '25%' });
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, replicas) };
}

function readyCount(parts: ClusterParts, set: ReplicaSet): number {
  return parts.pods.ofOwner(set.metadata.uid ?? '').filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined).length;
}
function readyTotal(parts: ClusterParts, sets: readonly ReplicaSet[]): number {
  return sets.reduce((total, set) => total + readyCount(parts, set), 0);
}

function forget(parts: ClusterParts, deployment: Deployment, old: readonly ReplicaSet[]): void {
  const empty = old.filter((set) => (set.spec.replicas ?? 0) === 0 && parts.pods.ofOwner(set.metadata.uid ?? '').length === 0);
  const keep = deployment.spec.revisionHistoryLimit ?? 10;
  for (const set of [...empty].sort((a, b) => revision(b) - revision(a)).slice(keep))
    parts.store.delete('ReplicaSet', set.metadata.namespace, set.metadata.name);
}

function writeStatus(parts: ClusterParts, deployment: Deployment, currentName: string): void {
  const { namespace, name } = deployment.metadata;
  const fresh = parts.store.get('Deployment', namespace, name) as Deployment;
  const replicas = fresh.spec.replicas ?? 1;
  const sets = setsOf(parts, fresh);
  const podsIn = (set: ReplicaSet): number => parts.pods.ofOwner(set.metadata.uid ?? '').filter((pod) => pod.metadata.deletionTimestamp === undefined).length;
  const current = sets.find((set) => set.metadata.name === currentName);
  const total = sets.reduce((count, set) => count + podsIn(set), 0);
  const updated = current === undefined ? 0 : podsIn(current);
  const ready = readyTotal(parts, sets);
  const enough = ready >= replicas - limits(fresh, replicas).maxUnavailable;
  const complete = updated === replicas && total === replicas && ready >= replicas;
  const now = parts.clock.now();
  const available: Condition = enough
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' };
  const conditions = withConditions(fresh.status?.conditions, now, [available, progress(fresh, { complete, currentName, now, moved: `${updated}/${ready}` })]);
  parts.store.setStatus('Deployment', namespace, name, {
    observedGeneration: fresh.metadata.generation ?? 1,
    replicas: total,
    updatedReplicas: updated,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, Math.max(replicas, total) - ready),
    conditions,
  });
}

/** A rollout without progress for `progressDeadlineSeconds` has failed, until it progresses or its spec changes. */
function progress(
  deployment: Deployment,
  seen: { readonly complete: boolean; readonly currentName: string; readonly now: Date; readonly moved: string },
): Condition {
  const before = deployment.status?.conditions?.find((condition) => condition.type === 'Progressing');
  if (seen.complete)
    return {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "${seen.currentName}" has successfully progressed.`,
      lastUpdateTime: before?.reason === 'NewReplicaSetAvailable' ? before['lastUpdateTime'] : stamp(seen.now),
    };
  const movedBefore = `${deployment.status?.updatedReplicas ?? 0}/${deployment.status?.availableReplicas ?? 0}`;
  const moving =
    before === undefined ||
    before.reason === 'NewReplicaSetAvailable' ||
    movedBefore !== seen.moved ||
    deployment.status?.observedGeneration !== deployment.metadata.generation;
  const since = moving ? seen.now : new Date(String(before?.['lastUpdateTime']));
  const deadline = (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
  if (!moving && (before?.reason === 'ProgressDeadlineExceeded' || seen.now.getTime() - since.getTime() > deadline))
    return {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: `ReplicaSet "${seen.currentName}" has timed out progressing.`,
      lastUpdateTime: stamp(since),
    };
  return {
    type: 'Progressing',
    status: 'True',
    reason: 'ReplicaSetUpdated',
    message: `ReplicaSet "${seen.currentName}" is progressing.`,
    lastUpdateTime: stamp(since),
  };
}
