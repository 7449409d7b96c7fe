/** The steps of `doctor --fix` satisfy the invariants of all steps, as far as they create anything: they inspect without a write, and undo what fails. */
import { describe, expect, it } from 'vitest';
import { ownership } from '../design/ownership.ts';
import type { ApplyContext, UndoRecord, Step } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Release, Releases } from '../ports/releases.ts';
import { stop } from '../problems/problem.ts';
import { MemoryWorld } from '../../test/support/memory-world.ts';
import { forgetRestored, remediations, restart, restore, revalue } from './remediation.ts';

const place = { namespace: 'alloy', name: 'alloy' };
const config = (text: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'alloy', namespace: 'alloy' },
  data: { 'config.alloy': text },
});
const daemonSet = (image: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'alloy', namespace: 'alloy', labels: { 'app.kubernetes.io/instance': 'alloy' } },
  spec: {
    selector: { matchLabels: { app: 'alloy' } },
    template: {
      metadata: { labels: { app: 'alloy' } },
      spec: { serviceAccountName: 'alloy', volumes: [{ name: 'config', configMap: { name: 'alloy' } }], containers: [{ name: 'alloy', image }] },
    },
  },
});
const manifest = [config('right'), daemonSet('alloy:1')].map((one) => JSON.stringify(one)).join('\n---\n');
const release: Release = {
  ...place,
  revision: 3,
  status: 'deployed',
  chart: 'alloy',
  chartVersion: '1.11.1',
  appVersion: 'v1',
  values: { a: 1 },
  labels: {},
  manifest,
};

/** Simulates helm: a rollback writes the objects of the manifest. */
async function worldOf(live: readonly KubeObject[]) {
  const world = new MemoryWorld('eu-west-1');
  const kubernetes = world.kubernetesPort();
  world.releases.set('alloy', [release]);
  for (const object of live) await kubernetes.create(object);
  const releases: Releases = {
    ...world.releasesPort(),
    rollback: async () => {
      for (const wanted of [config('right'), daemonSet('alloy:1')]) {
        const { apiVersion, kind, metadata } = wanted;
        const ref = { apiVersion, kind, namespace: 'alloy', name: metadata.name };
        if (await kubernetes.get(ref)) await kubernetes.patch(ref, { data: wanted['data'], spec: wanted['spec'] });
        else await kubernetes.create(wanted);
      }
    },
  };
  const ctx = {
    kubernetes,
    releases,
    clock: { now: () => new Date(0), sleep: async () => {} },
    timeoutMs: 1000,
    blueprint: { ownership: ownership('arn:aws:eks:x', 'loki') },
  };
  return { world, ctx };
}
type World = Awaited<ReturnType<typeof worldOf>>;

function handsOf(receipts: UndoRecord[]): ApplyContext {
  return {
    found: { is: 'matches' },
    signal: new AbortController().signal,
    say: () => {},
    record: async (receipt) => void receipts.unshift(JSON.parse(JSON.stringify(receipt)) as UndoRecord),
  };
}
async function undone(step: Step<any>, { ctx }: World, receipts: readonly UndoRecord[]): Promise<void> {
  for (const receipt of receipts) await step.undo(ctx, receipt, { signal: new AbortController().signal, say: () => {} });
}
/** Versions and uids count writes; they are not part of what a user sees. */
const seen = ({ world }: World): string =>
  JSON.stringify(
    JSON.parse(world.snapshot(), (key, value: unknown) =>
      ['resourceVersion', 'uid'].includes(key) || (key === 'annotations' && Object.keys(value ?? {}).length === 0) ? undefined : value,
    ),
    undefined,
    1,
  );

describe('restore', () => {
  const drifted = () => worldOf([config('wrong, password = "hunter2"'), daemonSet('alloy:evil')]);

  it('finds nothing where all stands as the release has it, and writes nothing while it looks', async () => {
    const well = await worldOf([config('right'), daemonSet('alloy:1')]);
    const before = well.world.writes;
    expect(await restore([place]).inspect(well.ctx)).toEqual({ is: 'matches' });
    expect(well.world.writes).toBe(before);
  });

  it('puts back what was changed and what is gone, starts its readers again, and tells no journal what was there', async () => {
    const one = await worldOf([config('wrong, password = "hunter2"')]);
    const receipts: UndoRecord[] = [];
    await restore([place]).apply(one.ctx, handsOf(receipts));
    expect(await restore([place]).inspect(one.ctx)).toEqual({ is: 'matches' });
    expect(receipts.map(({ did }) => did)).toEqual(['restart-workload', 'restore-release']);
    expect(JSON.stringify(receipts)).not.toContain('hunter2');
    await forgetRestored(one.ctx, [place]);
    expect(one.world.snapshot()).not.toContain('loki-eks-former');
  });

  it.each([1, 2, 3, 4])('takes back all of it when write %i fails, before and after it took effect', async (at) => {
    for (const when of ['before', 'after'] as const) {
      const one = await drifted();
      const before = seen(one);
      const receipts: UndoRecord[] = [];
      one.world.failAt(at, when);
      await restore([place])
        .apply(one.ctx, handsOf(receipts))
        .catch(() => {});
      await undone(restore(), one, receipts);
      expect(seen(one)).toBe(before);
      // And once more, as a run after an interrupted one would.
      await undone(restore(), one, receipts);
      expect(seen(one)).toBe(before);
    }
  });
});

