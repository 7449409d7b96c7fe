/** What is left of a run that failed is told, kept or taken back: through keep, ended credentials, other versions, full disks and Ctrl-C. */
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../src/sandbox/types.ts';
import { codesOf, killedAt, takeAway } from '../scenarios/story.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';

const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));

let terminal: Terminal;
let pristine: string;
beforeAll(async () => {
  terminal = await openTerminal({ speed: 60 });
  pristine = terminal.snapshot();
});
afterAll(() => terminal.close());
/** One that fails must not take the others along. */
afterEach(async () => {
  terminal.sandbox.world.faults.clear();
  if (terminal.snapshot() === pristine) return;
  rmSync(join(terminal.folder, 'state'), { recursive: true, force: true });
  await takeAway(terminal);
});

const install = (...more: readonly string[]) => terminal.cli(['install', '--yes', '--no-verify', '--output', 'json', ...more]);
const undo = async (...more: readonly string[]) => {
  const ran = await install('--on-unfinished', 'undo', ...more);
  expect(ran.exit, ran.stdout).toBe(0);
  expect(terminal.snapshot()).toBe(pristine);
};
const deny = (call: string, times = 1) => terminal.sandbox.world.addFault({ call, how: 'deny', times });

/** `loki-eks-…` folder of this installation's journals, and their names, oldest first. */
const folder = () => {
  const state = join(terminal.folder, 'state', 'loki-eks');
  return join(state, readdirSync(state)[0] ?? '');
};
const journals = () => readdirSync(folder()).sort();
const newest = () => join(folder(), journals().at(-1) ?? '');

/** Does something the moment a call of this name has been answered, before anybody can read the answer. */
function when(call: string, act: () => void): () => void {
  const calls = terminal.sandbox.world.calls as Call[];
  let done = false;
  calls.push = (...fresh: Call[]) => {
    if (!done && fresh.some((one) => one.call === call)) {
      done = true;
      act();
    }
    return Array.prototype.push.apply(calls, fresh);
  };
  return () => void delete (calls as { push?: unknown }).push;
}

const leftIn = ({ events }: Ran) =>
  (events.at(-1)?.['left'] ?? []) as readonly { step: string; receipt: { did: string }; problem: { code: string; message: string } }[];

describe('--on-failure keep', () => {
  it('leaves everything, lists it, says how to go on, and can be taken back', async () => {
    deny('iam:PutRolePolicy');
    const ran = await install('--on-failure', 'keep');
    expect(ran.exit, ran.stdout).toBe(5);
    expect(leftIn(ran).map(({ receipt }) => receipt.did)).toEqual(expect.arrayContaining(['create-role', 'create-bucket', 'create-namespace']));
    expect(new Set(leftIn(ran).map(({ problem }) => problem.code))).toEqual(new Set(['LEFT_IN_PLACE']));
    expect(ran.stdout).toContain('To resume: loki-eks install.');
    expect(terminal.snapshot()).not.toBe(pristine);
    await undo();
  });

  it('says so to a reader as well, and can be gone on from', async () => {
    deny('iam:PutRolePolicy');
    const { exit, stderr } = await terminal.cli(['install', '--yes', '--no-verify', '--on-failure', 'keep']);
    expect(exit).toBe(5);
    expect(stderr).toContain('Install failed; its changes were left in place.');
    expect(stderr).toContain('fix: Run `loki-eks install --on-unfinished undo`');
    expect((await install()).exit).toBe(0);
    expect((await install('--on-unfinished', 'undo')).events.at(-1)).toMatchObject({ exit: 0, outcome: 'nothing-to-do' });
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });
});

it('credentials that end in the middle stop the run: nothing is taken back, all is listed, and the next run goes on', async () => {
  const { keys } = terminal.sandbox.world.account;
  const { find } = keys;
  const forget = when('iam:CreateRole', () => void Object.assign(keys, { find: () => ({ problem: 'expired' }) }));
  const ran = await install();
  forget();
  Object.assign(keys, { find });
  expect(ran.exit, ran.stdout).toBe(5);
  // The cluster's token is made of the same credentials, so either may be the first to say so.
  expect(['AWS_CREDENTIALS_EXPIRED', 'KUBE_UNAUTHORIZED']).toContain(codesOf(ran)[0]);
  expect(leftIn(ran).map(({ receipt }) => receipt.did)).toContain('create-role');
  expect(leftIn(ran)[0]?.problem.message).toMatch(/^Left in place: a rollback requires/);
  expect(ran.events.some(({ type }) => type === 'undo.started')).toBe(false);
  expect(ran.stdout).toContain('loki-eks install --on-unfinished undo');
  await undo();
});

