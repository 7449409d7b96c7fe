/** Every write of `adopt`, and of `orphan` afterwards, × every fault. */
import { describe, it } from 'vitest';
import { adoptBench, orphanBench, table } from './commands.ts';
import { report } from './report.ts';

describe('adopt', () => {
  it("a fault at any write, with the guide's installation in use", async (context) => report(context, await table(await adoptBench())));
});

describe('orphan', () => {
  it('a fault at any write', async (context) => report(context, await table(await orphanBench())));
});