it('puts back also what a controller writes to in the meantime', async () => {
  const one = await worldOf([config('wrong'), daemonSet('alloy:1')]);
  const before = seen(one);
  const receipts: UndoRecord[] = [];
  await restore([place]).apply(one.ctx, handsOf(receipts));
  let conflicts = 3;
  const { kubernetes } = one.ctx;
  const replace: typeof kubernetes.replace = async (object) => (conflicts-- > 0 ? Promise.reject(stop('KUBE_CONFLICT')) : kubernetes.replace(object));
  for (const receipt of receipts) {
    await restore().undo({ ...one.ctx, kubernetes: { ...kubernetes, replace } }, receipt, { signal: new AbortController().signal, say: () => {} });
  }
  expect(seen(one)).toBe(before);
});

describe('restart', () => {
  const arn = 'arn:aws:iam::1:role/loki';
  const of = { ...place, serviceAccount: 'alloy' };
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'alloy', namespace: 'alloy', annotations: { 'eks.amazonaws.com/role-arn': arn } },
  };
  const pod = (env: readonly object[]): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'alloy-1', namespace: 'alloy', labels: { app: 'alloy', 'app.kubernetes.io/instance': 'alloy' } },
    spec: { serviceAccountName: 'alloy', containers: [{ name: 'alloy', env }] },
  });

  it('is for pods without the role of their account, and for no others', async () => {
    const fine = await worldOf([account, daemonSet('alloy:1'), pod([{ name: 'AWS_ROLE_ARN', value: arn }])]);
    expect(await restart(of).inspect(fine.ctx)).toEqual({ is: 'matches' });
    const stale = await worldOf([account, daemonSet('alloy:1'), pod([{ name: 'AWS_ROLE_ARN', value: 'arn:aws:iam::1:role/other' }])]);
    const before = seen(stale);
    expect(await restart(of).inspect(stale.ctx)).toMatchObject({ is: 'differs', changes: [{ target: 'DaemonSet alloy/alloy' }] });
    const receipts: UndoRecord[] = [];
    await restart(of).apply(stale.ctx, handsOf(receipts));
    expect(seen(stale)).toContain('kubectl.kubernetes.io/restartedAt');
    await undone(restart(), stale, receipts);
    expect(seen(stale)).toBe(before);
  });
});

describe('revalue', () => {
  const wanted = {
    ...place,
    revision: 3,
    labels: {},
    values: { a: 1, b: 2 },
    code: 'ALLOY_NO_VARLOG',
    changes: [{ action: 'update', target: 'DaemonSet alloy/alloy' }],
  } as const;
  const chart = { path: '/c', name: 'alloy', version: '1.11.1', appVersion: 'v1', sha256: '', origin: '' };

  it('does not touch a release that somebody has upgraded in the meantime', async () => {
    const { ctx, world } = await worldOf([]);
    world.releases.set('alloy', [{ ...release, revision: 4 }]);
    expect(await revalue([{ ...wanted, chart }]).inspect(ctx)).toMatchObject({ is: 'blocked', problem: { code: 'PLAN_OUTDATED' } });
  });

  it('goes back to the revision it has found', async () => {
    const { ctx } = await worldOf([]);
    const rolled: number[] = [];
    const receipts: UndoRecord[] = [];
    const releases = {
      ...ctx.releases,
      find: async () => ({ ...release, revision: receipts.length > 0 ? 4 : 3 }),
      rollback: async ({ revision }: { revision: number }) => void rolled.push(revision),
    };
    await revalue([{ ...wanted, chart }]).apply({ ...ctx, releases }, handsOf(receipts));
    expect(receipts).toEqual([{ did: 'upgrade-foreign-release', ...place, revision: 3 }]);
    await revalue().undo({ ...ctx, releases }, receipts[0]!, { signal: new AbortController().signal, say: () => {} });
    expect(rolled).toEqual([3]);
  });
});

it('whoever takes back a journal knows all of them', () => {
  expect(remediations().map(({ id }) => id)).toEqual(['mend.restore', 'mend.restart', 'mend.values', 'mend.datasource']);
});
