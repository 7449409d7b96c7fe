/** Every write of `install` × every fault. */
import { describe, it } from 'vitest';
import { installBench, podIdentityBench, table } from './commands.ts';
import { report } from './report.ts';

describe('install', () => {
  it('a fault at any write', async (context) => report(context, await table(await installBench())));

  it('a fault at any write that only Pod Identity makes', async (context) => report(context, await table(await podIdentityBench())));
});
