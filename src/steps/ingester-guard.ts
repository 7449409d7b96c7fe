/** Guards unflushed data: no ingester stops, and no write-ahead log is deleted, before its lines are in S3 or were given up in this run. */
import { parseAllDocuments } from 'yaml';
import { getPath } from '../design/get-path.ts';
import type { StepIO, Json, Problem } from '../engine/types.ts';
import type { KubeObject, Kubernetes, Ref } from '../ports/kubernetes.ts';
import type { HelmTask, Releases } from '../ports/releases.ts';
import type { Clock } from '../ports/system.ts';
import { problem, stop } from '../problems/problem.ts';
import type { Consent } from './consent.ts';
import { flushAll, prepare, resume, type Unflushed } from './flush.ts';
import { FLUSHED, holdersOf, isBound, isFlushed, isRunning, mayHoldLines, placeIn, type Holders, type Ingester, type ReleaseRef } from './ingesters.ts';

interface Guarded {
  readonly kubernetes: Kubernetes;
  readonly releases: Releases;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly consent?: Consent;
  readonly facts?: { readonly kubeVersion: string };
}

/** How many pods of a StatefulSet remain. */
type Staying = (set: string) => number;

export function guardReleases(ctx: Guarded): Releases {
  const { releases } = ctx;
  return {
    ...releases,
    uninstall: (task) =>
      orGoOn(ctx, task, async () => {
        const ended = await endIngesters(ctx, task, { staying: () => 0, withClaims: true });
        await releases.uninstall(task);
        await endLate(ctx, task, ended);
      }),
    upgrade: (task) =>
      orGoOn(ctx, task, async () => {
        const { name, namespace, chart, values } = task;
        const kubeVersion = ctx.facts?.kubeVersion ?? '';
        await endSurplus(ctx, task, () => releases.render({ name, namespace, chart, values, kubeVersion }));
        await releases.upgrade(task);
        await goOn(ctx, task);
      }),
    rollback: (task) =>
      orGoOn(ctx, task, async () => {
        const { name, namespace, revision } = task;
        await endSurplus(ctx, task, () => releases.manifest({ name, namespace, revision }));
        await releases.rollback(task);
        await goOn(ctx, task);
      }),
  };
}

/** Helm's failure is reported even if removing the marks fails too: the next run removes them as well. */
export async function orGoOn<T>(ctx: Omit<Guarded, 'releases'>, release: ReleaseRef, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await goOn(ctx, release).catch(() => undefined);
    throw error;
  }
}

/** Those that a release no longer includes are flushed before they stop. */
async function endSurplus(ctx: Guarded, task: HelmTask, manifest: () => Promise<string>): Promise<void> {
  const { ingesters } = await holdersOf(ctx, task);
  if (ingesters.length === 0) return;
  const text = await manifest();
  if (text !== '') await endIngesters(ctx, task, { staying: stayingIn(text), withClaims: false });
}

interface Surplus {
  readonly set: string;
  readonly from: number;
  readonly to: number;
}

/** Ingesters that stop when a release becomes what the manifests say, by StatefulSet. Nothing is rendered where none runs. */
export async function surplusOf(ctx: Pick<Guarded, 'kubernetes'>, release: ReleaseRef, manifests: () => Promise<string>): Promise<readonly Surplus[]> {
  const { ingesters } = await holdersOf(ctx, release);
  if (ingesters.length === 0) return [];
  const staying = stayingIn(await manifests());
  const counts = new Map<string, number>();
  for (const { pod } of ingesters) counts.set(placeIn(pod).set, (counts.get(placeIn(pod).set) ?? 0) + 1);
  return [...counts].flatMap(([set, from]) => (staying(set) < from ? [{ set, from, to: staying(set) }] : []));
}

/** Replicas of each StatefulSet in a chart's rendering, or in a stored manifest. */
function stayingIn(manifests: string): Staying {
  // Parsing everything takes far longer than finding these.
  const sets = manifests
    .split(/^---$/m)
    .filter((text) => /kind"?: ?"?(StatefulSet|Deployment)\b/.test(text))
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Json));
  const replicas = new Map(sets.map((set) => [String(getPath(set, 'metadata.name')), Number(getPath(set, 'spec.replicas') ?? 1)]));
  return (set) => replicas.get(set) ?? 0;
}

interface Ended {
  /** Ingesters that were handled, and whether they were running then. */
  readonly ran: ReadonlyMap<string, boolean>;
  /** Claims that had a volume at the last check, by name, and the time of that check. */
  readonly bound: ReadonlySet<string>;
  readonly at: number;
}

/** A claim may be missing from a list made just before its creation, and appears in the next one. */
const idOf = ({ pod: { metadata }, claims }: Ingester): string => [metadata.uid ?? metadata.name, ...claims.map((claim) => claim.metadata.name)].join(' ');

/** One that was not running when checked may have started since. */
const isFresh =
  (ran: ReadonlyMap<string, boolean>) =>
  (one: Ingester): boolean =>
    !ran.has(idOf(one)) || (!ran.get(idOf(one)) && isRunning(one.pod));

