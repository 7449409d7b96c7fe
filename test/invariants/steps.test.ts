/** What every step obeys, whatever it makes: one suite for the whole list. */
import { describe, expect, it } from 'vitest';
import { design } from '../../src/design/design.ts';
import { changesIn, plan } from '../../src/engine/plan.ts';
import { removeAll } from '../../src/engine/remove.ts';
import { run } from '../../src/engine/run.ts';
import type { Event, Problem } from '../../src/engine/types.ts';
import { problem } from '../../src/problems/problem.ts';
import type { Context } from '../../src/context.ts';
import type { Consent } from '../../src/steps/consent.ts';
import { removals, steps } from '../../src/steps/index.ts';
import { aGrafana, someFacts, someSettings } from '../support/facts.ts';
import { memoryContext, memoryJournal } from '../support/memory-run.ts';
import { MemoryWorld } from '../support/memory-world.ts';
import { templates } from '../support/templates.ts';

const toProblem = (error: unknown): Problem => (error as { problem?: Problem }).problem ?? problem('INTERNAL_ERROR', { message: String(error) });

interface Wanted {
  readonly identity?: 'irsa' | 'pod-identity';
  /** A Grafana whose sidecars look here, or one that is asked through its API. */
  readonly grafana?: 'sidecar' | 'api';
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly givenPassword?: string;
  readonly consent?: Consent;
}

function contextOf(world: MemoryWorld, { identity = 'irsa', grafana, flags = {}, givenPassword, consent }: Wanted = {}): Context {
  const facts = someFacts(grafana === 'sidecar' ? { grafanas: [aGrafana()] } : {});
  const settings = { identity, createOidcProvider: true, ...(grafana === 'api' && { grafanaUrl: 'https://grafana.example.com' }), ...flags };
  const blueprint = design(someSettings(settings), facts, { templates });
  return {
    ...memoryContext(world, { blueprint, facts, ...(consent && { consent }) }),
    ...(grafana === 'api' && { grafana: world.grafanaPort() }),
    ...(givenPassword !== undefined && { givenPassword }),
  };
}

async function install(world: MemoryWorld, wanted?: Wanted) {
  const ctx = contextOf(world, wanted);
  const events: Event[] = [];
  const journal = memoryJournal();
  const looked = await plan(steps(ctx.blueprint), ctx, toProblem);
  const result = await run(looked, ctx, {
    journal,
    emit: (event) => void events.push(event),
    signal: new AbortController().signal,
    toProblem,
    afterFailure: () => 'undo',
  });
  return { ctx, result, events, journal, looked };
}

const uninstall = (ctx: Context, keepData: boolean) =>
  removeAll(removals(ctx.blueprint), {
    ctx,
    emit: () => {},
    signal: new AbortController().signal,
    toProblem,
    keep: async () => (keepData ? { target: 'bucket', why: 'kept', how: 'name it' } : undefined),
  });

