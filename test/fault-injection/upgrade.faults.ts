/** Every write of `upgrade` × every fault. */
import { describe, it } from 'vitest';
import { upgradeBench, table } from './commands.ts';
import { report } from './report.ts';

describe('upgrade', () => {
  it('a fault at any write', async (context) => report(context, await table(await upgradeBench())));
});
