import { describe, expect, it } from 'vitest';
import { aNode } from '../../test/support/facts.ts';
import { components, isForLoki, sizing, spreadNodes } from './sizes.ts';

describe('sizing', () => {
  it.each([
    [1, 1, 1, []],
    [2, 1, 2, []],
    [3, 3, 3, ['ingester']],
    [30, 3, 3, ['ingester']],
  ])('on %i nodes: copies %i, ingesters %i', (nodes, copies, ingesters, apart) => {
    const { replicationFactor, shares, apart: separate } = sizing('small', nodes);
    expect([replicationFactor, shares.ingester.replicas, separate]).toEqual([copies, ingesters, apart]);
  });

  it('six ingesters on three nodes may share one', () => {
    expect(sizing('large', 3).apart).toEqual([]);
    expect(sizing('large', 6).apart).toEqual(['ingester']);
  });

  it('no part has more replicas than there are nodes when there are few, and none has none', () => {
    for (const size of ['small', 'medium', 'large'] as const) {
      for (const nodes of [0, 1, 2])
        for (const component of components)
          expect(sizing(size, nodes).shares[component].replicas).toBe(Math.min(sizing(size, 3).shares[component].replicas, Math.max(1, nodes)));
    }
  });

  it('the write-ahead log is replayed within three quarters of the memory limit', () => {
    for (const size of ['small', 'medium', 'large'] as const) {
      const { shares, walReplayCeiling } = sizing(size, 3);
      expect(walReplayCeiling).toBe(`${Number.parseInt(shares.ingester.limit, 10) * 768}MB`);
    }
  });
});

describe('spreadNodes', () => {
  it('counts by what a node is, not by how it is just now', () => {
    const taint = (key: string, effect = 'NoSchedule') => ({ taints: [{ key, effect }] });
    expect(isForLoki(aNode('a', { ready: false, unschedulable: true, ...taint('node.kubernetes.io/unschedulable') }))).toBe(true);
    expect(isForLoki(aNode('a', taint('nvidia.com/gpu')))).toBe(false);
    expect(isForLoki(aNode('a', taint('spot', 'PreferNoSchedule')))).toBe(true);
    for (const over of [{ os: 'windows' }, { kind: 'fargate' }, { kind: 'hybrid' }] as const) expect(isForLoki(aNode('a', over))).toBe(false);
    expect(isForLoki(aNode('a', { kind: 'auto' }))).toBe(true);
  });

  it('Auto Mode always has enough', () => {
    expect(spreadNodes([], true)).toBe(3);
    expect(spreadNodes([], false)).toBe(0);
    expect(spreadNodes([aNode('a'), aNode('b')], false)).toBe(2);
  });
});