describe.each([{ identity: 'irsa' }, { identity: 'pod-identity', grafana: 'sidecar' }, { identity: 'pod-identity', grafana: 'api' }] as const)(
  'every step, with $identity and Grafana by $grafana',
  (kind: Pick<Wanted, 'identity' | 'grafana'>) => {
    const all = steps(contextOf(new MemoryWorld('ap-northeast-2'), kind).blueprint);

    it.each(all)('$id: looking changes nothing', async (step) => {
      const world = new MemoryWorld('ap-northeast-2');
      const before = world.snapshot();
      await step.inspect(contextOf(world, kind));
      expect(world.writes).toBe(0);
      expect(world.snapshot()).toBe(before);
    });

    it.each(all)('$id: after apply, inspect says matches', async (step) => {
      const world = new MemoryWorld('ap-northeast-2');
      const { ctx, result } = await install(world, kind);
      expect(result.problems).toEqual([]);
      expect(await step.inspect(ctx)).toMatchObject({ is: 'matches' });
    });

    it('a second install writes nothing', async () => {
      const world = new MemoryWorld('ap-northeast-2');
      await install(world, kind);
      const [before, writes] = [world.snapshot(), world.writes];
      const again = await install(world, kind);
      expect(changesIn(again.looked)).toBe(0);
      expect(again.result).toMatchObject({ outcome: 'done', writes: 0 });
      expect(world.writes).toBe(writes);
      expect(world.snapshot()).toBe(before);
    });

    it('removal leaves nothing of ours, and is safe twice', async () => {
      const world = new MemoryWorld('ap-northeast-2');
      const before = world.snapshot();
      const { ctx } = await install(world, kind);
      // The OIDC provider serves every role of the cluster, so it stays by design.
      world.providers.clear();
      expect(await uninstall(ctx, false)).toMatchObject({ outcome: 'done', left: [] });
      expect(world.snapshot()).toBe(before);
      expect(await uninstall(ctx, false)).toMatchObject({ outcome: 'done', removed: 0 });
    });

    it('removal keeps what holds data', async () => {
      const world = new MemoryWorld('ap-northeast-2');
      const { ctx } = await install(world, kind);
      for (const bucket of world.buckets.values()) bucket.objects = 7;
      await uninstall(ctx, true);
      expect([...world.buckets.values()].map(({ objects }) => objects)).toEqual([7, 7]);
      expect(world.releases.size).toBe(0);
    });

    it('whatever write fails, before or after it took effect, undo restores the world', async () => {
      const dry = new MemoryWorld('ap-northeast-2');
      await install(dry, kind);
      expect(dry.writes).toBeGreaterThan(12);
      for (let n = 1; n <= dry.writes; n++) {
        for (const when of ['before', 'after'] as const) {
          const world = new MemoryWorld('ap-northeast-2');
          const before = world.snapshot();
          world.failAt(n, when);
          const { result } = await install(world, kind);
          expect(result, `write ${n} ${when}`).toMatchObject({ outcome: 'undone', left: [] });
          expect(world.snapshot(), `write ${n} ${when}`).toBe(before);
        }
      }
    });

    it('an update that fails puts the former values back', async () => {
      const changed: Wanted = { ...kind, flags: { retentionDays: 90, tags: { team: 'ml' } }, givenPassword: 'a password of the user, long enough' };
      const dry = new MemoryWorld('ap-northeast-2');
      await install(dry, kind);
      const first = dry.writes;
      await install(dry, changed);
      expect(dry.writes - first).toBeGreaterThan(5);
      for (let n = 1; n <= dry.writes - first; n++) {
        for (const when of ['before', 'after'] as const) {
          const world = new MemoryWorld('ap-northeast-2');
          await install(world, kind);
          const before = world.snapshot();
          world.failAt(n, when);
          const { result } = await install(world, changed);
          expect(result, `write ${n} ${when}`).toMatchObject({ outcome: 'undone', left: [] });
          expect(world.snapshot(), `write ${n} ${when}`).toBe(before);
        }
      }
    });
  },
);

describe('a third installation that fails', () => {
  it('puts back what the second one left, not the first', async () => {
    const later = (n: number): Wanted => ({ flags: { retentionDays: 30 + n }, givenPassword: `the password of run ${n}, long enough` });
    const twice = async () => {
      const world = new MemoryWorld('ap-northeast-2');
      await install(world, later(1));
      await install(world, later(2));
      return world;
    };
    // Former contents may stay in a Secret or go; they are nobody's to read.
    const withoutFormer = (world: MemoryWorld) =>
      world
        .snapshot()
        .split('\n')
        .filter((line) => !/"former/.test(line))
        .join('\n')
        .replaceAll(/,(?=\s*[}\]])/g, '');
    const dry = await twice();
    const first = dry.writes;
    await install(dry, later(3));
    expect(dry.writes - first).toBeGreaterThan(3);
    for (let n = 1; n <= dry.writes - first; n++) {
      for (const when of ['before', 'after'] as const) {
        const world = await twice();
        const before = withoutFormer(world);
        world.failAt(n, when);
        const { result } = await install(world, later(3));
        expect(result, `write ${n} ${when}`).toMatchObject({ outcome: 'undone', left: [] });
        expect(withoutFormer(world), `write ${n} ${when}`).toBe(before);
      }
    }
  });
});

it('one namespace for both is made once, and goes once', async () => {
  const world = new MemoryWorld('ap-northeast-2');
  const before = world.snapshot();
  const wanted = { flags: { namespace: 'logging', collectorNamespace: 'logging' } };
  const { ctx, result } = await install(world, wanted);
  expect(result).toMatchObject({ outcome: 'done', problems: [] });
  expect(await install(world, wanted)).toMatchObject({ result: { writes: 0 } });
  world.providers.clear();
  expect(await uninstall(ctx, false)).toMatchObject({ outcome: 'done', left: [] });
  expect(world.snapshot()).toBe(before);
});

