import { expect, it } from 'vitest';
import { design } from '../design/design.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { aNode, someFacts, someSettings, threeNodes } from '../../test/support/facts.ts';
import { templates } from '../../test/support/templates.ts';
import { spreadInUse } from './running-loki.ts';

const nodes = (count: number) => Array.from({ length: count }, (_, n) => aNode(`node-${n}`));

/** The charts' rendering of a blueprint, reduced to the layout. */
function running(count: number, size: 'small' | 'large'): ReadonlyMap<string, KubeObject> {
  const { values } = design(someSettings({ size }), someFacts({ nodes: nodes(count) }), { templates }).loki;
  const { ingester, loki } = values as {
    ingester: { replicas: number; affinity?: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: null } } };
    loki: { commonConfig: { replication_factor: number } };
  };
  // The chart requires different nodes unless our values remove that.
  const required = ingester.affinity ? [] : [{ topologyKey: 'kubernetes.io/hostname' }];
  const template = { spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } } };
  const config = `common:\n  path_prefix: /var/loki\n  replication_factor: ${loki.commonConfig.replication_factor}\n`;
  return new Map<string, KubeObject>([
    ['loki-ingester', { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'loki-ingester' }, spec: { replicas: ingester.replicas, template } }],
    ['loki', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'loki' }, data: { 'config.yaml': config } }],
  ]);
}

it.each([
  [1, 'small'],
  [2, 'small'],
  [3, 'small'],
  [4, 'large'],
  [9, 'large'],
] as const)('nodes that go away do not change what %i nodes (%s) were given', async (count, size) => {
  const found = running(count, size);
  const installedSpread = await spreadInUse({ get: async ({ name }) => found.get(name) }, 'loki');
  const values = (over: object) => design(someSettings({ size }), someFacts(over), { templates }).loki.values;
  expect(values({ nodes: nodes(1), installedSpread })).toEqual(values({ nodes: nodes(count) }));
});

it('nodes that come are used', async () => {
  const { notes = [], loki } = design(someSettings(), someFacts({ nodes: threeNodes, installedSpread: 1 }), { templates });
  expect(loki.values).toMatchObject({ loki: { commonConfig: { replication_factor: 3 } } });
  expect(notes.join()).not.toContain('laid out');
});

it('says that the layout stays', () => {
  const { notes = [] } = design(someSettings(), someFacts({ nodes: nodes(2), installedSpread: 3 }), { templates });
  expect(notes).toContain('Loki stays sized for 3 nodes, although only 2 can run it now.');
});

it('without an installed Loki there is no layout to keep', async () => {
  expect(await spreadInUse({ get: async () => undefined }, 'loki')).toBeUndefined();
});
