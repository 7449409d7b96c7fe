/** A run dies on one machine, and another machine, which knows nothing of its journal, works on: what the old journal is worth then. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Event } from '../../src/engine/types.ts';
import { exact } from './compare.ts';
import { openHarness, type Harness, type Ran, type Wish } from './harness.ts';
import type { Planned } from './line.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await openHarness();
});
afterEach(() => harness.close());

const on = (machine: string) => ({
  install: (flags: Wish['flags'] = {}, faults: readonly Planned[] = []) => harness.run({ command: 'install', flags, faults, machine }),
  undo: (flags: Wish['flags'] = {}) => harness.run({ command: 'install', flags: { ...flags, onUnfinished: 'undo' }, machine }),
  uninstall: (deleteData = false) => harness.run({ command: 'uninstall', flags: {}, deleteData, machine }),
});
const laptop = on('laptop');
const ci = on('ci');

const dies = (call: string, nth = 1): readonly Planned[] => [{ call, nth, fault: 'killed' }];
const fails = (call: string, nth = 1): readonly Planned[] => [{ call, nth, fault: 'before' }];
const MOMENTS = [
  ['before the record is made', dies('iam:CreateRole')],
  ['with Loki half installed, after the record was made', dies('kube:patch:statefulsets', 2)],
] as const;

const lastOf = ({ events }: Ran) => events.at(-1) as Extract<Event, { type: 'run.finished' }>;
const codes = (ran: Ran) => (lastOf(ran).problems ?? []).map(({ code }) => code);
const notes = ({ events }: Ran) => events.flatMap((event) => (event.type === 'note.given' ? [event.text] : []));
const deeds = ({ writes }: Ran) => writes.filter(({ call }) => !call.endsWith(':leases'));
const leases = () => harness.world.store.list('Lease', { namespace: 'kube-system' }).filter(({ metadata }) => metadata.name.startsWith('loki-eks-'));
const overtaken = expect.stringMatching(
  /^The run of 20\S+Z was interrupted, and another run has changed the installation since, so it can't be rolled back; this run continues from the current state\.$/,
);

async function done(running: Promise<Ran>): Promise<Ran> {
  const ran = await running;
  expect(ran.exit, JSON.stringify(lastOf(ran))).toBe(0);
  return ran;
}

/** It dies, and some minutes pass. */
async function dead(running: Promise<Ran>): Promise<void> {
  const { exit, fired } = await running;
  expect([exit, fired]).toEqual([undefined, 1]);
  const [lease] = leases();
  const renewTime = `${new Date(Date.now() - 600_000).toISOString().slice(0, -1)}000Z`;
  if (lease) harness.world.store.update({ ...lease, spec: { ...(lease['spec'] as object), renewTime } });
}

/** Refused, nothing written, however often; going on closes the journal, and then there is nothing left to be taken back. */
async function tooLate({ install, undo }: typeof laptop, writes: boolean): Promise<void> {
  const before = exact(harness.world);
  for (let time = 0; time < 2; time++) {
    const refused = await undo();
    expect([refused.exit, codes(refused), deeds(refused)]).toEqual([3, ['RUN_SUPERSEDED'], []]);
    expect(exact(harness.world)).toBe(before);
  }
  const goesOn = await done(install());
  expect(notes(goesOn)).toContainEqual(overtaken);
  expect(deeds(goesOn).length > 0).toBe(writes);
  const again = await done(undo());
  expect([lastOf(again).outcome, again.writes]).toEqual(['nothing-to-do', []]);
  expect(leases()).toEqual([]);
}

describe.each(MOMENTS)('a run that died %s', (_, fault) => {
  beforeEach(() => dead(laptop.install({}, fault)));

  it('is not taken back once another machine has finished the installation', async () => {
    await done(ci.install());
    await tooLate(laptop, false);
  });

  it('is not taken back once another machine has uninstalled: the buckets that were kept are kept', async () => {
    await done(ci.uninstall());
    const kept = [...harness.world.account.state.s3.buckets.keys()];
    await tooLate(laptop, true);
    expect([...harness.world.account.state.s3.buckets.keys()]).toEqual(expect.arrayContaining(kept));
  });

  it('is taken back, after another machine has tried and taken its own deeds back', async () => {
    const tried = await ci.install({}, fails('kube:patch:services', 3));
    expect([tried.exit, deeds(tried).length > 0]).toEqual([4, true]);
    await done(laptop.undo());
    await expect.poll(() => exact(harness.world)).toBe(harness.pristine);
  });
});