it('a namespace of others that forbids the collector bars the way', async () => {
  const world = new MemoryWorld('ap-northeast-2');
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
  await contextOf(world).kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'alloy', labels } });
  const { looked } = await install(world);
  expect(looked.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem.code] : []))).toEqual(['NAMESPACE_FORBIDS_COLLECTOR']);
});

describe('what is not ours', () => {
  it.each([
    [
      'BUCKET_NOT_OURS',
      async (ctx: Context): Promise<unknown> => ctx.buckets.create(ctx.blueprint.buckets.chunks.name, { namespace: 'global', tags: { owner: 'them' } }),
    ],
    ['ROLE_NOT_OURS', async (ctx: Context): Promise<unknown> => ctx.roles.create({ ...ctx.blueprint.role, tags: {} })],
    [
      'OBJECT_NOT_OURS',
      async (ctx: Context): Promise<unknown> =>
        ctx.kubernetes.create({ ...ctx.blueprint.serviceAccount.object, metadata: { ...ctx.blueprint.serviceAccount.object.metadata, labels: {} } }),
    ],
    [
      'RELEASE_NOT_OURS',
      async (ctx: Context): Promise<unknown> =>
        ctx.releases.upgrade({ ...ctx.blueprint.loki, labels: {}, description: '', timeoutMs: 1, signal: new AbortController().signal, say: () => {} }),
    ],
  ] as const)('%s: bars the way, and stays as it is through install and uninstall', async (code, make) => {
    const world = new MemoryWorld('ap-northeast-2');
    await make(contextOf(world));
    const before = world.snapshot();
    const { ctx, looked, result } = await install(world);
    expect(looked.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem.code] : []))).toEqual([code]);
    expect(result.outcome).toBe('undone');
    expect(world.snapshot()).toBe(before);
    await uninstall(ctx, false);
    expect(world.snapshot()).toBe(before);
  });
});

it('a bucket whose tags were not kept gets them, and one that S3 left open is closed', async () => {
  const world = new MemoryWorld('ap-northeast-2');
  const port = world.bucketsPort();
  const forgetful: Context['buckets'] = {
    ...port,
    create: async (name, options) => {
      await port.create(name, { ...options, tags: {} });
      Object.assign(world.buckets.get(name) as object, { publicAccessBlocked: false });
    },
  };
  const ctx = { ...contextOf(world), buckets: forgetful };
  const [chunks] = steps({ identity: 'irsa' });
  const [looked] = await plan([chunks!], ctx, toProblem);
  await run([looked!], ctx, { journal: memoryJournal(), emit: () => {}, signal: new AbortController().signal, toProblem, afterFailure: () => 'undo' });
  expect(await chunks!.inspect(ctx)).toEqual({ is: 'matches' });
});

describe("somebody else's data source", () => {
  const data = { 'x.yaml': 'apiVersion: 1\ndatasources:\n  - name: "Loki (training-on-eks)"\n    type: loki\n' };
  const labels = { grafana_datasource: '1' };

  it('in a file of the name of ours bars the way, and stays as it is', async () => {
    const world = new MemoryWorld('ap-northeast-2');
    const mine = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'monitoring', labels }, data };
    await contextOf(world).kubernetes.create(mine);
    const before = world.snapshot();
    const { ctx, looked } = await install(world, { grafana: 'sidecar' });
    expect(looked.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem] : []))).toMatchObject([
      { code: 'GRAFANA_DATASOURCE_EXISTS', message: expect.stringContaining('ConfigMap monitoring/x') },
    ]);
    await uninstall(ctx, false);
    expect(world.snapshot()).toBe(before);
  });

  it.each([{ uid: 'other' }, { name: 'Other' }])('in Grafana with the name or the uid of ours bars the way, and stays as it is: %j', async (over) => {
    const world = new MemoryWorld('ap-northeast-2');
    const { uid, name } = contextOf(world, { grafana: 'api' }).blueprint.grafana!.datasource!;
    const theirs = { uid, name, type: 'loki', access: 'proxy', url: 'http://elsewhere', basicAuth: false, basicAuthUser: '', jsonData: {}, ...over };
    await world.grafanaPort().createDatasource(theirs, {});
    const before = world.snapshot();
    const { ctx, looked } = await install(world, { grafana: 'api' });
    expect(looked.flatMap(({ finding }) => (finding.is === 'blocked' ? [finding.problem.code] : []))).toEqual(['GRAFANA_DATASOURCE_EXISTS']);
    await uninstall(ctx, false);
    expect(world.snapshot()).toBe(before);
  });
});

