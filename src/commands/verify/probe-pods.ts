/** The life cycle of probe pods: created a few at a time, deleted together, and found again if the run that created them was killed. */
import type { Problem } from '../../engine/types.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Self } from '../../ports/system.ts';
import { ProblemError } from '../../problems/problem.ts';
import type { Context } from '../../context.ts';
import type { RunContext } from '../../deps.ts';
import { isOver, PROBE_LABEL, probeOwner, probePod, type Maker } from './probe-pod.ts';
import { each } from '../doctor/collect/objects.ts';

/** As many requests as the connection has sockets. */
const WIDTH = 16;

export interface ProbeRun {
  readonly token: string;
  readonly maker: Maker;
  /** The Job that owns the pods; absent if the caller is not allowed to create Jobs. */
  readonly owner?: KubeObject;
  /** Milliseconds to add to our clock to get the cluster's, if that is worth correcting. */
  readonly skewMs: number;
}

/** The API server reports whole seconds. */
const TRUSTED_SKEW_MS = 2000;

/** `seconds`: after that time the cluster deletes the pods even if nothing else does. */
export async function openProbes(ctx: Context, { self, seconds }: { readonly self: Self; readonly seconds: number }): Promise<ProbeRun> {
  const token = Buffer.from(ctx.random.bytes(9)).toString('hex');
  const maker: Maker = { pid: self.pid, ...(self.place !== undefined && { place: self.place }) };
  const asked = ctx.clock.now().getTime();
  try {
    const owner = await ctx.kubernetes.create(probeOwner(ctx, { token, maker, seconds }));
    const skewMs = Date.parse(owner.metadata.creationTimestamp ?? '') + 500 - (asked + ctx.clock.now().getTime()) / 2;
    return { token, maker, owner, skewMs: Math.abs(skewMs) > TRUSTED_SKEW_MS ? skewMs : 0 };
  } catch (error) {
    // Without permission to create Jobs the pods have to be deleted one by one, or end by themselves.
    if (error instanceof ProblemError && error.problem.code === 'KUBE_FORBIDDEN') return { token, maker, skewMs: 0 };
    throw error;
  }
}

export interface Wanted {
  readonly index: number;
  readonly node: string;
  readonly script: string;
}

export interface Placed {
  readonly index: number;
  readonly name: string;
  /** Why there is none. */
  readonly refused?: Problem;
}

/** Stops creating pods on abort; requests in flight are finished, so that none is created behind the back of the cleanup. */
export async function placeProbes(
  ctx: Context,
  run: ProbeRun,
  of: { readonly wanted: readonly Wanted[]; readonly signal: AbortSignal },
): Promise<readonly Placed[]> {
  const placed = await each(of.wanted, WIDTH, async (wanted): Promise<readonly Placed[]> => {
    if (of.signal.aborted) return [];
    const pod = probePod(ctx, { ...run, ...wanted });
    const { name } = pod.metadata;
    try {
      await ctx.kubernetes.create(pod);
      return [{ index: wanted.index, name }];
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return [{ index: wanted.index, name, refused: error.problem }];
    }
  });
  return placed.flat();
}

const inOurs = ({ blueprint }: Pick<Context, 'blueprint'>, probe: string) => ({
  namespace: blueprint.verify.namespace,
  labels: `loki-eks.dev/install-id=${blueprint.ownership.installId},${probe}`,
});

/** All pods of this run, in full. */
export const probesOf = (ctx: Pick<Context, 'kubernetes' | 'blueprint'>, { token }: Pick<ProbeRun, 'token'>): Promise<readonly KubeObject[]> =>
  ctx.kubernetes.list({ apiVersion: 'v1', kind: 'Pod', ...inOurs(ctx, `${PROBE_LABEL}=${token}`) });

const GONE_MS = 15_000;

/** Never throws: left behind they end by themselves, and that is no reason to doubt a verification. Returns how many are left. */
export async function closeProbes(ctx: Context, run: ProbeRun, { wait }: { readonly wait: boolean }): Promise<number> {
  try {
    if (run.owner) await ctx.kubernetes.delete(refOf(run.owner), { propagation: 'Foreground' });
    else await removeEach(ctx, await probesOf(ctx, run));
    if (!wait) return 0;
    const until = ctx.clock.now().getTime() + GONE_MS;
    for (;;) {
      const left = (await probesOf(ctx, run)).length;
      if (left === 0 || ctx.clock.now().getTime() > until) return left;
      await ctx.clock.sleep(250);
    }
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return (await probesOf(ctx, run).catch(() => [])).length;
  }
}

const refOf = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject) => ({ apiVersion, kind, name, ...(namespace && { namespace }) });

const removeEach = (ctx: Context, objects: readonly KubeObject[]) =>
  each(objects, WIDTH, (object) => ctx.kubernetes.delete(refOf(object), { propagation: 'Background' }));

/** Longer than any verification takes; compared with the cluster's clock, which may differ from ours by minutes. */
const STALE_MS = 2 * 3_600_000;

/**
 * Deletes what interrupted runs left: pods of this machine whose process is gone, pods that have ended, and what is hours old. Another
 * run's pods that may still be needed stay, unless `all`.
 */
export async function sweepProbes(ctx: Context, { self, all }: { readonly self: Self; readonly all: boolean }): Promise<number> {
  const { kubernetes, clock } = ctx;
  const [jobs, pods] = await Promise.all([
    kubernetes.list({ apiVersion: 'batch/v1', kind: 'Job', ...inOurs(ctx, PROBE_LABEL) }).catch(unlessForbidden),
    kubernetes.list({ apiVersion: 'v1', kind: 'Pod', ...inOurs(ctx, PROBE_LABEL) }),
  ]);
  const dead = ({ metadata: { annotations = {}, creationTimestamp = '' } }: KubeObject): boolean => {
    const place = annotations['loki-eks.dev/probe-place'];
    const gone = place !== undefined && place === self.place && !self.alive(Number(annotations['loki-eks.dev/probe-pid']));
    return all || gone || clock.now().getTime() - Date.parse(creationTimestamp) > STALE_MS;
  };
  const owners = jobs.filter(dead);
  const owned = new Set(owners.map(({ metadata }) => metadata.uid));
  const loose = pods.filter((pod) => (dead(pod) || isOver(pod)) && !pod.metadata.ownerReferences?.some(({ uid }) => owned.has(uid)));
  await removeEach(ctx, [...owners, ...loose]);
  return loose.length + pods.filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => owned.has(uid))).length;
}

function unlessForbidden(error: unknown): readonly KubeObject[] {
  if (error instanceof ProblemError && error.problem.code === 'KUBE_FORBIDDEN') return [];
  throw error;
}

/** Rejects as soon as the signal is aborted, whatever the work is waiting for. */
export async function promptly<T>(signal: RunContext['signal'], work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
