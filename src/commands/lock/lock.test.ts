import { beforeEach, describe, expect, it } from 'vitest';
import { ownership } from '../../design/ownership.ts';
import type { Event } from '../../engine/types.ts';
import type { KubeObject, Kubernetes } from '../../ports/kubernetes.ts';
import { stop } from '../../problems/problem.ts';
import { LEASE_SECONDS, lockRef } from './lease.ts';
import { acquire, locked, otherRun, sweep, type Lock, type LockParts } from './lock.ts';

const ours = ownership('arn:aws:eks:eu-central-1:111122223333:cluster/prod', 'loki');

/** One Lease with the API's guarantees: create succeeds once, replace and delete require the version that was read. */
function cluster() {
  let lease: KubeObject | undefined;
  let version = 0;
  let trouble: ((verb: 'get' | 'create' | 'replace' | 'delete') => 'before' | 'after' | 'never' | undefined) | undefined;
  const keep = (object: KubeObject) =>
    structuredClone((lease = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } })));
  const conflict = () => stop('KUBE_CONFLICT', { message: 'changed by someone else' });
  const action = async <T>(verb: 'get' | 'create' | 'replace' | 'delete', act: () => T): Promise<T> => {
    const how = trouble?.(verb);
    if (how === 'never') return new Promise<never>(() => {});
    if (how === 'before') throw stop('KUBE_UNREACHABLE');
    const done = act();
    if (how === 'after') throw stop('KUBE_UNREACHABLE');
    return done;
  };
  const kubernetes: Pick<Kubernetes, 'get' | 'create' | 'replace' | 'delete'> = {
    get: () => action('get', () => structuredClone(lease)),
    create: (object) =>
      action('create', () => {
        if (lease) throw conflict();
        return keep(object);
      }),
    replace: (object) =>
      action('replace', () => {
        if (!lease) throw stop('KUBE_NOT_FOUND');
        if (object.metadata.resourceVersion !== lease.metadata.resourceVersion) throw conflict();
        return keep(object);
      }),
    delete: (_, { ifVersion } = {}) =>
      action('delete', () => {
        if (ifVersion !== undefined && ifVersion !== lease?.metadata.resourceVersion) throw conflict();
        lease = undefined;
      }),
  };
  return {
    kubernetes,
    lease: () => lease as (KubeObject & { spec: Record<string, unknown> }) | undefined,
    put: (object: KubeObject | undefined): void => {
      if (object) keep(object);
      else lease = undefined;
    },
    /** What fails from now on. */
    fail: (how: typeof trouble) => (trouble = how),
  };
}

/** Time that moves only when advanced, or when a sleeper is the only one left. */
function time(start = Date.parse('2026-01-02T03:04:05Z')) {
  let now = start;
  const beats = new Set<{ readonly ms: number; readonly beat: () => void; next: number }>();
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const advance = async (ms: number) => {
    const until = now + ms;
    while (now < until) {
      const next = Math.min(until, ...[...beats].map(({ next: at }) => at));
      now = Math.max(now, next);
      for (const one of beats) {
        if (one.next > now) continue;
        one.next += one.ms;
        one.beat();
      }
      await settle();
    }
  };
  return {
    advance,
    /** The machine slept: time has passed, and nothing ran meanwhile. */
    jump: (ms: number) => void (now += ms),
    now: () => now,
    clock: { now: () => new Date(now), sleep: (ms: number) => advance(ms) },
    pulse: (ms: number, beat: () => void) => {
      const one = { ms, beat, next: now + ms };
      beats.add(one);
      return () => void beats.delete(one);
    },
    beats,
  };
}

type World = ReturnType<typeof cluster>;
let world: World;
let clock: ReturnType<typeof time>;
let events: Event[];
let living: Set<number>;
beforeEach(() => {
  world = cluster();
  clock = time();
  events = [];
  living = new Set([1, 2, 3]);
});

