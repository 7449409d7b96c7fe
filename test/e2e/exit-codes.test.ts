/** Command × output format × outcome: the exit codes of the contract, the same in every format. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';

const formats = ['tree', 'plain', 'json'] as const;

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal();
});
afterAll(() => terminal.close());

const run = (words: readonly string[], format: (typeof formats)[number]) => terminal.cli([...words, '--output', format]);

/** In JSON the last line on stdout is the end of the run and says the exit code; nothing but events is there. */
function agrees(ran: Ran, format: (typeof formats)[number], exit: number): void {
  expect(ran.exit, ran.stderr + ran.stdout).toBe(exit);
  if (format !== 'json') return;
  const lines = ran.stdout.trim().split('\n');
  expect(ran.events).toHaveLength(lines.length);
  expect(ran.events.every(({ v }) => v === 1)).toBe(true);
  expect(ran.events.at(-1)).toMatchObject({ type: 'run.finished', exit });
}

describe.each(formats)('before anything is installed, as %s', (format) => {
  it.each([
    ['status: nothing there', ['status'], 6],
    ['verify: nothing there', ['verify'], 6],
    ['plan: told what would change', ['plan'], 0],
    ['plan: asked for the code', ['plan', '--detailed-exitcode'], 7],
    ['uninstall: nothing to take away', ['uninstall', '--yes'], 0],
    ['install: a dry run', ['install', '--yes', '--dry-run'], 0],
    ['install: an unknown flag', ['install', '--clutser', 'x'], 2],
    ['install: an invalid setting', ['install', '--yes', '--retention-days', 'many'], 2],
    ['install: no such cluster', ['install', '--yes', '--cluster', 'training-on-ekz'], 3],
    ['status: an invalid setting', ['status', '--namespace', 'Loki!'], 2],
    ['uninstall: an invalid setting', ['uninstall', '--yes', '--region', 'here'], 2],
  ] as const)('%s', async (_, words, exit) => {
    const before = terminal.snapshot();
    agrees(await run(words, format), format, exit);
    expect(terminal.snapshot()).toBe(before);
  });

  it('install: a failure in the middle is rolled back (4)', async () => {
    const before = terminal.snapshot();
    terminal.sandbox.world.addFault({ call: 'iam:PutRolePolicy', how: 'deny', times: 1 });
    agrees(await run(['install', '--yes'], format), format, 4);
    expect(terminal.snapshot()).toBe(before);
  });

  it('install: what can not be taken back is listed (5)', async () => {
    terminal.sandbox.world.addFault({ call: 'iam:PutRolePolicy', how: 'deny', times: 1 });
    terminal.sandbox.world.addFault({ call: 'iam:DeleteRole', how: 'deny', times: 5 });
    const ran = await run(['install', '--yes'], format);
    terminal.sandbox.world.faults.clear();
    agrees(ran, format, 5);
    expect(ran.stderr + ran.stdout).toContain('loki-eks-training-on-eks');
    agrees(await run(['uninstall', '--yes'], format), format, 0);
  });
});

describe.each(formats)('when it is installed, as %s', (format) => {
  beforeAll(async () => {
    const { exit, stderr } = await terminal.cli(['install', '--yes']);
    expect(exit, stderr).toBe(0);
  });

  it.each([
    ['status: healthy', ['status'], 0],
    ['verify: proved', ['verify'], 0],
    ['plan: nothing to do', ['plan', '--detailed-exitcode'], 0],
    ['plan: a change of settings', ['plan', '--detailed-exitcode', '--retention-days', '90'], 7],
    ['install: nothing to do', ['install', '--yes'], 0],
    ['uninstall: data not named', ['uninstall', '--yes', '--delete-data'], 3],
    ['uninstall: a bucket that is none of ours', ['uninstall', '--yes', '--delete-data', '--confirm-delete-data', 'other'], 3],
  ] as const)('%s', async (_, words, exit) => {
    agrees(await run(words, format), format, exit);
  });

  it('status and verify: the collector is gone (6)', async () => {
    await terminal.shell('kubectl -n alloy patch daemonset alloy --type merge -p \'{"spec":{"template":{"spec":{"nodeSelector":{"no":"where"}}}}}\'');
    await terminal.shell('kubectl -n alloy wait --for=delete pod -l app.kubernetes.io/name=alloy --timeout=20s');
    agrees(await run(['status'], format), format, 6);
    await terminal.shell('kubectl -n alloy patch daemonset alloy --type json -p \'[{"op":"remove","path":"/spec/template/spec/nodeSelector/no"}]\'');
    await terminal.shell('kubectl -n alloy rollout status daemonset alloy --timeout=20s');
  });
});

describe('commands that need no cluster', () => {
  it.each([
    [['--version'], 0],
    [['--help'], 0],
    [['explain', 'BUCKET_NOT_OURS'], 0],
    [['explain', 'BUCKET_NOT_HOURS'], 2],
    [['completion', 'bash'], 0],
    [['completion', 'tcsh'], 2],
    [['instal'], 2],
    [['sandbox', 'run'], 2],
  ] as const)('%j', async (words, exit) => {
    const ran = await terminal.cli(words);
    expect(ran.exit, ran.stderr).toBe(exit);
    if (exit === 2) expect(ran.stderr).toMatch(/fix/);
  });
});
