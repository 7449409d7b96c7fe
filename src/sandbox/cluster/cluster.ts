/** A running cluster over an object store: controllers, scheduler and kubelets, triggered by changes. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { LogPath, LogPathParts, ObjectStore, PodRuntime, SandboxAccount, SandboxClock, StoreEvent } from '../types.ts';
import { admitted } from './admission.ts';
import { reconcileClaim, releaseVolume } from './claims.ts';
import { reconcileDaemonSet } from './daemon-sets.ts';
import { reconcileDeployment } from './deployments.ts';
import { reconcileBudget } from './disruption-budgets.ts';
import { createTeller } from './events.ts';
import { reconcileJob } from './jobs.ts';
import { createKubelet, PROCESSES } from './kubelet.ts';
import { type ClusterParts, type Happened, key } from './parts.ts';
import { createPodIndex, ownerUid } from './pod-index.ts';
import { createQueue, type Queue } from './queue.ts';
import { reconcileReplicaSet } from './replica-sets.ts';
import { schedule } from './scheduler.ts';
import { selects, selectsByMap } from './selector.ts';
import { dropEndpoints, reconcileService } from './services.ts';
import { isActive, isReady, type LabelSelector, type Labels, type Node, type Pod } from './shapes.ts';
import { reconcileStatefulSet } from './stateful-sets.ts';

export interface Cluster {
  readonly runtime: PodRuntime;
  readonly logPath: LogPath;
  /** Parts of image names that cannot be pulled from now on. */
  readonly deniedImages: Set<string>;
  /** True once nothing is left to do and every pod that can run is ready; false when that takes longer than `ms`. */
  settled(ms: number): Promise<boolean>;
  /** Powers a node off for this long. */
  reboot(node: string, downMs: number): void;
  close(): void;
}

export interface ClusterOptions {
  readonly store: ObjectStore;
  readonly clock: SandboxClock;
  readonly account: SandboxAccount;
  readonly createLogPath: (parts: LogPathParts) => LogPath;
  /** Objects the cluster starts with, brought up without any simulated delay. */
  readonly seed: readonly KubeObject[];
}

/** Resolves when the seed is up. */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  const { store, clock, account } = options;
  let hurry = true;
  const deniedImages = new Set<string>();
  const pods = createPodIndex(store);
  const tell = createTeller({ store, clock });
  // An API server that has been up for a while no longer has the events of its pods' start.
  const quiet = (happened: Happened): boolean => hurry && happened.type === 'Normal';
  const nodes = new Map((store.list('Node') as readonly Node[]).map((node) => [node.metadata.name, node]));
  const parts: ClusterParts = { store, clock, pods, nodes, tell: (happened) => void (quiet(happened) || tell(happened)), pace: (ms) => (hurry ? 0 : ms) };
  let logPath: LogPath | undefined;
  const kubelet = createKubelet({ ...parts, deniedImages, logPath: () => logPath as LogPath });
  logPath = options.createLogPath({ store, account, clock, print: kubelet.print });
  const queues = createControllers(parts, account.region);
  const stopListening = store.subscribe((event) => {
    if (event.object.kind === 'Pod') {
      if (event.type === 'ADDED') equip(parts, account, event.object as Pod);
      if (event.type === 'ADDED' && logPath?.launches?.(event.object) === true) hold(parts, event.object);
      kubelet.heard(event);
    }
    if (event.object.kind === 'Node') {
      if (event.type === 'DELETED') nodes.delete(event.object.metadata.name);
      else nodes.set(event.object.metadata.name, event.object as Node);
    }
    wake(parts, queues, event);
  });
  for (const object of options.seed) store.create(object);
  const cluster: Cluster = {
    runtime: kubelet.runtime,
    logPath,
    deniedImages,
    reboot: kubelet.reboot,
    settled: (ms) => settled(parts, queues, ms),
    close: () => {
      stopListening();
      pods.close();
      kubelet.close();
      for (const queue of Object.values(queues)) queue.close();
    },
  };
  await cluster.settled(10_000 + 100 * nodes.size);
  hurry = false;
  return cluster;
}

function hold(parts: ClusterParts, { metadata }: KubeObject): void {
  const pod = parts.store.get('Pod', metadata.namespace, metadata.name);
  if (pod === undefined) return;
  const held = { ...pod, metadata: { ...pod.metadata, finalizers: [...(pod.metadata.finalizers ?? []), PROCESSES] } };
  parts.pods.saw(parts.store.update(held) as Pod);
}

function equip(parts: ClusterParts, account: SandboxAccount, pod: Pod): void {
  const better = admitted(parts.store, account, pod);
  if (better !== undefined) parts.pods.saw(parts.store.update(better) as Pod);
}

type Queues = Readonly<Record<string, Queue>>;

