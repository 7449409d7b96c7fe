/** One writer at a time: acquiring the lock, holding it while a run changes things, and releasing it on every exit path. */
import { CHANGING, rule } from '../../design/permissions.ts';
import type { Blueprint } from '../../design/blueprint.ts';
import type { Ownership } from '../../design/ownership.ts';
import type { Permission, Problem, Sink } from '../../engine/types.ts';
import type { KubeObject, Kubernetes } from '../../ports/kubernetes.ts';
import type { Clock, Pulse, Random, Self } from '../../ports/system.ts';
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Context } from '../../context.ts';
import { named, isOwnedByLabels } from '../../steps/ownership.ts';
import { giveBack, staying, type Ended, type Ends } from './lock-release.ts';
import type { RunContext } from '../../deps.ts';
import { holderIn, holderNow, leaseOf, lockRef, type Holder } from './lease.ts';

export interface LockParts {
  readonly kubernetes: Pick<Kubernetes, 'get' | 'create' | 'replace' | 'delete'>;
  readonly clock: Clock;
  readonly pulse: Pulse;
  readonly random: Random;
  readonly self: Self;
  readonly ownership: Ownership;
  /** The loki-eks command, as shown to a run that is refused. */
  readonly command: string;
  readonly emit: Sink;
  readonly signal: AbortSignal;
  /** The chain of the unfinished journal on this machine. */
  unfinishedChain(): Promise<string | undefined>;
}

export async function lockParts(
  { deps: { clock, pulse, random, self, journals }, emit, signal }: RunContext,
  { ctx, blueprint, command }: { readonly ctx: Pick<Context, 'kubernetes'>; readonly blueprint: Pick<Blueprint, 'ownership'>; readonly command: string },
): Promise<LockParts> {
  const { ownership } = blueprint;
  const unfinishedChain = async () => (await journals.unfinished(ownership.installId))?.chain;
  return { kubernetes: ctx.kubernetes, clock, pulse, random, self: await self(), ownership, command, emit, signal, unfinishedChain };
}

export interface Lock {
  /** Aborted when another run may hold the lock by now; the reason is a ProblemError. */
  readonly lost: AbortSignal;
  /** The chain of this run's journal. A journal of another chain was overtaken: its changes belong to another run by now. */
  readonly chain: string;
  /** Called before every change. Throws the reason of `lost`. */
  stillHeld(): Promise<void>;
  /** `ended`: the outcome of the work; absent if it was cut short. */
  release(ended?: Ended): Promise<void>;
}

/** Throws RUN_LOCKED. However `body` ends, the lock is released. */
export async function locked<T extends { readonly outcome: Ended }>(parts: LockParts, body: (lock: Lock) => Promise<T>): Promise<T> {
  const lock = await acquire(parts);
  let ended: Ended | undefined;
  try {
    const result = await body(lock);
    ended = result.outcome;
    return result;
  } finally {
    await lock.release(ended);
  }
}

const LOOK_MS = 1000;

/**
 * Of many concurrent runs exactly one acquires it: the API server lets one create, and one replace per version, succeed. A holder is dead if it
 * is a process of this machine that no longer exists, or if its Lease stays unchanged for its whole duration by our own clock: clocks of two
 * machines are compared only to refuse, which can't do harm.
 */
export async function acquire(parts: LockParts): Promise<Lock> {
  const { kubernetes, clock, ownership, signal, self } = parts;
  const run = Buffer.from(parts.random.bytes(6)).toString('hex');
  let watched: { readonly version: string | undefined; readonly from: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const found = await kubernetes.get(lockRef(ownership));
    const verdict = found ? judge(found, parts) : 'free';
    if (found && verdict === 'unsure') {
      const now = clock.now().getTime();
      const holder = holderIn(found);
      if (watched && watched.version !== found.metadata.resourceVersion) throw heldBy(holder, parts);
      if (!watched) parts.emit({ type: 'fact.found', fact: 'lock', value: `held by ${inWords(holder)}; waiting ${holder.seconds} s for it to renew` });
      watched ??= { version: found.metadata.resourceVersion, from: now };
      if (now - watched.from < holder.seconds * 1000) {
        await clock.sleep(LOOK_MS, signal);
        continue;
      }
    }
    const before = found && holderIn(found).chain;
    const goesOn = Boolean(before) && before === (await parts.unfinishedChain());
    const mine = holderNow(self, { command: parts.command, run, ...(goesOn && { chain: before }), now: clock.now() });
    const lease = await take(parts, mine, found);
    if (lease) return hold(parts, { mine, lease, goesOn, before });
  }
}

/** The current holder of the lock, as a problem, if that is beyond doubt. */
export async function otherRun(parts: LockParts): Promise<Problem | undefined> {
  const found = await parts.kubernetes.get(lockRef(parts.ownership));
  try {
    if (found) judge(found, parts);
    return undefined;
  } catch (error) {
    return error instanceof ProblemError ? error.problem : undefined;
  }
}

/** Deletes the lock of an interrupted run on this machine: a run with nothing to do would leave it otherwise. Failing to do so is no failure. */
export async function sweep({ kubernetes, ownership, self }: LockParts): Promise<void> {
  const ref = lockRef(ownership);
  try {
    const found = await kubernetes.get(ref);
    const holder = found && isOwnedByLabels(found, ownership) ? holderIn(found) : undefined;
    const version = found?.metadata.resourceVersion;
    if (holder?.identity && isDead(holder, self)) await kubernetes.delete(ref, version ? { ifVersion: version } : {});
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
  }
}

