/** Two hundred nodes, twenty of them tainted: each is proved, and one without a collector is named. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHouse, type House } from './house.ts';

let house: House;

beforeAll(async () => {
  console.time('open');
  house = await openHouse({ nodes: 200, gpuNodes: 20 });
  console.timeEnd('open');
});
afterAll(() => house.close());

describe('200 nodes, 20 of them tainted', () => {
  it('are all proved, with one query for all, and nothing is left', async () => {
    console.time('v');
    const { exit, result, problems } = await house.verify();
    console.timeEnd('v');
    expect(problems).toEqual([]);
    expect(exit).toBe(0);
    expect(result.counts).toMatchObject({ linux: 200, tried: 200, found: 200 });
    console.log(result.latency, result.seconds, result.proofs);
    expect(house.leftovers()).toEqual([]);
  });
});