function createControllers(parts: ClusterParts, region: string): Queues {
  const soon = { clock: parts.clock, delayMs: () => parts.pace(10) };
  const jobs: Queue = createQueue(soon, (of) => {
    const again = reconcileJob(parts, of);
    if (again !== undefined) jobs.addLater(of, again);
  });
  return {
    Deployment: createQueue(soon, (of) => reconcileDeployment(parts, of)),
    ReplicaSet: createQueue(soon, (of) => reconcileReplicaSet(parts, of)),
    StatefulSet: createQueue(soon, (of) => reconcileStatefulSet(parts, of)),
    DaemonSet: createQueue(soon, (of) => reconcileDaemonSet(parts, of)),
    Job: jobs,
    Service: createQueue(soon, (of) => reconcileService(parts, of, region)),
    PersistentVolumeClaim: createQueue(soon, (of) => reconcileClaim(parts, of)),
    PodDisruptionBudget: createQueue(soon, (of) => reconcileBudget(parts, of)),
    Pod: createQueue({ clock: parts.clock, delayMs: () => parts.pace(20) }, (of) => schedule(parts, of)),
  };
}

const ALL_CLAIMS = new Set(['StorageClass', 'CSIDriver']);

/** The controllers that a change concerns. */
function wake(parts: ClusterParts, queues: Queues, event: StoreEvent): void {
  const { object, type } = event;
  const { kind } = object;
  if (kind === 'Event') return;
  if (kind === 'Pod') wakeForPod(parts, queues, event);
  else if (type === 'DELETED') tidy(parts, object);
  else queues[kind]?.add(key(object));
  const owner = object.metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (owner !== undefined && queues[owner.kind] !== undefined && owner.kind !== 'Pod')
    queues[owner.kind]?.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
  if (kind === 'Node') for (const set of parts.store.list('DaemonSet')) queues['DaemonSet']?.add(key(set));
  if (ALL_CLAIMS.has(kind)) for (const claim of parts.store.list('PersistentVolumeClaim')) queues['PersistentVolumeClaim']?.add(key(claim));
  if (
    kind === 'Node' ||
    kind === 'PersistentVolumeClaim' ||
    kind === 'PersistentVolume' ||
    (kind === 'Pod' && (type === 'DELETED' || !isActive(object as Pod)))
  )
    wakePending(parts, queues);
}

/** Dependents are deleted at once, so that a client that has seen the owner gone finds none of them. */
function tidy(parts: ClusterParts, gone: KubeObject): void {
  if (gone.kind === 'PersistentVolumeClaim') releaseVolume(parts, key(gone));
  if (gone.kind === 'Node') for (const pod of parts.pods.onNode(gone.metadata.name)) parts.store.delete('Pod', pod.metadata.namespace, pod.metadata.name);
  if (gone.kind === 'Service') dropEndpoints(parts, key(gone));
}

function wakePending(parts: ClusterParts, queues: Queues): void {
  for (const pod of parts.pods.unbound()) queues['Pod']?.add(key(pod));
}

function wakeForPod(parts: ClusterParts, queues: Queues, { type, object }: StoreEvent): void {
  const pod = object as Pod;
  const namespace = pod.metadata.namespace as string;
  if (type !== 'DELETED' && pod.spec.nodeName === undefined) queues['Pod']?.add(key(pod));
  for (const service of parts.store.list('Service', { namespace }))
    if (selectsByMap((service['spec'] as { readonly selector?: Labels }).selector, pod.metadata.labels)) queues['Service']?.add(key(service));
  for (const budget of parts.store.list('PodDisruptionBudget', { namespace }))
    if (selects((budget['spec'] as { readonly selector?: LabelSelector }).selector, pod.metadata.labels)) queues['PodDisruptionBudget']?.add(key(budget));
  if (pod.metadata.labels?.['app'] === 'ebs-csi-controller' && isReady(pod))
    for (const claim of parts.store.list('PersistentVolumeClaim')) queues['PersistentVolumeClaim']?.add(key(claim));
  const owner = ownerUid(pod);
  if (owner === undefined) return;
  const set = pod.metadata.ownerReferences?.find((reference) => reference.kind === 'ReplicaSet');
  const above = set === undefined ? undefined : parts.store.get('ReplicaSet', namespace, set.name)?.metadata.ownerReferences?.[0];
  if (above?.kind === 'Deployment') queues['Deployment']?.add(`${namespace}/${above.name}`);
}

/** Pods of a seed that can't progress further count as settled: what cannot be scheduled stays so. */
function atRest(parts: ClusterParts, queues: Queues): boolean {
  if (!Object.values(queues).every((queue) => queue.idle)) return false;
  return parts.pods.all().every((pod) => {
    const unschedulable = pod.status?.conditions?.some((condition) => condition.type === 'PodScheduled' && condition.status === 'False') ?? false;
    return unschedulable || isReady(pod) || !isActive(pod);
  });
}

async function settled(parts: ClusterParts, queues: Queues, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (atRest(parts, queues)) return true;
    if (Date.now() > deadline) return false;
  }
}
