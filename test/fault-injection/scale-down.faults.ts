/** Every write of an upgrade to fewer ingesters × every fault, and every write with which it takes itself back. */
import { describe, it } from 'vitest';
import { scaleDownBench, table, undoTable } from './commands.ts';
import { report } from './report.ts';

describe('scale-down', () => {
  it('a fault at any write', async (context) => report(context, await table(await scaleDownBench())));
  it('undone: a fault at any write', async (context) => report(context, await undoTable(await scaleDownBench())));
});
