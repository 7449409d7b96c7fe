/** What holds log lines that are not in S3 yet: ingesters, and the volume claims with their write-ahead logs. */
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from '../context.ts';

export interface ReleaseRef {
  readonly name: string;
  readonly namespace: string;
}

/** Components of Loki's charts that accept pushes: in distributed, simple scalable and single binary mode. */
const HOLDERS = new Set(['ingester', 'write', 'single-binary']);

const COMPONENT = 'app.kubernetes.io/component';

/** A claim's owner is known by the labels of its StatefulSet; a claim without them may hold anything. */
const holdsLines = ({ metadata: { labels = {} } }: Pick<KubeObject, 'metadata'>): boolean => labels[COMPONENT] === undefined || HOLDERS.has(labels[COMPONENT]);

export const isIngester = ({ metadata }: Pick<KubeObject, 'metadata'>): boolean => HOLDERS.has(metadata.labels?.[COMPONENT] ?? '');

/** On a claim: all its data is in S3, and its ingester was told to flush whatever came later. */
export const FLUSHED = 'loki-eks.dev/flushed';

export const isFlushed = ({ metadata: { annotations = {} } }: Pick<KubeObject, 'metadata'>): boolean => annotations[FLUSHED] !== undefined;

/** Nothing was ever written to a claim without a volume. */
export const isBound = ({ status }: KubeObject): boolean => (status as { readonly phase?: string } | undefined)?.phase === 'Bound';

export const mayHoldLines = (claim: KubeObject): boolean => holdsLines(claim) && isBound(claim) && !isFlushed(claim);

interface PodBody {
  readonly spec?: { readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName?: string } }[] };
  readonly status?: {
    readonly phase?: string;
    readonly startTime?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly lastTransitionTime?: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}
type State = Readonly<Record<string, { readonly reason?: string; readonly finishedAt?: string } | undefined>>;
interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: State;
  readonly lastState?: State;
}

/** An ingester: its pod, and the claims that the pod uses. */
export interface Ingester {
  readonly pod: KubeObject;
  readonly claims: readonly KubeObject[];
}

export interface Holders {
  readonly ingesters: readonly Ingester[];
  /** Claims that no pod uses. */
  readonly idle: readonly KubeObject[];
}

export async function holdersOf({ kubernetes }: Pick<Context, 'kubernetes'>, { name, namespace }: ReleaseRef): Promise<Holders> {
  const query = { apiVersion: 'v1', namespace, labels: `app.kubernetes.io/instance=${name}` };
  // A claim is bound once its pod exists: in this order a claim that has a volume is never listed without the pod that uses it.
  const claims = await kubernetes.list({ ...query, kind: 'PersistentVolumeClaim' });
  const pods = await kubernetes.list({ ...query, kind: 'Pod' });
  const holding = claims.filter(holdsLines);
  const ingesters = pods.filter(isIngester).map((pod) => ({ pod, claims: holding.filter(({ metadata }) => claimNames(pod).includes(metadata.name)) }));
  const used = new Set(ingesters.flatMap(({ claims: own }) => own.map(({ metadata }) => metadata.name)));
  return { ingesters, idle: holding.filter(({ metadata }) => !used.has(metadata.name)) };
}

const claimNames = (pod: KubeObject): readonly string[] =>
  ((pod as unknown as PodBody).spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);

/** `loki-ingester-12` is number 12 of `loki-ingester`. */
export function placeIn(pod: Pick<KubeObject, 'metadata'>): { readonly set: string; readonly ordinal: number } {
  const [, set = pod.metadata.name, ordinal = '0'] = /^(.+)-(\d+)$/.exec(pod.metadata.name) ?? [];
  return { set, ordinal: Number(ordinal) };
}

const statusOf = (pod: KubeObject) => (pod as unknown as PodBody).status ?? {};

const seconds = (time: string | undefined): number => (time === undefined ? Number.NaN : Date.parse(time) / 1000);

/** The first pod of a StatefulSet is created right after its claim, and is not ready from the start. */
const AT_ONCE_S = 5;

/**
 * An ingester that has never been ready since its volume was created has received no lines: nothing sends to it before. One that was
 * OOM-killed has received some, and so may one whose pod is younger than its volume.
 */
export function neverHeld({ pod, claims }: Ingester): boolean {
  const { conditions = [], containerStatuses = [], startTime } = statusOf(pod);
  const made = seconds(pod.metadata.creationTimestamp);
  const first = claims.every((claim) => !isBound(claim) || made - seconds(claim.metadata.creationTimestamp) <= AT_ONCE_S);
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!first || ready?.status === 'True') return false;
  const killed = containerStatuses.some(({ state, lastState }) => [state, lastState].some((one) => one?.['terminated']?.reason === 'OOMKilled'));
  const lost = seconds(ready?.lastTransitionTime) - (startTime === undefined ? made : seconds(startTime));
  return !killed && !(lost > AT_ONCE_S);
}

/** `not ready since …: CrashLoopBackOff` */
export function stateOf(pod: KubeObject): string {
  const { phase, conditions = [], containerStatuses = [] } = statusOf(pod);
  const ready = conditions.find(({ type }) => type === 'Ready');
  const reasons = containerStatuses.flatMap(({ state, lastState }) =>
    [state?.['waiting']?.reason, state?.['terminated']?.reason, lastState?.['terminated']?.reason].filter((reason) => reason !== undefined),
  );
  const since = ready?.lastTransitionTime === undefined ? '' : ` since ${ready.lastTransitionTime}`;
  return `${ready?.status === 'True' ? 'ready' : `not ready${since}`}: ${reasons.length > 0 ? [...new Set(reasons)].join(', ') : (phase ?? 'unknown')}`;
}

/** Whether it may respond: a process is running, ready or not. */
export const isRunning = (pod: KubeObject): boolean => statusOf(pod).containerStatuses?.some(({ state }) => state?.['running'] !== undefined) ?? false;