describe('a journal', () => {
  it('of a run with the other kind of identity, in another namespace of the collector, is taken back whole', async () => {
    const dead = ['install', '--yes', '--no-verify', '--identity', 'irsa', '--collector-namespace', 'gatherers'];
    // Helm lives on and ends its work: a release that looks unfinished is waited for.
    expect((await killedAt(terminal, dead, { call: /^kube:(create|patch|update|apply):daemonsets$/ })).session).toBe(true);
    await undo('--identity', 'pod-identity');
  });

  it('of a newer version stops everything that would write', async () => {
    await killedAt(terminal, ['install', '--yes', '--no-verify'], { call: /^iam:CreateRole$/, helmToo: true });
    const text = readFileSync(newest(), 'utf8');
    writeFileSync(newest(), text.replace('"format":1', '"format":2'));
    // What the dead run had asked for is still carried out.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = terminal.snapshot();
    for (const words of [['install'], ['install', '--on-unfinished', 'undo'], ['uninstall']]) {
      const ran = await terminal.cli([...words, '--yes', '--output', 'json']);
      expect([ran.exit, ...codesOf(ran)], ran.stdout).toEqual([3, 'JOURNAL_NEWER']);
    }
    expect((await terminal.cli(['plan'])).exit).toBe(0);
    expect(terminal.snapshot()).toBe(before);
    writeFileSync(newest(), text);
    await undo();
  });

  it('with a step that no longer exists is taken back but for that', async () => {
    await killedAt(terminal, ['install', '--yes', '--no-verify'], { call: /^iam:CreateRole$/, helmToo: true });
    const text = readFileSync(newest(), 'utf8');
    writeFileSync(newest(), `${text}${JSON.stringify({ entry: { step: 'queue', receipt: { did: 'create-queue' } } })}\n`);
    const ran = await install('--on-unfinished', 'undo');
    expect(ran.exit, ran.stdout).toBe(5);
    expect(leftIn(ran)).toMatchObject([{ step: 'queue', problem: { code: 'JOURNAL_STEP_UNKNOWN' } }]);
    expect(terminal.snapshot()).toBe(pristine);
    writeFileSync(newest(), text);
    await undo();
  });

  it('that can not be written stops the run before anything is changed', async () => {
    writeFileSync(join(terminal.folder, 'file'), '');
    terminal.writes();
    const ran = await terminal.cli(['install', '--yes', '--output', 'json'], { env: { XDG_STATE_HOME: join(terminal.folder, 'file') } });
    expect([ran.exit, ...codesOf(ran)], ran.stdout).toEqual([3, 'JOURNAL_UNREADABLE']);
    expect(terminal.snapshot()).toBe(pristine);
    expect(terminal.sandbox.world.store.list('Lease', { namespace: 'kube-system' }).filter(({ metadata }) => metadata.name.startsWith('loki-eks'))).toEqual([]);
  });

  it('whose disk fills up in the middle has everything taken back that was written', async () => {
    const kept = journals().length;
    const forget = when('s3:CreateBucket', () => {
      const path = newest();
      rmSync(path);
      symlinkSync('/dev/full', path);
    });
    const ran = await install();
    forget();
    expect(journals()).toHaveLength(kept + 1);
    rmSync(newest());
    expect(ran.exit, ran.stdout).toBe(4);
    expect(codesOf(ran)[0]).toBe('JOURNAL_UNWRITABLE');
    expect(terminal.snapshot()).toBe(pristine);
  });
});

it('a second Ctrl-C during undo lists what would be left, and undo goes on to its end', async () => {
  const release = { call: 'iam:DeleteRole', how: 'slow', ms: 3000 * 60, times: 1 } as const;
  terminal.sandbox.world.addFault(release);
  const pid = () => Number(readFileSync(join(terminal.folder, 'pid'), 'utf8'));
  const first = when('kube:create:secrets', () => void process.kill(pid(), 'SIGINT'));
  const running = terminal.shell(`echo $$ > pid; exec ${process.execPath} ${script} install --yes --no-verify --output json`);
  const { calls } = terminal.sandbox.world;
  const from = calls.length;
  while (!calls.slice(from).some(({ call }) => call === 'kube:delete:namespaces')) await new Promise((resolve) => setTimeout(resolve, 20));
  process.kill(pid(), 'SIGINT');
  const ran = await running;
  first();
  expect(ran.exit, ran.stdout).toBe(130);
  const warnings = ran.events.filter(({ type }) => type === 'warning.raised').map(({ problem }) => problem);
  expect(warnings.map(({ code }) => code)).toEqual(['INTERRUPTED', 'LEAVING_EARLY']);
  expect(warnings[1]?.evidence).toEqual(expect.arrayContaining([expect.stringMatching(/role/i)]));
  expect(terminal.snapshot()).toBe(pristine);
});
