/**
 * A cluster whose workloads are ready as soon as they are written, without a pod but for ingesters: what a fault at a write leads to can be tried
 * some thousand times. Stories and the table's own sample of processes run where pods come up and go.
 */
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { Cluster, ClusterOptions } from '../../src/sandbox/cluster/cluster.ts';
import type { ObjectStore } from '../../src/sandbox/types.ts';

export async function stillCluster({ store, createLogPath, account, clock, seed }: ClusterOptions): Promise<Cluster> {
  const forget = store.subscribe(({ type, object }) => {
    if (type !== 'DELETED') settle(store, object);
    if (object.kind === 'StatefulSet') ingesters(store, object as Workload, type === 'DELETED');
  });
  for (const object of seed) if (object.kind !== 'Pod') store.create(object);
  return {
    runtime: {
      logs: () => [],
      follow: () => () => undefined,
      request: async (pod, _, { method, path }) => answer(store, pod, `${method} ${path}`),
    },
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

/** What an ingester holds is kept in the status of its volume, or in its own where it has none: a moment that is saved has it. */
interface Lines {
  /** Chunks that are nowhere else. */
  readonly held?: number;
  readonly queued?: number;
  /** In S3, and still in memory. */
  readonly flushed?: number;
  readonly requests?: number;
}

const CHUNKS = 7;

const isIngester = ({ metadata: { labels = {} } }: Pick<KubeObject, 'metadata'>) => labels['app.kubernetes.io/component'] === 'ingester';

/** Chunks whose only copy goes with this object. */
export const heldBy = (object: KubeObject): number =>
  (object.kind === 'PersistentVolumeClaim' || object.kind === 'Pod') && isIngester(object) ? ((object['status'] as Lines | undefined)?.held ?? 0) : 0;

/** Each begins to hold lines as soon as it runs. */
function ingesters(store: ObjectStore, set: Workload, gone: boolean): void {
  const { name, namespace } = set.metadata;
  const labels = (set.spec as unknown as { readonly template?: { readonly metadata?: KubeObject['metadata'] } }).template?.metadata?.labels ?? {};
  if (!isIngester({ metadata: { name, labels } })) return;
  const wanted = gone ? 0 : (set.spec.replicas ?? 1);
  for (const pod of store.list('Pod', { ...(namespace && { namespace }) })) {
    const ordinal = new RegExp(`^${name}-(\\d+)$`).exec(pod.metadata.name)?.[1];
    if (ordinal !== undefined && Number(ordinal) >= wanted) store.delete('Pod', namespace, pod.metadata.name);
  }
  for (let ordinal = 0; ordinal < wanted; ordinal++) {
    const pod = `${name}-${ordinal}`;
    if (store.get('Pod', namespace, pod)) continue;
    const claims = (set.spec.volumeClaimTemplates ?? []).map((template) => `${template.metadata.name}-${pod}`);
    const held = { held: CHUNKS, queued: 0, flushed: 0, requests: 0 };
    for (const claim of claims) store.setStatus('PersistentVolumeClaim', namespace, claim, { phase: 'Bound', ...held });
    store.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: pod, labels, ...(namespace && { namespace }) },
      spec: { containers: [{ name: 'loki', image: 'loki' }], volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [{ name: 'loki', ready: true, state: { running: {} } }],
        ...(claims.length === 0 && held),
      },
    });
  }
}

function answer(store: ObjectStore, pod: KubeObject, asked: string): { readonly status: number; readonly body: string } {
  if (!isIngester(pod)) return { status: 502, body: '' };
  const { namespace, name } = pod.metadata;
  const [claim] = (pod as unknown as { readonly spec: { readonly volumes: readonly { readonly name: string }[] } }).spec.volumes;
  const keeper = store.get(claim ? 'PersistentVolumeClaim' : 'Pod', namespace, claim?.name ?? name);
  const { held = 0, queued = 0, flushed = 0, requests = 0 } = (keeper?.['status'] ?? {}) as Lines;
  const keep = (lines: Lines) => keeper && store.setStatus(keeper.kind, namespace, keeper.metadata.name, { ...(keeper['status'] as object), ...lines });
  if (asked === 'POST /flush') keep({ queued: held, flushed: 0 });
  if (asked !== 'GET /metrics') return { status: 204, body: '' };
  // The queue is worked off behind whoever looks.
  if (queued > 0) keep({ held: held - queued, queued: 0, flushed: flushed + queued, requests: requests + queued });
  return {
    status: 200,
    body: [
      `loki_ingester_memory_chunks ${held + flushed}`,
      `loki_ingester_flush_queue_length ${queued}`,
      `loki_ingester_chunks_flush_requests_total ${requests}`,
      'loki_ingester_chunks_flush_failures_total 0\n',
    ].join('\n'),
  };
}