let bytes = 0;
function runOf(
  pid: number,
  over: { readonly place?: string; readonly time?: ReturnType<typeof time>; readonly signal?: AbortSignal; readonly unfinished?: string } = {},
): LockParts {
  const { time: own = clock, place, signal = new AbortController().signal, unfinished } = over;
  return {
    kubernetes: world.kubernetes,
    clock: own.clock,
    pulse: own.pulse,
    random: { bytes: (length) => new Uint8Array(length).fill(++bytes) },
    self: { user: 'ada', host: `host-${pid}`, pid, ...(place && { place }), alive: (other) => living.has(other) },
    ownership: ours,
    command: 'install',
    emit: (event) => void events.push(event),
    signal,
    unfinishedChain: async () => unfinished,
  };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'held',
    (error: { problem: { code: string } }) => error.problem.code,
  );

describe('taking the lock', () => {
  it('says in the cluster who holds it, and leaves nothing behind', async () => {
    await locked(runOf(1), async () => {
      expect(world.lease()).toMatchObject({
        metadata: { name: lockRef(ours).name, namespace: 'kube-system', labels: ours.labels },
        spec: { leaseDurationSeconds: LEASE_SECONDS, acquireTime: '2026-01-02T03:04:05.000000Z', renewTime: '2026-01-02T03:04:05.000000Z' },
      });
      expect(world.lease()?.spec['holderIdentity']).toMatch(/^ada@host-1_1_[0-9a-f]{12}$/);
      return { outcome: 'ok' };
    });
    expect(world.lease()).toBeUndefined();
    expect(clock.beats.size).toBe(0);
  });

  it('is given back when the work fails', async () => {
    await expect(locked(runOf(1), async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(world.lease()).toBeUndefined();
    expect(clock.beats.size).toBe(0);
  });

  it.each([2, 5, 20])('of %i at once exactly one gets it', async (many) => {
    const codes = await Promise.all(Array.from({ length: many }, (_, index) => codeOf(acquire(runOf(index + 1)))));
    expect(codes.toSorted()).toEqual([...Array.from({ length: many - 1 }, () => 'RUN_LOCKED'), 'held']);
  });

  it('of many that find it expired exactly one gets it', async () => {
    const dead = await acquire(runOf(1));
    expect(dead.lost.aborted).toBe(false);
    clock.beats.clear();
    clock.jump(10 * 60_000);
    const codes = await Promise.all(Array.from({ length: 6 }, (_, index) => codeOf(acquire(runOf(index + 2)))));
    expect(codes.toSorted()).toEqual([...Array.from({ length: 5 }, () => 'RUN_LOCKED'), 'held']);
  });

  it('refuses the second run at once, naming the first one', async () => {
    await acquire(runOf(1));
    await clock.advance(12_000);
    await expect(acquire(runOf(2))).rejects.toMatchObject({
      problem: {
        code: 'RUN_LOCKED',
        message: 'Another run is in progress: loki-eks install of ada on host-1 (process 1) since 2026-01-02T03:04:05Z',
        evidence: [`Lease kube-system/${lockRef(ours).name}: renewed 2 s ago, valid for 30 s`],
      },
    });
  });

  it('takes a create or a takeover whose answer was lost for what it is', async () => {
    world.fail((verb) => (verb === 'create' ? 'after' : undefined));
    const first = await acquire(runOf(1));
    world.fail(undefined);
    await first.stillHeld();
    await first.release('ok');
    expect(world.lease()).toBeUndefined();
  });

  it('passes on why it could not be taken', async () => {
    world.fail((verb) => (verb === 'create' ? 'before' : undefined));
    expect(await codeOf(acquire(runOf(1)))).toBe('KUBE_UNREACHABLE');
  });

  it("leaves a Lease alone that is not loki-eks's", async () => {
    const foreign = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: lockRef(ours).name, namespace: 'kube-system' }, spec: {} };
    world.put(foreign);
    expect(await codeOf(acquire(runOf(1)))).toBe('OBJECT_NOT_OURS');
    expect(world.lease()?.metadata.labels).toBeUndefined();
  });
});

