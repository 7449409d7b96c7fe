/** The whole product with the real upstream charts, in the sandbox: what they render must come up, carry a line, and go again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';

let terminal: Terminal;
let pristine: string;

beforeAll(async () => {
  for (const name of ['LOKI_EKS_LOKI_CHART', 'LOKI_EKS_ALLOY_CHART']) {
    if (!process.env[name]) throw new Error(`${name} is not set: give the folder of the unpacked upstream chart`);
  }
  terminal = await openTerminal();
  pristine = terminal.snapshot();
});
afterAll(() => terminal?.close());

it('installs, and a line comes back', async () => {
  const { exit, events, stderr, stdout } = await terminal.cli(['install', '--yes', '--output', 'json']);
  expect(exit, stdout + stderr).toBe(0);
  expect(events.find(({ type }) => type === 'verify.finished')?.['result']).toMatchObject({ found: true });
  const charts = events.filter(({ type }) => type === 'fact.found').map(({ value }) => String(value));
  expect(charts.join('\n')).not.toContain('stand-in');
});

it('has nothing to do the second time', async () => {
  const { events } = await terminal.cli(['install', '--yes', '--output', 'json']);
  expect(events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
});

it('is healthy', async () => {
  expect((await terminal.cli(['status'])).exit).toBe(0);
});

it('goes, and leaves the world as it was', async () => {
  const { account } = JSON.parse(terminal.snapshot()) as { account: { s3: Record<string, unknown> } };
  const named = Object.keys(account.s3).flatMap((name) => ['--confirm-delete-data', name]);
  const { exit, stderr } = await terminal.cli(['uninstall', '--yes', '--delete-data', ...named]);
  expect(exit, stderr).toBe(0);
  expect(terminal.snapshot()).toBe(pristine);
});
