/** What happens between the plan that somebody reads and the answer. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { exact } from './compare.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openHarness, type Harness, type Ran } from './harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await openHarness();
});
afterEach(() => harness.close());

const problemsOf = ({ events }: Ran) => {
  const last = events.at(-1);
  return last?.type === 'run.finished' ? (last.problems ?? []) : [];
};

it('a plan that has got a new deed since is not carried out', async () => {
  expect((await harness.run({ command: 'install', flags: {} })).exit).toBe(0);
  const before = exact(harness.world);
  const ran = await harness.run({
    command: 'install',
    flags: { retentionDays: 60 },
    asked: () => {
      for (const role of harness.world.account.state.iam.roles.values()) role.inline.clear();
      return true;
    },
  });
  expect(ran.exit).toBe(3);
  expect(problemsOf(ran)).toMatchObject([{ code: 'PLAN_OUTDATED', evidence: [expect.stringMatching(/^new: update .*loki-eks/)] }]);
  expect(ran.writes.filter(({ call }) => !call.endsWith(':leases'))).toEqual([]);
  expect(exact(harness.world)).not.toBe(before);
});

it('a plan of which less is left is carried out', async () => {
  expect((await harness.run({ command: 'install', flags: {} })).exit).toBe(0);
  for (const role of harness.world.account.state.iam.roles.values()) role.tags = { ...role.tags, team: 'x' };
  const flags = { retentionDays: 60, tags: { team: 'y' } };
  const ran = await harness.run({
    command: 'install',
    flags,
    asked: () => {
      for (const role of harness.world.account.state.iam.roles.values()) role.tags = { ...role.tags, team: 'y' };
      return true;
    },
  });
  expect(ran.exit).toBe(0);
});

it('Enter is yes, but to a plan that deletes something, such as the lines that a shorter retention does not keep', async () => {
  const enter = (retentionDays: number) => harness.run({ command: 'install', flags: { retentionDays }, asked: (onEnter) => onEnter });
  expect((await enter(28)).exit).toBe(0);
  expect((await enter(60)).exit).toBe(0);
  const shorter = await enter(7);
  expect([shorter.exit, problemsOf(shorter).map(({ code }) => code)]).toEqual([3, ['DECLINED']]);
});

it('no is no: nothing is written, not even a lock', async () => {
  const ran = await harness.run({ command: 'install', flags: {}, asked: () => false });
  expect(ran.exit).toBe(3);
  expect(problemsOf(ran)).toMatchObject([{ code: 'DECLINED' }]);
  expect(ran.writes).toEqual([]);
});

it('what bars a run is explained by the other run that is at work', async () => {
  const leases: KubeObject[] = [];
  harness.world.store.subscribe(({ type, object }) => void (type === 'ADDED' && object.kind === 'Lease' && leases.push(object)));
  expect((await harness.run({ command: 'install', flags: {} })).exit).toBe(0);
  const [{ metadata, ...lease }] = leases as [KubeObject];
  const { name, namespace, labels, annotations } = metadata;
  const now = new Date().toISOString();
  const spec = { ...(lease['spec'] as object), holderIdentity: 'bob@elsewhere_7_ff', renewTime: now, acquireTime: now };
  const elsewhere = { ...annotations, 'loki-eks.dev/lock-place': 'elsewhere' };
  harness.world.store.create({ ...lease, spec, metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }), annotations: elsewhere } });
  for (const role of harness.world.account.state.iam.roles.values()) role.tags = {};
  const ran = await harness.run({ command: 'install', flags: { retentionDays: 60 } });
  expect(ran.exit).toBe(3);
  expect(problemsOf(ran).map(({ code }) => code)).toEqual(['RUN_LOCKED', expect.stringMatching(/NOT_OURS/)]);
  expect(ran.writes).toEqual([]);
});
