/** Every write with which a failed `adopt` takes itself back × every fault. */
import { describe, it } from 'vitest';
import { adoptBench, undoTable } from './commands.ts';
import { report } from './report.ts';

describe('undo of an adoption', () => {
  it('a fault at any write', async (context) => report(context, await undoTable(await adoptBench())));
});
