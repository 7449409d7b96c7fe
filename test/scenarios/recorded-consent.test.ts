/** A consent of the run that installed is not taken from the record, and its absence is no difference either. */
import { expect, it } from 'vitest';
import { openTerminal } from '../support/sandbox-cli.ts';
import { quick } from './story.ts';

it('status of an installation that made its OIDC provider is healthy', async () => {
  const terminal = await openTerminal({ ...quick, cluster: { oidcProvider: false } } as Parameters<typeof openTerminal>[0]);
  try {
    const made = await terminal.cli(['install', '--yes', '--no-verify', '--create-oidc-provider']);
    expect(made.exit, made.stderr).toBe(0);
    const { exit, stdout, events } = await terminal.cli(['status', '--output', 'json']);
    expect(events.find(({ type }) => type === 'status.finished')?.['result'].drift, stdout).toEqual([]);
    expect(exit).toBe(0);
  } finally {
    await terminal.close();
  }
}, 120_000);
