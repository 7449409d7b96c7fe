/** Objects read as the shapes a survey is made of: workloads, pods, what is mounted where. */
import type { Container, ContainerState, PodSeen, PodTemplate, Workload } from '../../checks/doctor/objects-seen.ts';
import type { Run } from '../outside.ts';
import type { Reached } from '../reach.ts';
import { problemOf } from '../within.ts';
import type { KubeObject, Kubernetes } from '../../ports/kubernetes.ts';

export interface Unseen {
  readonly what: string;
  readonly why: string;
}
export interface Miss {
  (what: string, error: unknown): void;
  say(what: string, why: string): void;
}

/** What everybody who looks is given. */
export interface Looking {
  readonly run: Run;
  readonly reached: Reached;
  readonly miss: Miss;
}

/** What is refused or fails is said, not fatal: the rest can still be looked at. Defects go on. */
export function misses(into: Unseen[]): Miss {
  const say = (what: string, why: string) => {
    if (!into.some((one) => one.what === what && one.why === why)) into.push({ what, why });
  };
  const miss = (what: string, error: unknown) => {
    const known = problemOf(error);
    if (!known) throw error;
    say(what, known.message);
  };
  return Object.assign(miss, { say });
}

/** What a look finds; nothing, and a word about it, where it is not allowed or fails. */
export const looked = <T>(miss: Miss, what: string, look: Promise<T>): Promise<T | undefined> => look.catch((error: unknown) => void miss(what, error));

/** At most `width` at a time: a survey must not be a load on a big cluster. */
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
    template: spec?.template?.spec ?? { containers: [] },
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
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string }; readonly terminated?: EndedBody };
  readonly lastState?: { readonly terminated?: EndedBody };
}
interface EndedBody {
  readonly reason?: string;
  readonly exitCode?: number;
}

/** What `podOf` reads and no more, for there may be as many as nodes: a pod's history of fields is half of its seven kilobytes. */
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

export function podOf(object: KubeObject): PodSeen {
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
    ...(ready?.status === 'True' && ready.lastTransitionTime && { readySince: new Date(ready.lastTransitionTime) }),
    ending: object.metadata.deletionTimestamp !== undefined,
    labels: object.metadata.labels ?? {},
    ...createdOf(object),
    spec: spec ?? { containers: [] },
    ...(placed?.status === 'False' && { unscheduled: placed.message ?? 'no reason given' }),
    containers: [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(containerOf),
  };
}

function containerOf({ name, restartCount, state, lastState }: StatusBody): ContainerState {
  const ended = state?.terminated ?? lastState?.terminated;
  return {
    name,
    restarts: restartCount ?? 0,
    ...(state?.waiting?.reason && { waiting: { reason: state.waiting.reason, message: state.waiting.message ?? '' } }),
    ...(ended && { ended: { reason: ended.reason ?? '', exitCode: ended.exitCode ?? 0 } }),
  };
}

/** Lines a container wrote last, and those of the run before when it has crashed. */
export async function linesOf(kubernetes: Kubernetes, pod: PodSeen, of: { readonly container: string; readonly tail: number }): Promise<readonly string[]> {
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

/** A file of a container that comes from a ConfigMap or a Secret. */
export async function mountedFile(
  kubernetes: Pick<Kubernetes, 'get'>,
  of: { readonly namespace: string; readonly template: PodTemplate; readonly container: Container; readonly path: string },
): Promise<MountedFile | undefined> {
  const over = (of.container.volumeMounts ?? [])
    .filter(({ mountPath }) => of.path === mountPath || of.path.startsWith(`${mountPath.replace(/\/$/, '')}/`))
    .sort((a, b) => b.mountPath.length - a.mountPath.length)[0];
  const volume = of.template.volumes?.find(({ name }) => name === over?.name);
  if (!over || !volume) return undefined;
  const below = over.subPath ?? of.path.slice(over.mountPath.replace(/\/$/, '').length + 1);
  const kind = volume.configMap ? 'ConfigMap' : 'Secret';
  const name = volume.configMap?.name ?? volume.secret?.secretName;
  if (!name) return undefined;
  const object = await kubernetes.get({ apiVersion: 'v1', kind, namespace: of.namespace, name });
  const key = volume.secret?.items?.find(({ path }) => path === below)?.key ?? below;
  const value = (object?.['data'] as Readonly<Record<string, string>> | undefined)?.[key];
  if (value === undefined) return undefined;
  return { from: `${kind} ${of.namespace}/${name}, ${key}`, text: kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value };
}

/** The port of this name, or the first one. */
export const portOf = (container: Container | undefined, name: RegExp): number | undefined =>
  (container?.ports?.find((port) => name.test(port.name ?? '')) ?? container?.ports?.[0])?.containerPort;

/** Sums of a Prometheus exposition, by name: every series with its labels. */
export function series(text: string, name: string): readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+([-+\d.eE]+|NaN)/.exec(line);
    if (match?.[1] !== name) return [];
    const labels = Object.fromEntries([...(match[2] ?? '').matchAll(/(?<!\w)(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key!, value!]));
    return [{ labels, value: Number(match[3]) }];
  });
}
export const total = (text: string, name: string): number => series(text, name).reduce((sum, { value }) => sum + value, 0);
