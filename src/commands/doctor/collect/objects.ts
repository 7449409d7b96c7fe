/** Objects, reduced to the shapes of the evidence: workloads, pods, what is mounted where. */
import type { Container, ContainerState, PodEvidence, PodTemplate, Workload } from '../analyze/objects-evidence.ts';
import { isPassing } from '../../../problems/scheduler-words.ts';
import type { RunContext } from '../../../deps.ts';
import type { Problem } from '../../../engine/types.ts';
import type { Session } from '../../connect.ts';
import { problemOf } from '../../run-command.ts';
import type { KubeObject, Kubernetes } from '../../../ports/kubernetes.ts';

export interface NotCollected {
  readonly what: string;
  readonly why: string;
}

const UNREACHED = 'KUBE_KUBELET_UNREACHABLE';

export interface CollectErrors {
  (what: string, error: unknown): void;
  say(what: string, why: string): void;
  /** Why logs, counters and ports of pods can't be read, once that has happened. */
  unreached(): Problem | undefined;
}

/** The context of every collector of evidence. */
export interface CollectContext {
  readonly run: RunContext;
  readonly session: Session;
  readonly miss: CollectErrors;
}

/**
 * What is refused, fails, or is malformed is reported, not fatal: the rest can still be collected. Only an interruption ends it.
 * Unreachable kubelets are reported once, however many pods were affected.
 */
export function collectErrors(into: NotCollected[], signal?: AbortSignal): CollectErrors {
  let unreached: Problem | undefined;
  const say = (what: string, why: string) => {
    if (!into.some((one) => one.what === what && one.why === why)) into.push({ what, why });
  };
  const miss = (what: string, error: unknown) => {
    if (signal?.aborted) throw error;
    const known = problemOf(error);
    if (known?.code === UNREACHED) {
      if (!unreached) say('pod logs, metrics and ports', known.message);
      unreached ??= known;
    } else say(what, known?.message ?? `the answer makes no sense (${error instanceof Error ? error.message : String(error)})`);
  };
  return Object.assign(miss, { say, unreached: () => unreached });
}

/** The result of a read; `undefined`, and an entry in the report, if it is not allowed or fails. */
export const collected = <T>(miss: CollectErrors, what: string, look: Promise<T>): Promise<T | undefined> =>
  look.catch((error: unknown) => void miss(what, error));

/** The same, but a refusal or failure is rethrown, and only a malformed response is reported. */
export const understood = <T>(miss: CollectErrors, what: string, look: Promise<T>): Promise<T | undefined> =>
  look.catch((error: unknown) => {
    if (problemOf(error)) throw error;
    miss(what, error);
    return undefined;
  });

/** `late` if it takes longer; a later result is ignored. */
export async function inTime<T>({ deps: { clock }, signal }: RunContext, ms: number, work: Promise<T>): Promise<T | 'late'> {
  const over = new AbortController();
  // Its rejection after the deadline is ignored.
  work.catch(() => undefined);
  try {
    return await Promise.race([
      work,
      clock.sleep(ms, AbortSignal.any([signal, over.signal])).then(
        () => 'late' as const,
        (error: unknown) => (over.signal.aborted ? ('late' as const) : Promise.reject(error)),
      ),
    ]);
  } finally {
    over.abort();
  }
}

/** At most `width` concurrently: collecting evidence must not be a load on a big cluster. */
export async function each<T, R>(items: readonly T[], width: number, act: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += width) results.push(...(await Promise.all(items.slice(at, at + width).map(act))));
  return results;
}

interface WorkloadBody {
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> }; readonly spec?: PodTemplate };
    readonly volumeClaimTemplates?: readonly { readonly metadata?: { readonly name?: string } }[];
  };
  readonly status?: { readonly readyReplicas?: number; readonly desiredNumberScheduled?: number; readonly numberReady?: number };
}

