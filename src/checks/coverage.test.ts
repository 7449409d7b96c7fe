import { expect, it } from 'vitest';
import { design } from '../design/design.ts';
import type { Row } from '../ports/kubernetes.ts';
import { someFacts, someSettings } from '../../test/support/facts.ts';
import { templates } from '../../test/support/templates.ts';
import { clusterOf } from '../../test/support/cluster-objects.ts';
import { coverage } from './coverage.ts';

const blueprint = design(someSettings(), someFacts(), { templates });
const nodes: readonly (Row & { readonly labels: string })[] = [
  { Name: 'a', Status: 'Ready', labels: 'linux' },
  { Name: 'b', Status: 'Ready,SchedulingDisabled', labels: 'linux' },
  { Name: 'c', Status: 'NotReady', labels: 'linux' },
  { Name: 'd', Status: 'Ready', labels: 'linux' },
  { Name: 'f', Status: 'Ready', labels: '=fargate' },
];
const pods: readonly Row[] = [
  { Name: 'alloy-1', Ready: '2/2', Status: 'Running', Node: 'a' },
  { Name: 'alloy-2', Ready: '1/2', Status: 'Running', Node: 'b' },
  { Name: 'alloy-3', Ready: '2/2', Status: 'Terminating', Node: 'd' },
];

it('counts the nodes without a collector that runs whole', async () => {
  const table = async ({ kind, labels = '' }: { readonly kind: string; readonly labels?: string }) =>
    kind === 'Pod' ? pods : nodes.filter((node) => labels.replace('!=fargate', '').includes(node.labels));
  expect(await coverage({ kubernetes: clusterOf([], { table }).kubernetes, blueprint })).toEqual({
    linux: 3,
    withCollector: 1,
    without: ['b', 'd'],
    fargate: 1,
    windows: 0,
  });
});
