/** Every write of `uninstall` × every fault. */
import { describe, it } from 'vitest';
import { uninstallBench, table } from './commands.ts';
import { report } from './report.ts';

describe('uninstall', () => {
  it('a fault at any write', async (context) => report(context, await table(await uninstallBench())));
});