describe('a holder that died', () => {
  const die = async (of: LockParts) => {
    await acquire(of);
    clock.beats.clear();
  };

  it('on this machine is taken over at once', async () => {
    await die(runOf(1, { place: 'here' }));
    living.delete(1);
    expect(await codeOf(acquire(runOf(2, { place: 'here' })))).toBe('held');
    expect(world.lease()?.spec['leaseTransitions']).toBe(1);
  });

  it('elsewhere is not known to be dead by its process id', async () => {
    await die(runOf(1, { place: 'there' }));
    living.delete(1);
    expect(await codeOf(acquire(runOf(2, { place: 'here' })))).toBe('RUN_LOCKED');
  });

  it('elsewhere is taken over once its Lease has stayed the same for its whole duration', async () => {
    await die(runOf(1));
    clock.jump(LEASE_SECONDS * 1000 + 1);
    const began = clock.now();
    expect(await codeOf(acquire(runOf(2)))).toBe('held');
    expect(clock.now() - began).toBeGreaterThanOrEqual(LEASE_SECONDS * 1000);
    expect(events).toMatchObject([{ type: 'fact.found', fact: 'lock' }]);
  });

  it('is not taken over by a clock that is hours ahead while it lives', async () => {
    await acquire(runOf(1));
    const ahead = time(clock.now() + 5 * 3_600_000);
    const both = { ...ahead, clock: { ...ahead.clock, sleep: (ms: number) => Promise.all([ahead.clock.sleep(ms), clock.advance(ms)]).then(() => {}) } };
    expect(await codeOf(acquire(runOf(2, { time: both })))).toBe('RUN_LOCKED');
  });

  it('is taken over by a clock that is hours behind, which can not judge its age', async () => {
    await die(runOf(1));
    expect(await codeOf(acquire(runOf(2, { time: time(clock.now() - 5 * 3_600_000) })))).toBe('held');
  });

  it('can be waited for no longer than the user wants', async () => {
    await die(runOf(1));
    clock.jump(60_000);
    const stopping = new AbortController();
    const waiting = acquire(runOf(2, { signal: stopping.signal }));
    stopping.abort(stop('INTERRUPTED'));
    expect(await codeOf(waiting)).toBe('INTERRUPTED');
    expect(world.lease()?.spec['holderIdentity']).toContain('host-1');
  });

  it('leaves nothing behind once another run of this machine has looked', async () => {
    await die(runOf(1, { place: 'here' }));
    await sweep(runOf(2, { place: 'here' }));
    expect(world.lease()).toBeDefined();
    living.delete(1);
    await sweep(runOf(2, { place: 'here' }));
    expect(world.lease()).toBeUndefined();
  });
});

describe('holding the lock', () => {
  let lock: Lock;
  beforeEach(async () => {
    lock = await acquire(runOf(1));
  });
  const renewed = () => world.lease()?.spec['renewTime'];

  it('renews it, so that it never expires', async () => {
    for (let minute = 0; minute < 10; minute++) {
      await clock.advance(60_000);
      expect(await codeOf(acquire(runOf(2)))).toBe('RUN_LOCKED');
      await lock.stillHeld();
    }
    expect(renewed()).toBe('2026-01-02T03:14:05.000000Z');
  });

  it('lives through a renewal that fails, one whose answer is lost, and a label of somebody else', async () => {
    for (const how of ['before', 'after'] as const) {
      world.fail((verb) => (verb === 'replace' ? how : undefined));
      await clock.advance(6000);
      world.fail(undefined);
      await clock.advance(6000);
    }
    const lease = world.lease()!;
    world.put({ ...lease, metadata: { ...lease.metadata, labels: { ...lease.metadata.labels, team: 'ml' } } });
    await clock.advance(12_000);
    await lock.stillHeld();
    expect(lock.lost.aborted).toBe(false);
    await lock.release('ok');
    expect(world.lease()).toBeUndefined();
  });

  it.each([
    ['deleted', () => world.put(undefined), /its Lease was deleted/],
    [
      'taken over',
      () => world.put({ ...world.lease()!, spec: { ...world.lease()!.spec, holderIdentity: 'bob@elsewhere_9_ff' } }),
      /it was taken over by loki-eks install of ada on host-1/,
    ],
  ] as const)('loses it when it was %s, and touches it no more', async (_, take, why) => {
    take();
    const before = world.lease();
    await clock.advance(5000);
    expect(lock.lost.reason).toMatchObject({ problem: { code: 'RUN_LOCK_LOST', message: expect.stringMatching(why) } });
    expect(await codeOf(lock.stillHeld())).toBe('RUN_LOCK_LOST');
    await lock.release();
    expect(world.lease()).toEqual(before);
    expect(clock.beats.size).toBe(0);
  });

  it.each(['before', 'never'] as const)('gives up before others may take it when no renewal gets through (%s)', async (how) => {
    world.fail(() => how);
    await clock.advance(15_000);
    expect(lock.lost.aborted).toBe(false);
    await clock.advance(10_000);
    expect(lock.lost.reason).toMatchObject({ problem: { code: 'RUN_LOCK_LOST' } });
    expect(clock.now() - Date.parse('2026-01-02T03:04:05Z')).toBeLessThan(LEASE_SECONDS * 1000);
    await lock.release();
  });

  it('says that credentials have ended when that is why', async () => {
    world.kubernetes.replace = async () => Promise.reject(stop('AWS_CREDENTIALS_EXPIRED'));
    await clock.advance(25_000);
    expect(lock.lost.reason).toMatchObject({ problem: { code: 'AWS_CREDENTIALS_EXPIRED' } });
  });

  it('looks before the next deed when the machine has slept', async () => {
    clock.jump(3_600_000);
    await lock.stillHeld();
    expect(renewed()).toBe('2026-01-02T04:04:05.000000Z');
    clock.jump(3_600_000);
    world.put({ ...world.lease()!, spec: { ...world.lease()!.spec, holderIdentity: 'bob@elsewhere_9_ff' } });
    expect(await codeOf(lock.stillHeld())).toBe('RUN_LOCK_LOST');
  });

  it('is given back also when the answer is lost, and says so when it can not be', async () => {
    world.fail((verb) => (verb === 'delete' ? 'after' : undefined));
    await lock.release();
    expect([world.lease(), events]).toEqual([undefined, []]);
    world.fail(undefined);
    const other = await acquire(runOf(2));
    world.fail((verb) => (verb === 'delete' ? 'before' : undefined));
    await other.release();
    expect(events).toMatchObject([{ type: 'warning.raised', problem: { code: 'RUN_LOCK_NOT_RELEASED' } }]);
  });
});

