/** Two hundred nodes, twenty of them tainted: each is proved, and one without a collector is named. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { paint } from '../../src/ui/colour.ts';
import { verifyLines } from '../../src/ui/verify-report.ts';
import { openHarness, type Harness } from './harness.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await openHarness({ nodes: 200, gpuNodes: 20 });
});
afterAll(() => harness.close());

const page = (result: any) => verifyLines(result, { columns: 100, paint: paint(false) });

describe('200 nodes, 20 of them tainted', () => {
  it('are all proved with one query, and nothing is left', async () => {
    const { exit, result, problems, queries } = await harness.verify();
    expect(problems).toEqual([]);
    expect(exit).toBe(0);
    expect(result.counts).toEqual({ linux: 200, tried: 200, found: 200, failed: 0, passedOver: 0, sampled: false });
    expect(result.nodes.filter(({ taints, state }: any) => taints && state === 'found')).toHaveLength(20);
    const { p50, p95, max } = result.latency;
    expect(p50 > 0 && p50 <= p95 && p95 <= max).toBe(true);
    // One for all nodes, and that of the proof of the tenant.
    expect([...queries].map((text) => text.replace(/[0-9a-f]{10,}/g, 'TOKEN')).toSorted()).toEqual([
      '{namespace="loki", container="verify"} |= "TOKEN/"',
      '{namespace="loki", pod="loki-eks-verify-TOKEN-0"} |= "TOKEN"',
    ]);
    expect(harness.leftovers()).toEqual([]);
    expect(page(result).length).toBeLessThan(40);
    expect(page(result)).toContain('    and 195 faster nodes');
  });

  it('one without a collector is named first, and why; the others are proved', async () => {
    const bare = harness.world.store.list('Node')[123] as KubeObject;
    const { name } = bare.metadata;
    harness.world.store.update({ ...bare, metadata: { ...bare.metadata, labels: { ...bare.metadata.labels, 'kubernetes.io/os': 'other' } } });
    const { exit, result, problems } = await harness.verify({ proofs: ['lines'] });
    expect(exit).toBe(6);
    expect(problems.map(({ code, message }) => ({ code, message }))).toEqual([{ code: 'COLLECTOR_NOT_ON_NODE', message: `No Alloy pod runs on node ${name}` }]);
    expect(result.counts).toMatchObject({ tried: 200, found: 199, failed: 1 });
    expect(page(result).find((line) => line.startsWith('  ✖'))).toContain(name);
    expect(harness.leftovers()).toEqual([]);
  });
});