describe('a chain of dead runs of one machine', () => {
  beforeEach(async () => {
    await dead(laptop.install({}, dies('iam:CreateRole')));
    await dead(laptop.install({ onUnfinished: 'continue' }, dies('kube:create:serviceaccounts')));
  });

  it('is taken back as one', async () => {
    expect(lastOf(await done(laptop.undo()))).toMatchObject({ outcome: 'ok', tookBack: true });
    await expect.poll(() => exact(harness.world)).toBe(harness.pristine);
  });

  it('is not taken back, none of it, once another machine has finished', async () => {
    await done(ci.install());
    await tooLate(laptop, false);
  });

  it('is not taken back in part when another machine has worked in between', async () => {
    const kept = await ci.install({ onFailure: 'keep' }, fails('kube:patch:services', 3));
    expect(kept.exit).toBe(5);
    await dead(laptop.install({}, dies('kube:patch:services', 3)));
    const before = [...harness.world.account.state.iam.roles.keys()];
    await done(laptop.undo());
    expect([...harness.world.account.state.iam.roles.keys()]).toEqual(before);
    await tooLate(ci, false);
  });
});

describe('--on-failure keep', () => {
  const keep = async () => {
    const kept = await laptop.install({ onFailure: 'keep' }, fails('kube:create:serviceaccounts'));
    expect(kept.exit).toBe(5);
    expect(leases().map(({ spec }) => (spec as object | undefined) && 'holderIdentity' in (spec as object))).toEqual([false]);
  };

  it('can be taken back by a later run of the same machine', async () => {
    await keep();
    await done(laptop.undo());
    await expect.poll(() => exact(harness.world)).toBe(harness.pristine);
  });

  it('can be gone on from by a later run of the same machine, and is history then', async () => {
    await keep();
    expect(notes(await done(laptop.install()))).not.toContainEqual(overtaken);
    expect(lastOf(await done(laptop.undo())).outcome).toBe('nothing-to-do');
    expect(leases()).toEqual([]);
  });

  it('bars no other machine, and is not taken back once that one has finished', async () => {
    await keep();
    const ran = await done(ci.install());
    expect(ran.events.some((event) => event.type === 'fact.found' && event.fact === 'lock')).toBe(false);
    await tooLate(laptop, false);
  });

  it('of two machines, only the later one is taken back', async () => {
    await keep();
    expect((await ci.install({ onFailure: 'keep' }, fails('kube:patch:services', 3))).exit).toBe(5);
    expect(codes(await laptop.undo())).toEqual(['RUN_SUPERSEDED']);
    await done(ci.undo());
    await done(laptop.uninstall(true));
    expect(leases()).toEqual([]);
  });
});

it('a run that finds nothing to do writes nothing, and leaves the choice where it was', async () => {
  const { writes } = await done(laptop.install());
  await done(laptop.uninstall(true));
  const last = deeds({ writes } as Ran).at(-1)!;
  await dead(laptop.install({}, [{ ...last, fault: 'killed' }]));
  const looked = await done(ci.install());
  expect([lastOf(looked).outcome, looked.writes]).toEqual(['nothing-to-do', []]);
  const taken = await done(laptop.undo());
  expect(taken.events.filter(({ type }) => type === 'undo.done').length).toBeGreaterThan(5);
  expect(harness.world.account.state.s3.buckets.size).toBe(0);
});

it('a run that had done all there was to do is closed without a question', async () => {
  const { writes } = await done(laptop.install());
  await done(laptop.uninstall(true));
  await dead(laptop.install({}, [{ ...deeds({ writes } as Ran).at(-1)!, fault: 'killed' }]));
  const ran = await harness.run({ command: 'install', flags: {}, machine: 'laptop', asked: () => Promise.reject(new Error('asked')) });
  expect([ran.exit, lastOf(ran).outcome, deeds(ran)]).toEqual([0, 'nothing-to-do', []]);
  expect(lastOf(await done(laptop.undo())).outcome).toBe('nothing-to-do');
});

it('an overtaken journal is not asked about', async () => {
  await dead(laptop.install({}, dies('iam:CreateRole')));
  await done(ci.install());
  const ran = await harness.run({ command: 'install', flags: {}, machine: 'laptop', asked: () => Promise.reject(new Error('asked')) });
  expect([ran.exit, lastOf(ran).outcome]).toEqual([0, 'nothing-to-do']);
});
