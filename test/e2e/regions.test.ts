/** Regions that differ: the plain one, the one without a location constraint, and two other partitions. */
import { describe, expect, it } from 'vitest';
import { openTerminal } from '../support/sandbox-cli.ts';

describe.each([
  ['ap-northeast-2', 'aws'],
  ['us-east-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
] as const)('%s', (region, partition) => {
  it('installs, proves, and leaves the account as it was', async () => {
    const terminal = await openTerminal({ region });
    try {
      const pristine = terminal.snapshot();
      const installed = await terminal.cli(['install', '--yes', '--output', 'json']);
      expect(installed.exit, installed.stdout + installed.stderr).toBe(0);
      expect(installed.events.find(({ type }) => type === 'verify.finished')?.['result']).toMatchObject({ found: true });
      const world = terminal.snapshot();
      expect(world).toContain(`arn:${partition}:s3:::loki-chunks-`);
      expect(world).toContain('"sts:AssumeRoleWithWebIdentity"');
      expect(world).toContain('sts.amazonaws.com');
      const { account } = JSON.parse(world) as { account: { s3: Record<string, { region: string }> } };
      expect(Object.values(account.s3).map((bucket) => bucket.region)).toEqual([region, region]);
      const named = Object.keys(account.s3).flatMap((name) => ['--confirm-delete-data', name]);
      const gone = await terminal.cli(['uninstall', '--yes', '--delete-data', ...named]);
      expect(gone.exit, gone.stderr).toBe(0);
      expect(terminal.snapshot()).toBe(pristine);
    } finally {
      await terminal.close();
    }
  });
});
