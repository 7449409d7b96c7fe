/** One contract, held against the sandbox always and against moto when LOKI_EKS_MOTO=1. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContractCase } from './case.ts';
import { freshName } from './case.ts';
import { bucketCases } from './cases-buckets.ts';
import { eksCases } from './cases-eks.ts';
import { iamCases } from './cases-iam.ts';
import { objectCases } from './cases-objects.ts';
import type { Difference } from './known-differences.ts';
import { motoDiffers } from './known-differences.ts';
import type { Target } from './target.ts';
import { clientsOf, startMoto, startSandbox } from './target.ts';

const contract: readonly ContractCase[] = [...bucketCases, ...objectCases, ...iamCases, ...eksCases];
const withMoto = process.env['LOKI_EKS_MOTO'] === '1';

hold('sandbox', startSandbox, {});
if (withMoto) hold('moto', startMoto, motoDiffers);

describe('the list of known differences', () => {
  it('names cases that exist', () => {
    const names = contract.map((one) => one.name);
    expect(Object.keys(motoDiffers).filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });
});

function hold(name: string, start: () => Promise<Target>, differs: Readonly<Record<string, Difference>>): void {
  describe(name, () => {
    let target: Target;
    beforeAll(async () => {
      target = await start();
    });
    afterAll(() => target?.close());
    for (const one of contract) {
      const known = differs[one.name];
      const title = known === undefined ? one.name : `${one.name} (differs: ${known.why})`;
      it(title, async () => {
        const api = { ...clientsOf(target), target, name: freshName };
        const observed = await (known === undefined ? one.observe(api) : one.observe(api).catch((error: Error) => error.name));
        expect(observed).toEqual(known === undefined ? one.expected : known.seen);
      });
    }
  });
}
