import { describe, expect, it } from 'vitest';
import { problem } from '../../problems/problem.ts';
import type { NodeRow } from '../../engine/types.ts';
import { latencyOf, problemsOfNodes } from './result.ts';

const found = (seconds: number): NodeRow => ({ node: `n${seconds}`, state: 'found', seconds });
const failed = (node: string): NodeRow => ({
  node,
  state: 'failed',
  problem: problem('COLLECTOR_NOT_ON_NODE', { message: `No Alloy pod runs on node ${node}` }),
});

describe('the times', () => {
  it('are by nearest rank, of lines that came back as they should', () => {
    const rows = Array.from({ length: 20 }, (_, index) => found(index + 1));
    expect(latencyOf([...rows.toReversed(), { ...failed('x'), seconds: 99 }])).toEqual({ p50: 10, p95: 19, max: 20 });
    expect(latencyOf([found(3)])).toEqual({ p50: 3, p95: 3, max: 3 });
    expect(latencyOf([failed('x')])).toBeUndefined();
  });
});

describe('the problems of nodes', () => {
  it('are one for what is wrong in the same way, and it names them', () => {
    const rows = Array.from({ length: 12 }, (_, index) => failed(`node-${index}`));
    const [one, ...others] = problemsOfNodes([...rows, found(1)]);
    expect(others).toEqual([]);
    expect(one?.message).toBe(
      'No Alloy pod runs on node node-0; the same on 11 other nodes: node-1, node-2, node-3, node-4, node-5, node-6, node-7, node-8 and 3 more',
    );
    expect(problemsOfNodes([failed('a')])[0]?.message).toBe('No Alloy pod runs on node a');
  });

  it('are told once when they have nothing to do with a node', () => {
    const down = problem('GATEWAY_NOT_READY');
    expect(problemsOfNodes(['a', 'b'].map((node) => ({ node, state: 'failed', problem: down })))).toEqual([down]);
  });
});
