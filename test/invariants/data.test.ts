/** Nothing that holds log data is deleted, emptied or set to expire unless the user has named it in this run, whatever path leads there. */
import { describe, expect, it } from 'vitest';
import { design } from '../../src/design/design.ts';
import { plan } from '../../src/engine/plan.ts';
import { removeAll } from '../../src/engine/remove.ts';
import { run } from '../../src/engine/run.ts';
import type { UndoRecord, Removal, Step } from '../../src/engine/types.ts';
import { toProblem } from '../../src/commands/run-command.ts';
import { EXPIRY } from '../../src/steps/bucket-expiry.ts';
import type { Context } from '../../src/context.ts';
import type { Consent } from '../../src/steps/consent.ts';
import { removals, steps } from '../../src/steps/index.ts';
import { someFacts, someSettings } from '../support/facts.ts';
import { memoryContext, memoryJournal } from '../support/memory-run.ts';
import { MemoryWorld } from '../support/memory-world.ts';
import { templates } from '../support/templates.ts';

const { signal } = new AbortController();
const quiet = { signal, say: () => {} };

interface Wanted {
  /** Of the chart of Loki, as the user's file has them. */
  readonly values?: Readonly<Record<string, unknown>>;
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly consent?: Consent;
}

function contextOf(world: MemoryWorld, { flags = {}, consent, values }: Wanted = {}): Context {
  const facts = someFacts();
  const blueprint = design(someSettings({ createOidcProvider: true, ...flags }), facts, {
    templates,
    ...(values && { userValues: { loki: [{ file: 'mine.yaml', values }], alloy: [] } }),
  });
  return memoryContext(world, { blueprint, facts, ...(consent && { consent }) });
}

async function act(ctx: Context, all: readonly Step<Context>[] = steps(ctx.blueprint)) {
  const journal = memoryJournal();
  const looked = await plan(all, ctx, toProblem);
  const result = await run(looked, ctx, { journal, emit: () => {}, signal, toProblem, afterFailure: () => 'undo' });
  return { result, journal };
}

const remove = (ctx: Context, all: readonly Step<Context>[] = removals(ctx.blueprint)) =>
  removeAll(all, { ctx, emit: () => {}, signal, toProblem, keep: async () => undefined });

/** Installed long ago, with logs in both buckets. */
async function inUse(): Promise<MemoryWorld> {
  const world = new MemoryWorld('ap-northeast-2');
  await act(contextOf(world));
  for (const bucket of world.buckets.values()) Object.assign(bucket, { objects: 7, oldest: new Date(-30 * 86_400_000) });
  return world;
}

const objectsIn = (world: MemoryWorld) => [...world.buckets.values()].map(({ objects }) => objects);
const contents = { objects: 7, bytes: 7168, exact: true };

describe('every step', () => {
  it.each(steps(contextOf(new MemoryWorld('r')).blueprint))('$id: its removal deletes nothing that was not named', async ({ id }) => {
    const world = await inUse();
    const ctx = contextOf(world);
    await remove(
      ctx,
      removals(ctx.blueprint).filter((step) => step.id === id),
    );
    expect(world.losses).toEqual([]);
    expect(objectsIn(world)).toEqual([7, 7]);
  });

  it('a consent is for one bucket, and for what was said', async () => {
    const world = await inUse();
    const { chunks, ruler } = contextOf(world).blueprint.buckets;
    const consent: Consent = { buckets: new Map([[chunks.name, { how: 'expire', contents, afterwards: '' }]]) };
    const only = (id: string) =>
      remove(
        contextOf(world, { consent }),
        removals(contextOf(world).blueprint).filter((step) => step.id === id),
      );
    await only('bucket.chunks');
    const { left } = await only('bucket.ruler');
    expect(world.losses).toEqual([`expiry of ${chunks.name}`]);
    expect(left.map(({ step, problem: { code } }) => [step, code])).toEqual([['bucket.ruler', 'BUCKET_HOLDS_LOGS']]);
    expect(world.buckets.get(ruler.name)?.objects).toBe(7);
  });

  it('whatever write fails, an upgrade and its undo delete nothing', async () => {
    const changed: Wanted = { flags: { retentionDays: 90, tags: { team: 'ml' }, size: 'medium' } };
    const dry = await inUse();
    const before = dry.writes;
    await act(contextOf(dry, changed));
    for (let n = 1; n <= dry.writes - before; n++) {
      for (const when of ['before', 'after'] as const) {
        const world = await inUse();
        world.failAt(n, when);
        await act(contextOf(world, changed));
        expect(world.losses, `write ${n} ${when}`).toEqual([]);
        expect(objectsIn(world), `write ${n} ${when}`).toEqual([7, 7]);
      }
    }
  });
});

