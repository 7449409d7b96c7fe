/** Every write with which a failed `upgrade` takes itself back × every fault. */
import { describe, it } from 'vitest';
import { upgradeBench, undoTable } from './commands.ts';
import { report } from './report.ts';

describe('undo of an upgrade', () => {
  it('a fault at any write', async (context) => report(context, await undoTable(await upgradeBench())));
});
