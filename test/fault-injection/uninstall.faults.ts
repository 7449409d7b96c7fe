/** Every write of `uninstall` × every fault. */
import { describe, it } from 'vitest';
import { keepingUninstallBench, table, uninstallBench } from './commands.ts';
import { report } from './report.ts';

describe('uninstall', () => {
  it('a fault at any write, with both buckets named', async (context) => report(context, await table(await uninstallBench())));
  it('a fault at any write, with the logs kept', async (context) => report(context, await table(await keepingUninstallBench())));
});