describe('values that let Loki delete sooner', () => {
  const stream = (period: string) => ({ loki: { limits_config: { retention_stream: [{ selector: '{app="x"}', priority: 1, period }] } } });
  const ways: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['the period', { loki: { limits_config: { retention_period: '24h' } } }],
    ['a stream', stream('24h')],
    ['a tenant', { loki: { runtimeConfig: { overrides: { a: { retention_period: '24h' } } } } }],
    ['the configuration as such', { loki: { structuredConfig: { limits_config: { retention_period: '24h' }, compactor: { retention_enabled: true } } } }],
    ['a table manager', { loki: { structuredConfig: { table_manager: { retention_deletes_enabled: true, retention_period: '24h' } } } }],
  ];
  const codes = async (world: MemoryWorld, wanted: Wanted) => (await act(contextOf(world, wanted))).result.problems.map(({ code }) => code);

  it.each(ways)('%s: not without a word in this run, in use or kept, and with one only so far', async (_, values) => {
    const uninstalled = await inUse();
    await remove(contextOf(uninstalled));
    for (const bucket of uninstalled.buckets.values()) Object.assign(bucket, { objects: 7 });
    for (const world of [await inUse(), uninstalled]) {
      const before = structuredClone(world.releases.get('loki'));
      expect(await codes(world, { values })).toContain('RETENTION_WOULD_SHORTEN');
      expect(await codes(world, { values, consent: { retentionHours: 25 } })).toContain('RETENTION_WOULD_SHORTEN');
      expect(world.releases.get('loki')).toEqual(before);
      expect(await codes(world, { values, consent: { retentionHours: 24 } })).toEqual([]);
      expect(await codes(world, { values })).toEqual([]);
    }
  });

  it('nothing is asked where nothing is kept, or where it is kept for longer', async () => {
    for (const [, values] of ways) expect(await codes(new MemoryWorld('ap-northeast-2'), { values })).toEqual([]);
    expect(await codes(await inUse(), { values: stream('8760h') })).toEqual([]);
  });

  it('what was kept for longer than everything is not let go by taking the rule out', async () => {
    const world = await inUse();
    expect(await codes(world, { values: stream('8760h') })).toEqual([]);
    expect(await codes(world, {})).toEqual(['RETENTION_WOULD_SHORTEN']);
    expect(await codes(world, { consent: { retentionHours: 672 } })).toEqual([]);
  });

  it('a step that has not looked is refused by the guard', async () => {
    const world = await inUse();
    const { releases, blueprint } = contextOf(world, { values: ways[0]![1] });
    const { name, namespace, chart, values, labels } = blueprint.loki;
    const task = { name, namespace, chart, values, labels, description: '', timeoutMs: 1000, ...quiet };
    await expect(releases.upgrade(task)).rejects.toMatchObject({ problem: { code: 'RETENTION_WOULD_SHORTEN' } });
  });
});