/**
 * Every ingester beyond those that remain is flushed or given up; otherwise it is resumed, and nothing is changed. A flush may take minutes,
 * in which others start: this repeats until a check finds no new ones.
 */
export async function endIngesters(
  ctx: Omit<Guarded, 'releases'>,
  task: ReleaseRef & StepIO,
  { staying, withClaims }: { readonly staying: Staying; readonly withClaims: boolean },
): Promise<Ended> {
  const ran = new Map<string, boolean>();
  for (;;) {
    const holders = await holdersOf(ctx, task);
    const getPath = ctx.clock.now().getTime();
    const ending = holders.ingesters.filter(({ pod }) => placeIn(pod).ordinal >= staying(placeIn(pod).set));
    const fresh = ending.filter(isFresh(ran));
    // The release's claims are deleted with it, including those that no pod uses.
    const idle = withClaims ? unreadIn(holders) : [];
    const unflushed = await flushAll(ctx, fresh, { ...task, ending: true });
    if (unflushed.length + idle.length > 0 && !ctx.consent?.unflushed) {
      await resume(ctx, ending);
      throw unflushedProblem([...unflushed, ...idle], { of: ending.length + idle.length });
    }
    try {
      await markFlushed(ctx, except(fresh, unflushed));
    } catch (error) {
      await resume(ctx, ending);
      throw error;
    }
    for (const one of fresh) ran.set(idOf(one), isRunning(one.pod));
    const claims = [...holders.idle, ...holders.ingesters.flatMap((one) => one.claims)];
    if (fresh.length === 0) return { ran, at: getPath, bound: new Set(claims.filter(isBound).map(({ metadata }) => metadata.name)) };
  }
}

const except = (ingesters: readonly Ingester[], unflushed: readonly Unflushed[]): readonly Ingester[] => {
  const lost = new Set(unflushed.map(({ ingester }) => ingester));
  return ingesters.filter(({ pod }) => !lost.has(pod.metadata.name));
};

/** From volume creation to the first line: the volume is attached, the container starts, the log is replayed, the ring is joined. */
const BEFORE_LINES_MS = 10_000;

/**
 * Until Helm has deleted a StatefulSet, it keeps creating pods. Those that still exist are flushed as well; one that existed for only a few
 * seconds received no line.
 */
async function endLate(ctx: Guarded, task: HelmTask, { ran, bound, at: getPath }: Ended): Promise<void> {
  const { ingesters, idle } = await holdersOf(ctx, task);
  const fresh = ingesters.filter(isFresh(ran));
  const unflushed = await flushAll(ctx, fresh, { ...task, ending: true });
  const brief = ctx.clock.now().getTime() - getPath <= BEFORE_LINES_MS ? idle.filter(({ metadata }) => !bound.has(metadata.name)) : [];
  await markClaims(ctx, [...except(fresh, unflushed).flatMap((one) => one.claims), ...brief]);
}

/** Flushes the ingesters of a release to S3 while they keep running: shows whether that works before anything is removed. */
export async function flushBeforehand(ctx: Omit<Guarded, 'releases'>, release: ReleaseRef, io: StepIO): Promise<readonly Unflushed[]> {
  const holders = await holdersOf(ctx, release);
  return [...(await flushAll(ctx, holders.ingesters, { ...io, ending: false })), ...unreadIn(holders)];
}

/**
 * Before pods are recreated: ingesters without a volume, or whose volume is deleted, are flushed first; the others at shutdown, best effort.
 * `keeps`: names of the claims that stay, all when absent.
 */
export async function flushForRestart(
  ctx: Omit<Guarded, 'releases'>,
  release: ReleaseRef,
  { keeps, ...io }: StepIO & { readonly keeps?: readonly string[] | undefined },
): Promise<void> {
  const { ingesters } = await holdersOf(ctx, release);
  const loses = ({ claims }: Ingester) => claims.length === 0 || (keeps !== undefined && claims.some(({ metadata }) => !keeps.includes(metadata.name)));
  const losing = ingesters.filter(loses);
  const unflushed = await flushAll(ctx, losing, { ...io, ending: true });
  if (unflushed.length > 0 && !ctx.consent?.unflushed) {
    await resume(ctx, losing);
    throw unflushedProblem(unflushed, { of: ingesters.length });
  }
  const lost = new Set(unflushed.map(({ ingester }) => ingester));
  await markFlushed(
    ctx,
    losing.filter(({ pod }) => !lost.has(pod.metadata.name)),
  );
  await prepare(
    ctx,
    ingesters.filter((one) => !loses(one)),
  );
}

const unreadIn = ({ idle }: Holders): readonly Unflushed[] =>
  idle
    .filter(mayHoldLines)
    .map(({ metadata: { name } }) => ({ ingester: `PersistentVolumeClaim ${name}`, why: 'no running ingester can replay its write-ahead log' }));