const isDead = ({ place, pid }: Holder, self: Self): boolean => place !== undefined && place === self.place && !self.alive(pid);

/** A clock slightly ahead of ours is normal. */
const SKEW_MS = 5000;

function judge(found: KubeObject, parts: LockParts): 'free' | 'unsure' {
  if (!isOwnedByLabels(found, parts.ownership)) throw stop('OBJECT_NOT_OURS', { message: `${named(found)} exists but was not created by loki-eks` });
  const holder = holderIn(found);
  if (holder.identity === '' || isDead(holder, parts.self)) return 'free';
  const age = parts.clock.now().getTime() - holder.renewed.getTime();
  if (age > -SKEW_MS && age < holder.seconds * 1000) throw heldBy(holder, parts);
  return 'unsure';
}

/** `undefined` if another run was faster. A write whose response was lost may still have succeeded. */
async function take({ kubernetes, ownership }: LockParts, mine: Holder, before: KubeObject | undefined): Promise<KubeObject | undefined> {
  const wanted = leaseOf(mine, ownership, before);
  try {
    return await (before ? kubernetes.replace(wanted) : kubernetes.create(wanted));
  } catch (error) {
    const now = await kubernetes.get(lockRef(ownership)).catch(() => undefined);
    if (now && holderIn(now).identity === mine.identity) return now;
    if (wasOvertaken(error)) return undefined;
    throw error;
  }
}

const wasOvertaken = (error: unknown) => error instanceof ProblemError && (error.problem.code === 'KUBE_CONFLICT' || error.problem.code === 'KUBE_NOT_FOUND');

const inWords = ({ command, user, host, pid, since }: Holder): string =>
  `loki-eks ${command} of ${user} on ${host} (process ${pid}) since ${since.toISOString().slice(0, 19)}Z`;

function heldBy(holder: Holder, { ownership, clock }: LockParts): ProblemError {
  const { namespace, name } = lockRef(ownership);
  const ago = Math.max(0, Math.round((clock.now().getTime() - holder.renewed.getTime()) / 1000));
  return stop('RUN_LOCKED', {
    message: `Another run is in progress: ${inWords(holder)}`,
    evidence: [`Lease ${namespace}/${name}: renewed ${ago} s ago, valid for ${holder.seconds} s`],
  });
}

const RENEW_MS = 5000;
/** Well before others may consider it dead: work in flight can then still finish in time. */
const DEADLINE_MS = 20_000;

interface Taken extends Ends {
  readonly lease: KubeObject;
}

function hold(parts: LockParts, taken: Taken): Lock {
  const { kubernetes, clock, ownership } = parts;
  const { mine } = taken;
  let acted = false;
  const lost = new AbortController();
  let lease = taken.lease;
  let renewedAt = mine.renewed.getTime();
  let underWay: Promise<void> | undefined;
  const age = () => clock.now().getTime() - renewedAt;
  const lose = (why: ProblemError) => {
    end();
    lost.abort(why);
  };

  const renewOnce = async () => {
    const at = clock.now();
    try {
      lease = await kubernetes.replace(leaseOf({ ...mine, renewed: at }, ownership, lease));
      renewedAt = at.getTime();
    } catch (error) {
      const now = await kubernetes.get(lockRef(ownership)).catch(() => 'unknown' as const);
      if (now === undefined) lose(lostTo('its Lease was deleted', error));
      else if (now !== 'unknown' && holderIn(now).identity !== mine.identity) lose(lostTo(`it was taken over by ${inWords(holderIn(now))}`, error));
      else if (now !== 'unknown') {
        // The response was lost, or someone edited a label: the lock is still ours.
        lease = now;
        renewedAt = Math.max(renewedAt, holderIn(now).renewed.getTime());
      }
      if (age() >= DEADLINE_MS) lose(unrenewable(error));
    }
  };
  const renew = (): Promise<void> => {
    underWay ??= renewOnce().finally(() => (underWay = undefined));
    return underWay;
  };
  const end = parts.pulse(RENEW_MS, () => {
    // A response that never arrives counts as none.
    if (underWay && age() >= DEADLINE_MS) lose(unrenewable(undefined));
    else void renew();
  });

  return {
    lost: lost.signal,
    chain: mine.chain,
    stillHeld: async () => {
      // A machine that slept must not continue as if nothing had happened.
      if (!lost.signal.aborted && age() >= DEADLINE_MS) await renew();
      lost.signal.throwIfAborted();
      acted = true;
    },
    release: async (ended) => {
      end();
      if (!lost.signal.aborted) await underWay;
      if (!lost.signal.aborted) await giveBack(parts, { mine, held: lease, stays: staying(taken, { ended, acted }) });
    },
  };
}

const lostTo = (why: string, cause: unknown) => stop('RUN_LOCK_LOST', { message: `This run has lost its lock: ${why}` }, { cause });

/** Expired credentials are reported as such: they have to be renewed first. */
function unrenewable(error: unknown): ProblemError {
  if (error instanceof ProblemError && error.problem.code === 'AWS_CREDENTIALS_EXPIRED') return error;
  const said = error instanceof ProblemError ? [error.problem.message] : [];
  return stop('RUN_LOCK_LOST', { message: `The lock of this run could not be renewed for ${DEADLINE_MS / 1000} s`, evidence: said }, { cause: error });
}

export const lockPermissions: readonly Permission[] = [
  rule('kube-system', 'get create update delete', 'leases.coordination.k8s.io', { to: 'keep two runs apart', for: [...CHANGING, 'doctor --fix'] }),
];