describe('a bucket that S3 is emptying', () => {
  const expiring = async () => {
    const world = await inUse();
    for (const bucket of world.buckets.values()) bucket.lifecycle = [...bucket.lifecycle, ...EXPIRY];
    return world;
  };

  it('is emptied no longer once it is installed on, and no failure sets it to expire again', async () => {
    const dry = await expiring();
    const first = dry.writes;
    await act(contextOf(dry));
    expect(dry.writes - first).toBeGreaterThan(1);
    for (let n = 1; n <= dry.writes - first; n++) {
      for (const when of ['before', 'after'] as const) {
        const world = await expiring();
        world.failAt(n, when);
        await act(contextOf(world));
        expect(world.losses, `write ${n} ${when}`).toEqual([]);
      }
    }
  });

  it('the rollback says that it stays, and how it expires after all', async () => {
    const world = await expiring();
    const { journal } = await act(contextOf(world));
    const ctx = contextOf(world);
    const told: (Removal | void)[] = [];
    for (const { step, receipt } of await journal.newestFirst())
      told.push(
        await steps(ctx.blueprint)
          .find(({ id }) => id === step)!
          .undo(ctx, receipt, quiet),
      );
    const { chunks, ruler } = ctx.blueprint.buckets;
    expect(world.losses).toEqual([]);
    expect(told.filter((one) => one?.is === 'kept').map((one) => one?.is === 'kept' && one.how)).toEqual(
      expect.arrayContaining([chunks, ruler].map(({ name }) => `loki-eks uninstall --expire-data --confirm-delete-data ${name}`)),
    );
  });

  it.each([
    ['another rule that expires', [{ ID: 'x', Status: 'Enabled', Expiration: { Days: 30 } }]],
    ['one with a date', [{ ID: 'x', Status: 'Enabled', Expiration: { Date: '2027-01-01T00:00:00Z' } }]],
    ['one for older versions', [{ ID: 'x', Status: 'Enabled', NoncurrentVersionExpiration: { NoncurrentDays: 1 } }]],
    ['a known one that expires sooner', [{ ...EXPIRY[0]!, Expiration: { Days: 0.5 } }]],
  ])('%s is not put on it', async (_, rules) => {
    const world = await expiring();
    const ctx = contextOf(world);
    await expect(ctx.buckets.setLifecycle(ctx.blueprint.buckets.chunks.name, rules)).rejects.toMatchObject({ problem: { code: 'EXPIRY_UNCONFIRMED' } });
    expect(world.losses).toEqual([]);
  });

  it('rules that expire nothing, and rules that are there, are set as ever', async () => {
    const world = await expiring();
    const ctx = contextOf(world);
    const { name } = ctx.blueprint.buckets.chunks;
    const harmless = { ID: 'y', Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } };
    const off = { ID: 'z', Status: 'Disabled', Expiration: { Days: 1 } };
    await ctx.buckets.setLifecycle(name, [...EXPIRY, harmless, off]);
    expect(world.buckets.get(name)?.lifecycle).toEqual([...EXPIRY, harmless, off]);
  });
});

describe('a bucket that is to be made anew', () => {
  const recreate = { existingBuckets: 'recreate' };
  const left = async () => {
    const world = await inUse();
    const ctx = contextOf(world);
    await removeAll(removals(ctx.blueprint), { ctx, emit: () => {}, signal, toProblem, keep: async () => ({ target: 'x', why: 'x', how: 'x' }) });
    return world;
  };

  it('is emptied when this run names it', async () => {
    const world = await left();
    const { chunks, ruler } = contextOf(world).blueprint.buckets;
    const consent: Consent = { buckets: new Map([chunks, ruler].map(({ name }) => [name, { how: 'empty' }])) };
    const { result } = await act(contextOf(world, { flags: recreate, consent }));
    expect(result.problems).toEqual([]);
    expect(world.losses.toSorted()).toEqual([chunks, ruler].map(({ name }) => `objects of ${name}`).toSorted());
  });

  it('is not emptied by what settings say', async () => {
    const world = await left();
    const { chunks, ruler } = contextOf(world).blueprint.buckets;
    const { result } = await act(contextOf(world, { flags: { ...recreate, confirmRecreate: [chunks.name, ruler.name] } }));
    expect(result.problems.map(({ code }) => code)).toEqual(['RECREATE_UNCONFIRMED']);
    expect(world.losses).toEqual([]);
  });
});

describe('a step that heeds nothing', () => {
  const rogue = (harm: (ctx: Context) => Promise<unknown>): Step<Context, UndoRecord> => ({
    id: 'rogue',
    title: 'A new step',
    scope: 'cluster',
    permissions: [],
    inspect: async () => ({ is: 'differs', changes: [{ action: 'delete', target: 'x' }] }),
    apply: async (ctx, { record }) => {
      await record({ did: 'harm' });
      await harm(ctx);
    },
    undo: async (ctx) => void (await harm(ctx)),
    remove: async (ctx) => {
      await harm(ctx);
      return { is: 'removed' };
    },
  });

  const harms: readonly (readonly [string, (ctx: Context) => Promise<unknown>])[] = [
    ['empties a bucket', ({ buckets, blueprint }) => buckets.empty(blueprint.buckets.chunks.name, { signal, progress: () => {} })],
    [
      'empties a bucket, and calls it its own',
      ({ buckets, blueprint }) => buckets.empty(blueprint.buckets.chunks.name, { madeByThisRun: true, signal, progress: () => {} }),
    ],
    ['lets a bucket expire', ({ buckets, blueprint }) => buckets.setLifecycle(blueprint.buckets.ruler.name, EXPIRY)],
  ];

  it.each(harms)('%s: not in apply, not in undo, not in remove', async (_, harm) => {
    const world = await inUse();
    const ctx = contextOf(world);
    const step = rogue(harm);
    expect((await act(ctx, [step])).result.outcome).toBe('left');
    expect((await remove(ctx, [step])).left).toHaveLength(1);
    expect(world.losses).toEqual([]);
    expect(objectsIn(world)).toEqual([7, 7]);
  });
});
