/** When a workload is rolled out: the rules of `kubectl rollout status`, as one sentence about what is missing. */
import type { KubeObject } from '../../ports/kubernetes.ts';

export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet';

interface Workload extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly podManagementPolicy?: string;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly updatedReplicas?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
  };
}

/** `undefined`: rolled out. Otherwise what is missing: `1 of 3 ready`. */
export function missing(object: KubeObject): string | undefined {
  const workload = object as Workload;
  const { status = {} } = workload;
  // Until the controller has seen the change, the counts are those of the previous revision.
  if ((status.observedGeneration ?? 0) < (workload.metadata.generation ?? 0)) return 'not yet observed by its controller';
  if (workload.kind === 'DaemonSet') return daemonSet(workload);
  return workload.kind === 'StatefulSet' ? statefulSet(workload) : deployment(workload);
}

function deployment({ spec = {}, status = {} }: Workload): string | undefined {
  const { replicas: wanted = 1 } = spec;
  const { updatedReplicas: updated = 0, replicas = 0, availableReplicas: available = 0 } = status;
  if (updated < wanted) return `${updated}/${wanted} updated`;
  if (replicas > updated) return `${replicas - updated} of the previous revision still terminating`;
  return available < updated ? `${available}/${wanted} ready` : undefined;
}

function statefulSet({ spec = {}, status = {} }: Workload): string | undefined {
  const { replicas: wanted = 1, updateStrategy: { type = 'RollingUpdate', rollingUpdate = {} } = {} } = spec;
  const { readyReplicas: ready = 0, updatedReplicas: updated = 0 } = status;
  if (ready < wanted) return `${ready}/${wanted} ready`;
  // OnDelete updates nothing by itself, and a partition holds pods back on purpose.
  if (type !== 'RollingUpdate') return undefined;
  const toUpdate = wanted - (rollingUpdate.partition ?? 0);
  return status.updateRevision !== status.currentRevision && updated < toUpdate ? `${updated}/${toUpdate} updated` : undefined;
}

function daemonSet({ spec = {}, status = {} }: Workload): string | undefined {
  const { desiredNumberScheduled: wanted = 0, updatedNumberScheduled: updated = 0, numberAvailable: available = 0 } = status;
  if (spec.updateStrategy?.type !== 'OnDelete' && updated < wanted) return `${updated}/${wanted} updated`;
  return available < wanted ? `${available}/${wanted} ready` : undefined;
}

/** Pods of a workload, by the labels it selects. */
export function owns(workload: KubeObject, pod: KubeObject): boolean {
  const wanted = Object.entries((workload as Workload).spec?.selector?.matchLabels ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => pod.metadata.labels?.[key] === value);
}

/** For a DaemonSet: pods desired, and pods that exist and are ready. */
export function wantedPods(object: KubeObject): { readonly wanted: number; readonly available: number } {
  const { status = {} } = object as Workload;
  return { wanted: status.desiredNumberScheduled ?? 0, available: status.numberAvailable ?? 0 };
}

/** A pod in trouble that a StatefulSet with ordered pods will not replace by itself, although a new revision exists. */
export function blocksUpdate(object: KubeObject, pod: KubeObject): boolean {
  const { kind, spec = {}, status = {} } = object as Workload;
  const revision = pod.metadata.labels?.['controller-revision-hash'];
  return (
    kind === 'StatefulSet' &&
    spec.podManagementPolicy !== 'Parallel' &&
    !pod.metadata.deletionTimestamp &&
    revision !== undefined &&
    status.updateRevision !== undefined &&
    revision !== status.updateRevision
  );
}