export function workloadOf(object: KubeObject): Workload {
  const { spec, status } = object as unknown as WorkloadBody;
  const daemon = object.kind === 'DaemonSet';
  return {
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    component: componentOf(spec?.template?.metadata?.labels ?? object.metadata.labels),
    wanted: daemon ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1),
    ready: daemon ? (status?.numberReady ?? 0) : (status?.readyReplicas ?? 0),
    template: { ...spec?.template?.spec, containers: spec?.template?.spec?.containers ?? [] },
    claims: (spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? ''),
    selector: spec?.selector?.matchLabels ?? {},
    ...createdOf(object),
  };
}

const createdOf = ({ metadata: { creationTimestamp } }: KubeObject): { readonly created?: Date } =>
  creationTimestamp ? { created: new Date(creationTimestamp) } : {};

export const componentOf = (labels: Readonly<Record<string, string>> | undefined): string => labels?.['app.kubernetes.io/component'] ?? '';

interface PodBody {
  readonly spec?: PodTemplate & { readonly nodeName?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string; readonly lastTransitionTime?: string }[];
    readonly containerStatuses?: readonly StatusBody[];
    readonly initContainerStatuses?: readonly StatusBody[];
  };
}
interface StatusBody {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: { readonly startedAt?: string };
    readonly terminated?: EndedBody;
  };
  readonly lastState?: { readonly terminated?: EndedBody };
}
interface EndedBody {
  readonly reason?: string;
  readonly exitCode?: number;
}

/** Only what `podOf` reads, because there may be as many as nodes: managedFields are half of a pod's seven kilobytes. */
export function slimPod({ apiVersion, kind, metadata, spec, status }: KubeObject): KubeObject {
  const { managedFields: _, annotations: __, ownerReferences: ___, ...rest } = metadata as KubeObject['metadata'] & { readonly managedFields?: unknown };
  const { conditions = [], containerStatuses, initContainerStatuses } = (status ?? {}) as NonNullable<PodBody['status']>;
  const told = conditions.filter(({ type }) => type === 'Ready' || type === 'PodScheduled');
  const states = (all: readonly StatusBody[] = []) => all.map(({ name, restartCount, state, lastState }) => ({ name, restartCount, state, lastState }));
  return {
    apiVersion,
    kind,
    metadata: rest,
    spec,
    status: { conditions: told, containerStatuses: states(containerStatuses), initContainerStatuses: states(initContainerStatuses) },
  };
}

