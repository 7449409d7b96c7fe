/** Letting go, taking over, and going on without a journal: the laws of all steps hold for their marks too. */
import { describe, expect, it } from 'vitest';
import { canonical } from '../../src/design/canonical.ts';
import { design } from '../../src/design/design.ts';
import type { Facts } from '../../src/design/facts.ts';
import { plan } from '../../src/engine/plan.ts';
import { removeAll } from '../../src/engine/remove.ts';
import { run } from '../../src/engine/run.ts';
import type { Json, Problem, Step } from '../../src/engine/types.ts';
import { problem } from '../../src/problems/problem.ts';
import type { Context } from '../../src/context.ts';
import { removals, steps } from '../../src/steps/index.ts';
import { orphanActions } from '../../src/steps/orphan.ts';
import { someFacts, someSettings } from '../support/facts.ts';
import { memoryContext, memoryJournal } from '../support/memory-run.ts';
import { MemoryWorld } from '../support/memory-world.ts';
import { templates } from '../support/templates.ts';

const toProblem = (error: unknown): Problem => (error as { problem?: Problem }).problem ?? problem('INTERNAL_ERROR', { message: String(error) });
const fresh = () => new MemoryWorld('ap-northeast-2');
const identities = ['irsa', 'pod-identity'] as const;

interface Wanted {
  readonly identity?: (typeof identities)[number];
  readonly facts?: Partial<Facts>;
  readonly adopting?: boolean;
  readonly flags?: Readonly<Record<string, unknown>>;
}

function contextOf(world: MemoryWorld, { identity = 'irsa', facts: more = {}, adopting = false, flags = {} }: Wanted): Context {
  const facts = someFacts({ storageClasses: [], ...more });
  const blueprint = design(someSettings({ identity, createOidcProvider: true, ...flags }), facts, { templates });
  return {
    ...memoryContext(world, { blueprint, facts }),
    ...(adopting && { adopting }),
  };
}

async function act(ctx: Context, all: readonly Step<Context>[]) {
  const looked = await plan(all, ctx, toProblem);
  const signal = new AbortController().signal;
  const result = await run(looked, ctx, { journal: memoryJournal(), emit: () => {}, signal, toProblem, afterFailure: () => 'undo' });
  const blocked = looked.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem.code] : []));
  return { ...result, blocked };
}

const install = (world: MemoryWorld, wanted: Wanted = {}) => {
  const ctx = contextOf(world, wanted);
  return act(ctx, steps(ctx.blueprint));
};
const orphan = (world: MemoryWorld, wanted: Wanted = {}) => {
  const ctx = contextOf(world, wanted);
  return act(ctx, orphanActions(ctx.blueprint));
};

/** The order of keys says nothing, and maps that something was in once are what an API server leaves out. */
const shown = (world: MemoryWorld) => canonical(JSON.parse(world.snapshot(), (_, value: Json) => (canonical(value) === '{}' ? undefined : value)) as Json);

/** The deed with each of its writes failing, before it took effect and after it. */
async function failsAnywhere(prepared: () => Promise<MemoryWorld>, deed: (world: MemoryWorld) => ReturnType<typeof act>): Promise<void> {
  const dry = await prepared();
  const first = dry.writes;
  expect(await deed(dry)).toMatchObject({ outcome: 'done', problems: [] });
  expect(dry.writes - first).toBeGreaterThan(8);
  for (let n = 1; n <= dry.writes - first; n++) {
    for (const when of ['before', 'after'] as const) {
      const world = await prepared();
      const before = shown(world);
      world.failAt(n, when);
      expect(await deed(world), `write ${n} ${when}`).toMatchObject({ outcome: 'undone', left: [] });
      expect(shown(world), `write ${n} ${when}`).toBe(before);
    }
  }
}

describe.each(identities)('with %s', (identity) => {
  const standing = async () => {
    const world = fresh();
    expect(await install(world, { identity })).toMatchObject({ outcome: 'done' });
    return world;
  };
  const release = async () => {
    const world = await standing();
    expect(await orphan(world, { identity })).toMatchObject({ outcome: 'done' });
    return world;
  };

  it('letting go takes off every mark, deletes nothing but the record, and is undone wherever it fails', async () => {
    const world = await standing();
    const things = [world.buckets.size, world.roles.size, world.releases.size, world.objects.size - 1];
    await orphan(world, { identity });
    expect([world.buckets.size, world.roles.size, world.releases.size, world.objects.size]).toEqual(things);
    const objects = JSON.stringify([...world.objects.values()].map(({ metadata }) => metadata));
    expect(objects).not.toMatch(/install-id|cluster-arn|managed-by":"loki-eks/);
    expect(JSON.stringify([...world.buckets, ...world.roles, ...world.associations, ...world.providers])).not.toContain('loki-eks/install-id');
    await failsAnywhere(standing, (one) => orphan(one, { identity }));
  });

  it('what was let go bars an install, and is taken over whole, or not at all', async () => {
    expect((await install(await release(), { identity })).blocked.length).toBeGreaterThan(3);
    await failsAnywhere(release, (one) => install(one, { identity, adopting: true }));
    const world = await release();
    expect((await install(world, { identity, adopting: true })).blocked).toEqual([]);
    expect(await install(world, { identity })).toMatchObject({ outcome: 'done', writes: 0 });
  });
});