describe('from the sidecars to the API', () => {
  const files = (world: MemoryWorld) =>
    world
      .snapshot()
      .split('\n')
      .filter((line) => /"name": "loki-eks-(datasource|dashboard)-/.test(line)).length;

  it('one data source and one dashboard are left, of ours; uninstall takes them away', async () => {
    const world = new MemoryWorld('ap-northeast-2');
    await install(world, { grafana: 'sidecar' });
    expect(files(world)).toBe(2);
    const { ctx, result, journal } = await install(world, { grafana: 'api' });
    expect(result.outcome).toBe('done');
    expect([files(world), world.datasources.size, world.dashboards.size]).toEqual([0, 1, 1]);
    expect(journal.text.join('\n')).toContain('leave-object');
    expect(changesIn((await install(world, { grafana: 'api' })).looked)).toBe(0);
    await uninstall(ctx, false);
    expect([world.datasources.size, world.dashboards.size]).toEqual([0, 0]);
  });

  it('and back again when something fails on the way', async () => {
    const world = new MemoryWorld('ap-northeast-2');
    const { ctx: before } = await install(world, { grafana: 'sidecar' });
    const read = async () => {
      const { datasource, dashboard } = before.blueprint.grafana!;
      return Promise.all(
        [datasource!.way, dashboard!.way].map(async (way) => {
          if (way.is !== 'object') return undefined;
          const found = await before.kubernetes.get({ apiVersion: 'v1', kind: way.kind, namespace: way.namespace, name: way.name });
          return found && { data: found['data'], labels: found.metadata.labels, annotations: found.metadata.annotations };
        }),
      );
    };
    const had = await read();
    expect(had).not.toContain(undefined);
    const ctx = contextOf(world, { grafana: 'api' });
    const full = { ...ctx, grafana: { ...ctx.grafana!, saveDashboard: async () => Promise.reject(new Error('the disk is full')) } };
    const looked = await plan(steps(ctx.blueprint), full, toProblem);
    const io = { journal: memoryJournal(), emit: () => {}, signal: new AbortController().signal, toProblem, afterFailure: () => 'undo' as const };
    const { outcome } = await run(looked, full, io);
    expect(outcome).toBe('undone');
    expect(await read()).toEqual(had);
    expect([world.datasources.size, world.dashboards.size]).toEqual([0, 0]);
  });
});

describe('the journal', () => {
  it.each([undefined, 'sidecar', 'api'] as const)('never holds the password, with Grafana by %s', async (grafana) => {
    const world = new MemoryWorld('ap-northeast-2');
    const givenPassword = 'correct horse battery staple';
    const kind = grafana ? { grafana } : {};
    const first = await install(world, { ...kind, givenPassword });
    const second = await install(world, { ...kind, givenPassword: `${givenPassword} 2` });
    const text = [...first.journal.text, ...second.journal.text].join('\n');
    expect(text).not.toContain('correct horse');
    expect(text).not.toContain(Buffer.from(givenPassword).toString('base64').slice(0, 16));
    expect(JSON.stringify([...first.events, ...second.events])).not.toContain('correct horse');
  });
});

describe('taking back a bucket', () => {
  const [chunks] = steps({ identity: 'irsa' });
  const undo = (ctx: Context, did: string) =>
    chunks!.undo(ctx, { did, name: ctx.blueprint.buckets.chunks.name }, { signal: new AbortController().signal, say: () => {} });

  it('does not delete what Loki has collected for hours', async () => {
    const world = new MemoryWorld('ap-northeast-2');
    const { ctx } = await install(world);
    Object.assign(world.buckets.get(ctx.blueprint.buckets.chunks.name)!, { objects: 3, oldest: new Date(0) });
    const later = memoryContext(world, { ...ctx, clock: { ...ctx.clock, now: () => new Date(7 * 3_600_000) }, buckets: world.bucketsPort() });
    const before = world.snapshot();
    await expect(undo(later, 'create-bucket')).rejects.toMatchObject({ problem: { code: 'BUCKET_HOLDS_LOGS' } });
    expect(world.snapshot()).toBe(before);
  });

  it('says that emptied is emptied', async () => {
    const { ctx } = await install(new MemoryWorld('ap-northeast-2'));
    await expect(undo(ctx, 'empty-bucket')).rejects.toMatchObject({ problem: { code: 'BUCKET_WAS_EMPTIED' } });
  });
});