export function podOf(object: KubeObject): PodEvidence {
  const { spec, status } = object as unknown as PodBody;
  const condition = (type: string) => status?.conditions?.find((one) => one.type === type);
  const placed = condition('PodScheduled');
  const ready = condition('Ready');
  return {
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    component: componentOf(object.metadata.labels),
    ...(spec?.nodeName && { node: spec.nodeName }),
    ready: ready?.status === 'True',
    ...(ready?.status === 'False' && ready.lastTransitionTime && { unreadySince: new Date(ready.lastTransitionTime) }),
    ...(ready?.status === 'True' && ready.lastTransitionTime && { readySince: new Date(ready.lastTransitionTime) }),
    ending: object.metadata.deletionTimestamp !== undefined,
    labels: object.metadata.labels ?? {},
    ...createdOf(object),
    spec: { ...spec, containers: spec?.containers ?? [] },
    ...(placed?.status === 'False' && !isPassing(placed.message ?? '') && { unscheduled: placed.message ?? 'no reason given' }),
    containers: [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(containerOf),
  };
}

function containerOf({ name, restartCount, state, lastState }: StatusBody): ContainerState {
  const ended = state?.terminated ?? lastState?.terminated;
  return {
    name,
    restarts: restartCount ?? 0,
    ...(state?.waiting?.reason && { waiting: { reason: state.waiting.reason, message: state.waiting.message ?? '' } }),
    ...(state?.running?.startedAt && { startedAt: new Date(state.running.startedAt) }),
    ...(ended && { ended: { reason: ended.reason ?? '', exitCode: ended.exitCode ?? 0 } }),
  };
}

/** The last lines of a container, and those of its previous run if it has crashed. */
export async function linesOf(kubernetes: Kubernetes, pod: PodEvidence, of: { readonly container: string; readonly tail: number }): Promise<readonly string[]> {
  const state = pod.containers.find(({ name }) => name === of.container);
  const ask = { namespace: pod.namespace, pod: pod.name, container: of.container, tail: of.tail };
  const crashed = (state?.restarts ?? 0) > 0 && !pod.ready;
  const before = crashed ? await kubernetes.logs({ ...ask, previous: true }).catch(() => []) : [];
  return [...before, ...(await kubernetes.logs(ask))];
}

export interface MountedFile {
  /** `ConfigMap alloy/alloy, config.alloy` */
  readonly from: string;
  readonly text: string;
}

/** A file in a container that comes from a ConfigMap or a Secret. */
export async function mountedFile(kubernetes: Pick<Kubernetes, 'get'>, of: FileOf): Promise<MountedFile | undefined> {
  const found = await fileIn(kubernetes, of);
  return found && 'text' in found ? found : undefined;
}

interface FileOf {
  readonly namespace: string;
  readonly template: PodTemplate;
  readonly container: Container;
  readonly path: string;
}

/** `undefined` if it is from neither a ConfigMap nor a Secret. */
async function fileIn(kubernetes: Pick<Kubernetes, 'get'>, of: FileOf): Promise<MountedFile | { readonly from: string; readonly absent: string } | undefined> {
  const over = mountOver(of);
  const volume = of.template.volumes?.find(({ name }) => name === over?.name);
  if (!over || !volume) return undefined;
  const below = over.subPath ?? of.path.slice(over.mountPath.replace(/\/$/, '').length + 1);
  const kind = volume.configMap ? 'ConfigMap' : 'Secret';
  const name = volume.configMap?.name ?? volume.secret?.secretName;
  if (!name) return undefined;
  const object = await kubernetes.get({ apiVersion: 'v1', kind, namespace: of.namespace, name });
  const { items } = volume.secret ?? {};
  const key = items?.find(({ path }) => path === below)?.key ?? below;
  const data = (object?.['data'] ?? {}) as Readonly<Record<string, unknown>>;
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  const from = `${kind} ${of.namespace}/${name}`;
  if (!object) return { from, absent: `${from} does not exist` };
  if (typeof value !== 'string')
    return { from, absent: `${from} has no key ${key}${Object.keys(data).length > 0 ? `, only ${Object.keys(data).join(', ')}` : ''}` };
  return { from: `${from}, ${key}`, text: kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value };
}

const mountOver = ({ container, path }: FileOf) =>
  (container.volumeMounts ?? [])
    .filter(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath.replace(/\/$/, '')}/`))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length)[0];

/** Why the container's process can't read a file; `undefined` if it can, or if that is unknown. */
export async function fileFault(kubernetes: Pick<Kubernetes, 'get'>, of: FileOf): Promise<string | undefined> {
  const over = mountOver(of);
  const volume = of.template.volumes?.find(({ name }) => name === over?.name);
  // It may be part of the image.
  if (!over) return undefined;
  const found = await fileIn(kubernetes, of);
  if (found && 'absent' in found) return found.absent;
  if (!volume?.secret) return undefined;
  const mode = volume.secret.items?.find(({ path }) => of.path.endsWith(`/${path}`))?.mode ?? volume.secret.defaultMode ?? 0o644;
  const { securityContext: pod = {} } = of.template;
  const own = of.container.securityContext ?? {};
  const [user, group] = [own.runAsUser ?? pod.runAsUser, own.runAsGroup ?? pod.runAsGroup];
  // With an fsGroup the kubelet makes the files readable for that group.
  const shared = pod.fsGroup !== undefined;
  const readable =
    user === undefined || user === 0 || shared || (mode & 0o004) !== 0 || ((mode & 0o040) !== 0 && (group === 0 || pod.supplementalGroups?.includes(0)));
  return readable ? undefined : `${of.path} is root's with mode 0${mode.toString(8).padStart(3, '0')}, and the process runs as user ${user}`;
}

/** The port of this name, or the first one. */
export const portOf = (container: Container | undefined, name: RegExp): number | undefined =>
  (container?.ports?.find((port) => name.test(port.name ?? '')) ?? container?.ports?.[0])?.containerPort;