/** What would be lost, one line per ingester. */
export function unflushedProblem(
  unflushed: readonly Unflushed[],
  { of, since, fix }: { readonly of: number; readonly since?: string | undefined; readonly fix?: string },
) {
  const chunks = unflushed.reduce((sum, one) => sum + (one.chunks ?? 0), 0);
  const streams = unflushed.reduce((sum, one) => sum + (one.streams ?? 0), 0);
  const counted = chunks > 0 ? `, at least ${chunks} chunks of ${streams} streams,` : '';
  return stop('INGESTERS_UNFLUSHED', {
    message: `The log lines of ${unflushed.length} of ${of} ingesters${counted} can't be flushed to S3: ${unflushed.map(({ ingester }) => ingester).join(', ')}`,
    evidence: [
      ...unflushed.flatMap(({ ingester, chunks: n, streams: m, why, log }) => [
        `${ingester}: ${n === undefined ? 'unknown number of chunks' : `${n} chunks of ${m ?? 0} streams`}; ${why}`,
        ...(log ? [log] : []),
      ]),
      ...(since ? [since] : []),
    ],
    ...(fix && { fix }),
  });
}

const markFlushed = (ctx: Pick<Guarded, 'kubernetes' | 'clock'>, ingesters: readonly Ingester[]): Promise<void> =>
  markClaims(
    ctx,
    ingesters.flatMap((one) => one.claims),
  );

async function markClaims({ kubernetes, clock }: Pick<Guarded, 'kubernetes' | 'clock'>, all: readonly KubeObject[]): Promise<void> {
  const claims = all.filter((claim) => !isFlushed(claim));
  const annotations = { [FLUSHED]: clock.now().toISOString() };
  // All patches must have settled before the caller decides to resume the ingesters.
  const marked = await Promise.allSettled(claims.map((claim) => kubernetes.patch(refOf(claim), { metadata: { annotations } })));
  const failed = marked.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Values that make the cluster itself delete write-ahead logs, on scale-down or when a StatefulSet is recreated. */
export function volumesUnkept(values: Json): Problem | undefined {
  for (const part of ['ingester', 'write', 'singleBinary'])
    for (const key of ['whenDeleted', 'whenScaled']) {
      const path = `${part}.persistence.${key}`;
      const value = getPath(values, path);
      if (value === undefined || value === null || value === 'Retain') continue;
      return problem('VOLUMES_NOT_RETAINED', { message: `${path} is ${JSON.stringify(value)}`, fix: `Set ${path} to Retain in your values, or remove it` });
    }
  return undefined;
}

/** Claims marked as flushed that hold lines again: their StatefulSet has a pod for them, because the operation that was to stop it never finished. */
export async function wronglyFlushed({ kubernetes }: Pick<Guarded, 'kubernetes'>, { name, namespace }: ReleaseRef): Promise<readonly KubeObject[]> {
  const query = { namespace, labels: `app.kubernetes.io/instance=${name}` };
  const claims = await kubernetes.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...query, metadataOnly: true });
  const marked = claims.filter(isFlushed);
  if (marked.length === 0) return [];
  const sets = await kubernetes.list({ apiVersion: 'apps/v1', kind: 'StatefulSet', ...query });
  const staying = sets.filter(({ metadata }) => !metadata.deletionTimestamp);
  const wanted = new Set(staying.flatMap((set) => claimNamesOf(set)));
  return marked.filter(({ metadata }) => wanted.has(metadata.name));
}

/** Removes their mark, and cancels the prepared shutdown of their ingesters. */
export async function goOn(ctx: Pick<Guarded, 'kubernetes' | 'clock' | 'timeoutMs'>, release: ReleaseRef): Promise<void> {
  const used = await wronglyFlushed(ctx, release);
  if (used.length === 0) return;
  await Promise.all(used.map((claim) => ctx.kubernetes.patch(refOf(claim), { metadata: { annotations: { [FLUSHED]: null } } })));
  const { ingesters } = await holdersOf(ctx, release);
  const names = new Set(used.map(({ metadata }) => metadata.name));
  await resume(
    ctx,
    ingesters.filter((one) => one.claims.some(({ metadata }) => names.has(metadata.name))),
  );
}

/** Claims of all current pods of a StatefulSet: `data-loki-ingester-0`, … */
function claimNamesOf(set: KubeObject): readonly string[] {
  const templates = (getPath(set, 'spec.volumeClaimTemplates') ?? []) as readonly Json[];
  const ordinals = Array.from({ length: Number(getPath(set, 'spec.replicas') ?? 1) }, (_, ordinal) => ordinal);
  return templates.flatMap((template) =>
    ordinals.map((ordinal) => `${String(getPath(template, 'metadata.name'))}-${String(getPath(set, 'metadata.name'))}-${ordinal}`),
  );
}

const refOf = ({ metadata: { name, namespace } }: KubeObject): Ref => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  ...(namespace && { namespace }),
  name,
});