describe('whose deeds are the last ones', () => {
  /** The chain in the Lease once a run has ended, after a previous run left the Lease with the chain `before`. */
  const afterwards = async (ended: Parameters<Lock['release']>[0], of: { readonly acts?: boolean; readonly goesOn?: boolean }) => {
    const first = await acquire(runOf(1));
    await first.stillHeld();
    await first.release('left');
    expect(world.lease()?.spec).not.toHaveProperty('holderIdentity');
    const second = await acquire(runOf(2, of.goesOn ? { unfinished: first.chain } : {}));
    expect(second.chain === first.chain).toBe(of.goesOn === true);
    if (of.acts !== false) await second.stillHeld();
    await second.release(ended);
    const chain = world.lease()?.metadata.annotations?.['loki-eks.dev/lock-chain'];
    return chain === undefined ? 'none' : chain === first.chain ? 'the first' : chain === second.chain ? 'the second' : 'another';
  };

  it.each([
    ['done', {}, 'none'],
    ['left', {}, 'the second'],
    [undefined, {}, 'the second'],
    ['undone', {}, 'the first'],
    ['interrupted', {}, 'the first'],
    ['refused', { acts: false }, 'the first'],
    ['nothing-to-do', { acts: false }, 'the first'],
    ['nothing-to-do', {}, 'none'],
    ['done', { goesOn: true }, 'none'],
    ['undone', { goesOn: true }, 'the first'],
    ['refused', { acts: false, goesOn: true }, 'the first'],
    ['nothing-to-do', { acts: false, goesOn: true }, 'none'],
  ] as const)('a second run that ends as %s (%o) leaves the chain of %s', async (ended, of, chain) => {
    expect(await afterwards(ended, of)).toBe(chain);
  });

  it('is never gone on with by a journal of something else', async () => {
    const first = await acquire(runOf(1));
    await first.release('left');
    expect((await acquire(runOf(2, { unfinished: 'another machine' }))).chain).not.toBe(first.chain);
  });
});

it('tells whether another run is at work without waiting', async () => {
  expect(await otherRun(runOf(2))).toBeUndefined();
  const first = await acquire(runOf(1));
  expect(await otherRun(runOf(2))).toMatchObject({ code: 'RUN_LOCKED' });
  clock.jump(120_000);
  expect(await otherRun(runOf(2))).toBeUndefined();
  await first.stillHeld();
  await first.release();
});
