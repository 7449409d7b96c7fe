/** Calls that fail before or after their effect, whose answer is lost, or that are throttled: done all the same, or as if never begun. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/sandbox/types.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { codesOf, quick, takeAway } from './story.ts';

/** One of each kind at each kind of thing; the whole matrix is tried where a case takes milliseconds. The last two are calls of helm. */
const ALWAYS: readonly (readonly [string, Fault['how']])[] = [
  ['s3:CreateBucket', 'before'],
  ['s3:CreateBucket', 'lost'],
  ['s3:PutBucketPolicy', 'after'],
  ['iam:CreateRole', 'lost'],
  ['iam:PutRolePolicy', 'after'],
  ['kube:create:secrets', 'lost'],
  ['kube:create:serviceaccounts', 'after'],
  ['kube:patch:configmaps', 'before'],
  ['kube:patch:statefulsets', 'lost'],
];

describe('faults', () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
  });
  afterAll(() => terminal.close());
  beforeEach(() => expect(terminal.snapshot()).toBe(pristine));

  const under = async (faults: readonly Fault[]) => {
    for (const fault of faults) terminal.sandbox.world.addFault(fault);
    try {
      return await terminal.cli(['install', '--yes', '--no-verify', '--output', 'json']);
    } finally {
      terminal.sandbox.world.faults.clear();
    }
  };

  it.each(ALWAYS)('%s always fails, %s: taken back, unless it has its effect', async (call, how) => {
    const { length } = terminal.sandbox.world.calls;
    const ran = await under([{ call, how }]);
    expect(terminal.sandbox.world.calls.slice(length).map((one) => one.call)).toContain(call);
    expect(ran.exit, end(ran)).toBe(ran.exit === 0 && how !== 'before' ? 0 : 4);
    expect(codesOf(ran)).not.toContain('INTERNAL_ERROR');
    if (ran.exit === 0) await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it.each(['throttle', 'lost'] as const)('each call to AWS fails once, %s: done all the same', async (how) => {
    const calls = [
      's3:CreateBucket',
      's3:PutBucketTagging',
      's3:PutBucketPolicy',
      's3:PutBucketEncryption',
      's3:PutBucketLifecycleConfiguration',
      'iam:CreateRole',
      'iam:PutRolePolicy',
    ];
    const ran = await under([...calls, 's3:HeadBucket', 'eks:DescribeCluster', 'sts:AssumeRoleWithWebIdentity'].map((call) => ({ call, how, times: 1 })));
    expect(ran.exit, end(ran)).toBe(0);
    expect((await terminal.cli(['status'])).exit).toBe(0);
    await takeAway(terminal);
  });

  it('throttled by the Kubernetes API as well: done all the same', async () => {
    const ran = await under(['get', 'list', 'create'].map((verb) => ({ call: `kube:${verb}:*`, how: 'throttle', times: 2 }) as const));
    expect(ran.exit, end(ran)).toBe(0);
    await takeAway(terminal);
  });

  it('uninstall that fails in the middle says what is left, and the next one takes it', async () => {
    expect((await under([])).exit).toBe(0);
    terminal.sandbox.world.addFault({ call: 'iam:DeleteRole', how: 'deny' });
    const ran = await terminal.cli(['uninstall', '--yes', '--output', 'json']);
    terminal.sandbox.world.faults.clear();
    expect(ran.exit, end(ran)).toBe(5);
    expect(ran.events.at(-1)?.['left']).toEqual([expect.objectContaining({ step: 'role' })]);
    await takeAway(terminal);
  });
});

const end = ({ events, stderr }: Ran) => JSON.stringify(events.at(-1)) + stderr;
