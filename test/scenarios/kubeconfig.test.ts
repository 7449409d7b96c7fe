/** The user's own kubeconfig and an older helm carry a whole life just as the ways we prefer do. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTerminal, tool, type Terminal } from '../support/sandbox-cli.ts';
import { quick } from './story.ts';

/** Install, again, upgrade, status, uninstall; the world is as it was. */
async function life(terminal: Terminal, words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const run = (...more: string[]) => terminal.cli([...more, ...words, '--output', 'json'], { env });
  const pristine = terminal.snapshot();
  const installed = await run('install', '--yes');
  expect(installed.exit, installed.stdout + installed.stderr).toBe(0);
  expect(installed.events.find(({ type }) => type === 'verify.finished')?.['result']).toMatchObject({ found: true });
  expect((await run('install', '--yes')).events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
  const upgraded = await run('install', '--yes', '--retention-days', '90', '--no-verify');
  expect(upgraded.exit, upgraded.stdout).toBe(0);
  expect((await run('status')).exit).toBe(0);
  const buckets = [...terminal.sandbox.world.account.state.s3.buckets.keys()].flatMap((name) => ['--confirm-delete-data', name]);
  const gone = await run('uninstall', '--yes', '--delete-data', ...buckets);
  expect(gone.exit, gone.stdout).toBe(0);
  expect(terminal.snapshot()).toBe(pristine);
}

describe.concurrent('other ways to the cluster', () => {
  it('a kubeconfig of the user: calls and helm go through it', async () => {
    const terminal = await openTerminal(quick);
    try {
      const mine = join(terminal.folder, 'my-kubeconfig');
      const config = JSON.parse(await readFile(terminal.sandbox.env['KUBECONFIG'] ?? '', 'utf8')) as {
        contexts: { name: string }[];
        'current-context': string;
      };
      const context = config.contexts[0]?.name ?? '';
      await writeFile(mine, JSON.stringify({ ...config, 'current-context': '' }));
      // Nobody is let in by IAM any more, so that whatever does not use the kubeconfig fails.
      for (const { accessEntries } of terminal.sandbox.world.account.state.eks.clusters.values()) accessEntries.clear();
      await life(terminal, ['--kubeconfig', 'my-kubeconfig', '--context', context]);
    } finally {
      await terminal.close();
    }
  });

  it('the context of KUBECONFIG', async () => {
    const terminal = await openTerminal(quick);
    try {
      const source = terminal.sandbox.env['KUBECONFIG'] ?? '';
      const config = JSON.parse(await readFile(source, 'utf8')) as { contexts: { name: string }[] };
      await copyFile(source, join(terminal.folder, 'other'));
      for (const { accessEntries } of terminal.sandbox.world.account.state.eks.clusters.values()) accessEntries.clear();
      const { exit, stderr } = await terminal.cli(['plan'], { env: { KUBECONFIG: join(terminal.folder, 'other') } });
      expect(exit, stderr).toBe(3);
      expect(stderr).toContain('KUBE_UNAUTHORIZED');
      const through = await terminal.cli(['plan', '--context', config.contexts[0]?.name ?? ''], { env: { KUBECONFIG: join(terminal.folder, 'other') } });
      expect(through.exit, through.stderr).toBe(0);
    } finally {
      await terminal.close();
    }
  });

  it('helm 3', async () => {
    const terminal = await openTerminal(quick);
    try {
      await life(terminal, [], { LOKI_EKS_HELM: tool('TOOLS_HELM3') });
      expect((await terminal.shell(`'${tool('TOOLS_HELM3')}' version --short`)).stdout).toMatch(/^v3\./);
    } finally {
      await terminal.close();
    }
  });
});
