/** Every write with which a failed `install` takes itself back × every fault. */
import { describe, it } from 'vitest';
import { installBench, undoTable } from './commands.ts';
import { report } from './report.ts';

describe('undo of an install', () => {
  it('a fault at any write', async (context) => report(context, await undoTable(await installBench())));
});