it('what belongs to another installation is taken over by nobody', async () => {
  const world = fresh();
  await install(world);
  await orphan(world);
  for (const bucket of world.buckets.values()) bucket.tags = { 'loki-eks/install-id': '00000000' };
  for (const role of world.roles.values()) role.tags = { 'loki-eks/install-id': '00000000' };
  const before = world.snapshot();
  const { blocked, outcome } = await install(world, { adopting: true });
  expect(blocked).toEqual(['OWNED_BY_ANOTHER_INSTALLATION', 'OWNED_BY_ANOTHER_INSTALLATION', 'OWNED_BY_ANOTHER_INSTALLATION']);
  expect(outcome).toBe('undone');
  expect(world.snapshot()).toBe(before);
});

describe('from Pod Identity to IRSA', () => {
  const switched: Wanted = { facts: { installedIdentity: 'pod-identity' } };
  const before = async () => {
    const world = fresh();
    await install(world, { identity: 'pod-identity' });
    return world;
  };

  it('the association goes once Loki runs on the other, and comes back wherever that fails', async () => {
    const world = await before();
    expect(world.associations.size).toBe(1);
    expect(await install(world, switched)).toMatchObject({ outcome: 'done' });
    expect(world.associations.size).toBe(0);
    const dry = await before();
    const first = dry.writes;
    await install(dry, switched);
    for (let n = 1; n <= dry.writes - first; n++) {
      const failing = await before();
      failing.failAt(n, n % 2 === 0 ? 'before' : 'after');
      const { outcome } = await install(failing, switched);
      // A provider that was made goes again, so the trust of before needs nothing else.
      expect([outcome, failing.associations.size], `write ${n}`).toEqual(['undone', 1]);
    }
  });

  it('one that a dead run has left goes with the rest', async () => {
    const world = await before();
    const ctx = contextOf(world, {});
    const keep = async () => undefined;
    await removeAll(removals(ctx.blueprint), { ctx, emit: () => {}, signal: new AbortController().signal, toProblem, keep });
    expect(world.associations.size).toBe(0);
  });
});

describe('a machine that has lost its journal', () => {
  const pieces = async () => {
    const dry = fresh();
    await install(dry);
    return dry.writes;
  };
  /** Dies at this write, and nobody takes anything back. */
  const killedAt = async (n: number) => {
    const world = fresh();
    world.failAt(n, n % 2 === 0 ? 'after' : 'before');
    const ctx = contextOf(world, {});
    const looked = await plan(steps(ctx.blueprint), ctx, toProblem);
    const signal = new AbortController().signal;
    await run(looked, ctx, { journal: memoryJournal(), emit: () => {}, signal, toProblem, afterFailure: () => 'keep' });
    return world;
  };

  it('finishes what a dead run began, by the marks alone', async () => {
    const whole = fresh();
    await install(whole);
    const facts = (world: MemoryWorld) => [world.buckets.size, world.roles.size, world.objects.size, world.releases.size];
    for (let n = 1; n <= (await pieces()); n++) {
      const world = await killedAt(n);
      expect(await install(world), `killed at write ${n}`).toMatchObject({ outcome: 'done', blocked: [], problems: [] });
      expect(facts(world), `killed at write ${n}`).toEqual(facts(whole));
      expect(await install(world), `killed at write ${n}`).toMatchObject({ writes: 0 });
    }
  });

  it('takes all of it away, by the marks alone', async () => {
    for (let n = 1; n <= (await pieces()); n++) {
      const world = await killedAt(n);
      const ctx = contextOf(world, {});
      const options = { ctx, emit: () => {}, signal: new AbortController().signal, toProblem, keep: async () => undefined };
      expect(await removeAll(removals(ctx.blueprint), options), `killed at write ${n}`).toMatchObject({ outcome: 'done', left: [] });
      // Every IRSA role of the cluster may rely on the provider by now.
      world.providers.clear();
      expect(world.snapshot(), `killed at write ${n}`).toBe(fresh().snapshot());
    }
  });
});
