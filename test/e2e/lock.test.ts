/** One run at a time: two that start together, one that died, one that is pushed aside. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codesOf, killedAt } from '../scenarios/story.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';

/** Rollouts are not what this is about. */
const quick = { speed: 60 };

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal(quick);
});
afterAll(() => terminal.close());

const leases = () => terminal.sandbox.world.store.list('Lease', { namespace: 'kube-system' }).filter(({ metadata }) => metadata.name.startsWith('loki-eks-'));
const install = (...more: readonly string[]) => terminal.cli(['install', '--yes', '--output', 'json', ...more]);
/** The next such call takes so many real seconds. */
const slow = (call: string, seconds: number) => terminal.sandbox.world.addFault({ call, how: 'slow', ms: seconds * 1000 * quick.speed, times: 1 });
const now = () => `${new Date().toISOString().slice(0, -1)}000Z`;
const takeAway = async () => {
  const names = Object.keys((JSON.parse(terminal.snapshot()) as { account: { s3: object } }).account.s3);
  const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', ...names.flatMap((name) => ['--confirm-delete-data', name])]);
  expect(ran.exit, ran.stderr).toBe(0);
};

/** Until a call of this kind has been answered. */
async function called(pattern: RegExp): Promise<void> {
  const from = terminal.sandbox.world.calls.length;
  for (let waited = 0; waited < 30_000; waited += 20) {
    if (terminal.sandbox.world.calls.slice(from).some(({ call }) => pattern.test(call))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no call ${String(pattern)}`);
}

describe('two processes at once', () => {
  it.each([1, 2])('one succeeds, one is refused and told who is at work (round %i)', async () => {
    const pristine = terminal.snapshot();
    // Long enough for a second process that this machine starts late.
    slow('iam:CreateRole', 3);
    const both = await Promise.all([install('--no-verify'), install('--no-verify')]);
    const say = both.map(({ stderr, stdout }) => stderr + stdout.slice(-2000)).join('\n');
    expect(both.map(({ exit }) => exit).toSorted(), say).toEqual([0, 3]);
    const refused = both.find(({ exit }) => exit === 3) as Ran;
    expect(codesOf(refused)[0]).toBe('RUN_LOCKED');
    expect(refused.events.at(-1)?.['problems'][0].message).toMatch(/^Another run is in progress: loki-eks install of \S+ on \S+ \(process \d+\) since 20\d\d-/);
    expect(refused.events.at(-1)?.['writes'] ?? 0).toBe(0);
    expect(leases()).toEqual([]);
    await takeAway();
    expect(terminal.snapshot()).toBe(pristine);
    expect(leases()).toEqual([]);
  });
});

describe('while a run is at work', () => {
  it('others may look, and may not change; afterwards nothing of the lock is left', async () => {
    slow('iam:PutRolePolicy', 8);
    const working = install('--no-verify');
    await called(/^kube:create:leases$/);
    const [plan, dry, status, taking] = await Promise.all([
      terminal.cli(['plan']),
      terminal.cli(['install', '--yes', '--dry-run']),
      terminal.cli(['status']),
      terminal.cli(['uninstall', '--yes', '--output', 'json']),
    ]);
    expect([plan.exit, dry.exit, taking.exit]).toEqual([0, 0, 3]);
    expect(status.exit).toBe(6);
    expect(codesOf(taking)).toEqual(['RUN_LOCKED']);
    expect(plan.stderr + dry.stderr + status.stderr).not.toContain('RUN_LOCKED');
    const { exit, stderr } = await working;
    expect(exit, stderr).toBe(0);
    expect(leases()).toEqual([]);
  });

  it('looking, and a second install, never write a Lease', async () => {
    terminal.writes();
    for (const words of [['plan'], ['status'], ['verify'], ['install', '--yes'], ['install', '--yes', '--dry-run', '--retention-days', '90']]) {
      expect((await terminal.cli(words)).exit).toBe(0);
    }
    expect(terminal.writes().filter((call) => call.includes('leases'))).toEqual([]);
    await takeAway();
  });
});

describe('a run that is killed', () => {
  it('on this machine leaves a lock that the next one takes over at once', async () => {
    const { session } = await killedAt(terminal, ['install', '--yes', '--no-verify'], { call: /^iam:CreateRole$/, helmToo: true });
    expect(session).toBe(true);
    expect(leases()).toHaveLength(1);
    const began = Date.now();
    const { exit, stderr, events } = await install('--no-verify', '--on-unfinished', 'undo');
    expect(exit, stderr).toBe(0);
    expect(events.some(({ type, fact }) => type === 'fact.found' && fact === 'lock')).toBe(false);
    expect(Date.now() - began).toBeLessThan(25_000);
    expect(leases()).toEqual([]);
  });

  it('on another machine leaves a lock that bars first, and then expires', async () => {
    await killedAt(terminal, ['install', '--yes', '--no-verify'], { call: /^iam:CreateRole$/, helmToo: true });
    const [lease] = leases();
    // The same Lease as if it had been written elsewhere, and believed for six seconds instead of thirty.
    const elsewhere = { metadata: { annotations: { 'loki-eks.dev/lock-place': 'elsewhere' } }, spec: { leaseDurationSeconds: 6, renewTime: now() } };
    const patched = await terminal.shell(`kubectl -n kube-system patch lease ${lease?.metadata.name} --type merge -p '${JSON.stringify(elsewhere)}'`);
    expect(patched.exit, patched.stderr).toBe(0);
    expect(codesOf(await install('--no-verify'))).toEqual(['RUN_LOCKED']);
    await new Promise((resolve) => setTimeout(resolve, 6000));
    const { exit, stderr, events } = await install('--no-verify');
    expect(exit, stderr).toBe(0);
    expect(events.find(({ type, fact }) => type === 'fact.found' && fact === 'lock')?.['value']).toContain('waiting 6 s for it to renew');
    expect(leases()).toEqual([]);
    await takeAway();
  });
});

it('a run that loses its lock stops before its next deed, takes nothing back, and can be taken back later', async () => {
  const pristine = terminal.snapshot();
  slow('iam:CreateRole', 12);
  const running = install('--no-verify');
  await called(/^kube:create:leases$/);
  const [lease] = leases();
  if (!lease) throw new Error('no Lease');
  const bob = { ...(lease['spec'] as object), holderIdentity: 'bob@elsewhere_1_ff', renewTime: now() };
  terminal.sandbox.world.store.update({ ...lease, spec: bob });
  const ran = await running;
  expect(ran.exit, ran.stdout).toBe(5);
  expect(codesOf(ran)).toEqual(['RUN_LOCK_LOST']);
  const { calls } = terminal.sandbox.world;
  const stopped = calls.findLastIndex(({ call }) => call === 'iam:CreateRole');
  expect(calls.slice(stopped + 1).filter(({ call, write }) => write && /^(iam|s3):/.test(call))).toEqual([]);
  expect(leases()).toMatchObject([{ spec: { holderIdentity: 'bob@elsewhere_1_ff' } }]);
  expect(terminal.snapshot()).not.toBe(pristine);

  // Bob did nothing, so he leaves the Lease as he found it, but for a holder.
  const { holderIdentity: _, ...free } = bob;
  terminal.sandbox.world.store.update({ ...lease, spec: free });
  const undone = await install('--on-unfinished', 'undo');
  expect(undone.exit, undone.stderr).toBe(0);
  expect(terminal.snapshot()).toBe(pristine);
});
