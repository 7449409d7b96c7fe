/**
 * A cluster whose workloads are ready as soon as they are written, without a pod anywhere: what a fault at a write leads to can be tried
 * some thousand times. Stories and the table's own sample of processes run where pods come up and go.
 */
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Cluster, ClusterOptions } from '../../src/sandbox/cluster/cluster.ts';
import type { ObjectStore } from '../../src/sandbox/types.ts';

export async function stillCluster({ store, createLogPath, account, clock, seed }: ClusterOptions): Promise<Cluster> {
  const forget = store.subscribe(({ type, object }) => {
    if (type !== 'DELETED') settle(store, object);
  });
  for (const object of seed) if (object.kind !== 'Pod') store.create(object);
  return {
    runtime: { logs: () => [], follow: () => () => undefined, request: async () => ({ status: 502, body: '' }) },
    logPath: createLogPath({ store, account, clock, print: () => undefined }),
    deniedImages: new Set(),
    settled: async () => true,
    reboot: () => undefined,
    close: forget,
  };
}

interface Workload extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly volumeClaimTemplates?: readonly KubeObject[];
  };
}

function settle(store: ObjectStore, object: KubeObject): void {
  const { kind, metadata } = object;
  const status = statusOf(object as Workload, store);
  if (!status || metadata.deletionTimestamp) return;
  if (kind === 'StatefulSet') claim(store, object as Workload);
  // A listener must not write what is being written.
  const known = JSON.stringify((object['status'] as object | undefined) ?? {});
  if (known !== JSON.stringify(status)) store.setStatus(kind, metadata.namespace, metadata.name, status);
}

function statusOf({ kind, spec, metadata }: Workload, store: ObjectStore): object | undefined {
  const observedGeneration = metadata.generation ?? 1;
  const replicas = spec?.replicas ?? 1;
  if (kind === 'Deployment') return { observedGeneration, replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
  if (kind === 'StatefulSet') {
    const revision = `${metadata.name}-${observedGeneration}`;
    const counts = { replicas, readyReplicas: replicas, availableReplicas: replicas, updatedReplicas: replicas };
    return { observedGeneration, ...counts, currentRevision: revision, updateRevision: revision };
  }
  if (kind !== 'DaemonSet') return undefined;
  const nodes = store.list('Node').length;
  const counts = { desiredNumberScheduled: nodes, currentNumberScheduled: nodes, updatedNumberScheduled: nodes, numberReady: nodes, numberAvailable: nodes };
  return { observedGeneration, numberMisscheduled: 0, ...counts };
}

/** The claims outlive their StatefulSet, as they do in a cluster. */
function claim(store: ObjectStore, { metadata, spec }: Workload): void {
  for (const template of spec.volumeClaimTemplates ?? [])
    for (let replica = 0; replica < (spec.replicas ?? 1); replica++) {
      const name = `${template.metadata.name}-${metadata.name}-${replica}`;
      if (store.get('PersistentVolumeClaim', metadata.namespace, name)) continue;
      store.create({
        ...template,
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: {
          ...template.metadata,
          labels: { ...template.metadata.labels, ...spec.selector?.matchLabels },
          name,
          ...(metadata.namespace && { namespace: metadata.namespace }),
        },
        status: { phase: 'Bound' },
      });
    }
}
