/** Dead runs upon dead runs, and deaths while upgrading, taking back and uninstalling. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { bucketsOf, butBuckets, butObjects, codesOf, killedAt, quick, takeAway, worldOf } from './story.ts';

describe('killed more than once', () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
  });
  afterAll(() => terminal.close());
  afterEach(() => terminal.sandbox.world.faults.clear());

  it('each of the dead runs is taken back', async () => {
    await killedAt(terminal, ['install', '--yes'], { call: /^iam:CreateRole$/ });
    await killedAt(terminal, ['install', '--yes'], { call: /^kube:create:serviceaccounts$/ });
    const ran = await terminal.cli(['install', '--yes', '--on-unfinished', 'undo']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('a run that goes on and fails leaves what it found, and the choice', async () => {
    await killedAt(terminal, ['install', '--yes'], { call: /^iam:PutRolePolicy$/ });
    const found = terminal.snapshot();
    terminal.sandbox.world.addFault({ call: 'kube:create:serviceaccounts', how: 'deny', times: 1 });
    const failed = await terminal.cli(['install', '--yes']);
    expect(failed.exit, failed.stderr).toBe(4);
    expect(terminal.snapshot()).toBe(found);
    const ran = await terminal.cli(['install', '--yes', '--on-unfinished', 'undo']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('in the middle of taking back: the next one takes the rest back', async () => {
    terminal.sandbox.world.addFault({ call: 'kube:create:serviceaccounts', how: 'deny', times: 1 });
    const { session } = await killedAt(terminal, ['install', '--yes'], { call: /^s3:DeleteBucket$/ });
    expect(session).toBe(true);
    expect(terminal.snapshot()).not.toBe(pristine);
    const ran = await terminal.cli(['install', '--yes', '--on-unfinished', 'undo']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('an upgrade is taken back to the revision before, or finished', async () => {
    expect((await terminal.cli(['install', '--yes', '--no-verify'])).exit).toBe(0);
    const before = settled(terminal);
    await killedAt(terminal, ['install', '--yes', '--retention-days', '90'], { call: /^kube:(patch|update):configmaps$/ });
    const back = await terminal.cli(['install', '--yes', '--on-unfinished', 'undo']);
    expect(back.exit, back.stderr).toBe(0);
    expect(settled(terminal)).toBe(before);
    expect((await terminal.cli(['status'])).exit).toBe(0);
    expect((await terminal.cli(['plan', '--detailed-exitcode'])).exit).toBe(0);
  });

  it('an uninstall is gone on with, and keeps the logs it has not been told to delete', async () => {
    const { session } = await killedAt(terminal, ['uninstall', '--yes'], { call: /^kube:delete:deployments$/, helmToo: true });
    expect(session).toBe(true);
    const ran = await terminal.cli(['uninstall', '--yes']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(butBuckets(terminal.snapshot())).toBe(butBuckets(pristine));
    expect(bucketsOf(terminal)).toHaveLength(2);
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('what an uninstall has kept is never taken back by an install that died before it', async () => {
    await killedAt(terminal, ['install', '--yes'], { call: /^kube:create:secrets$/ });
    expect((await terminal.cli(['uninstall', '--yes'])).exit).toBe(0);
    const kept = bucketsOf(terminal);
    expect(kept).toHaveLength(2);
    terminal.sandbox.world.account.seedObjects(kept[0] ?? '', { count: 3 });
    const before = worldOf(terminal).account.s3;
    const ran = await terminal.cli(['install', '--yes', '--on-unfinished', 'undo', '--dry-run', '--output', 'json']);
    expect(codesOf(ran)).toEqual([]);
    terminal.sandbox.world.addFault({ call: 'kube:create:serviceaccounts', how: 'deny', times: 1 });
    expect((await terminal.cli(['install', '--yes', '--on-unfinished', 'undo'])).exit).toBe(4);
    expect(worldOf(terminal).account.s3).toEqual(before);
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });
});

/** The world without what a rollback leaves otherwise: helm counts revisions, pods have names of their own. */
function settled(terminal: Terminal): string {
  const { account, cluster } = JSON.parse(butObjects(terminal.snapshot())) as ReturnType<typeof worldOf>;
  const kinds = ['configmaps.', 'services.', 'serviceaccounts.', 'statefulsets.apps', 'namespaces.'].filter((kind) => cluster[kind]);
  expect(kinds.length).toBeGreaterThan(3);
  const spec = ({ spec, data, metadata }: KubeObject & { data?: unknown }) => ({ spec, data, labels: metadata.labels });
  const kept = kinds.map((kind) => [kind, Object.entries(cluster[kind] ?? {}).map(([name, object]) => [name, spec(object)])]);
  return JSON.stringify({ account, kept }, null, 1);
}
