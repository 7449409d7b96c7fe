import { describe, expect, it } from 'vitest';
import type { NodeFact } from '../../design/facts.ts';
import { aNode } from '../../../test/support/facts.ts';
import { chooseNodes } from './probe-nodes.ts';

const taint = (key: string, value = 'true') => [{ key, value, effect: 'NoSchedule' }];
const many = (count: number, of: (index: number) => Partial<NodeFact> = () => ({})): readonly NodeFact[] =>
  Array.from({ length: count }, (_, index) => aNode(`node-${String(index).padStart(3, '0')}`, { zone: `zone-${'abc'[index % 3]}`, ...of(index) }));
const namesOf = (nodes: readonly NodeFact[]) => nodes.map(({ name }) => name);

describe('all nodes', () => {
  it('are every Linux node that is ready, tainted and cordoned ones too; the others are named', () => {
    const nodes = [
      aNode('plain'),
      aNode('gpu', { gpu: true, taints: taint('nvidia.com/gpu') }),
      aNode('cordoned', { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }),
      aNode('auto', { kind: 'auto' }),
      aNode('down', { ready: false }),
      aNode('fargate', { kind: 'fargate' }),
      aNode('windows', { os: 'windows' }),
      aNode('virtual', { labels: { type: 'virtual-kubelet' } }),
    ];
    const { chosen, passed, provable } = chooseNodes(nodes, {});
    expect(namesOf(chosen)).toEqual(['auto', 'cordoned', 'gpu', 'plain']);
    expect(provable).toBe(4);
    expect(passed).toEqual([
      { node: 'down', why: 'not ready, no pod can start there' },
      { node: 'fargate', why: 'Fargate, which runs no DaemonSets' },
      { node: 'windows', why: 'Windows' },
      { node: 'virtual', why: 'virtual node, which has no log files' },
    ]);
  });
});

describe('a sample', () => {
  const nodes = [...many(90), ...many(10, () => ({ gpu: true, taints: taint('nvidia.com/gpu') })).map((node) => ({ ...node, name: `gpu-${node.name}` }))];

  it('is the same whatever the order', () => {
    const [one, other] = [chooseNodes(nodes, { sample: 10 }), chooseNodes(nodes.toReversed(), { sample: 10 })];
    expect(namesOf(one.chosen)).toEqual(namesOf(other.chosen));
    expect(one).toMatchObject({ provable: 100 });
  });

  it('has each kind in proportion, and each zone', () => {
    const { chosen } = chooseNodes(nodes, { sample: 20 });
    expect(chosen).toHaveLength(20);
    expect(chosen.filter(({ gpu }) => gpu)).toHaveLength(2);
    expect(new Set(chosen.map(({ zone }) => zone))).toEqual(new Set(['zone-a', 'zone-b', 'zone-c']));
  });

  it('leaves out no kind and no taint, however small it is', () => {
    const kinds = [...many(50), aNode('arm', { arch: 'arm64' }), aNode('one', { taints: taint('team') }), aNode('two', { taints: taint('spot') })];
    const names = namesOf(chooseNodes(kinds, { sample: 2 }).chosen);
    expect(names).toHaveLength(4);
    expect(names).toEqual(expect.arrayContaining(['arm', 'one', 'two']));
  });

  it('takes values of taints, and taints that pass, for no kind of their own', () => {
    const teams = many(30, (index) => ({ taints: taint('team', `team-${index}`) }));
    const passing = many(1, () => ({ taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] })).map((node) => ({
      ...node,
      name: 'passing',
    }));
    expect(chooseNodes([...teams, ...passing], { sample: 3 }).chosen).toHaveLength(3);
  });

  it('of more than there are is all', () => {
    expect(chooseNodes(nodes, { sample: 1000 }).chosen).toHaveLength(100);
  });
});

describe('chosen ones', () => {
  const nodes = [aNode('ip-10-0-0-1'), aNode('ip-10-0-0-2', { ready: false }), aNode('fargate', { kind: 'fargate' })];

  it('are those and no others, also one that is not ready: that it can not be proved is the answer then', () => {
    expect(namesOf(chooseNodes(nodes, { names: ['ip-10-0-0-2', 'ip-10-0-0-2'] }).chosen)).toEqual(['ip-10-0-0-2']);
  });

  it('must be there', () => {
    expect(() => chooseNodes(nodes, { names: ['ip-10-0-0-11'] })).toThrow('There is no node "ip-10-0-0-11" in this cluster');
    expect(() => chooseNodes(nodes, { names: ['fargate'] })).toThrow("Node fargate can't be proved: Fargate, which runs no DaemonSets");
  });
});
