/** No value of ours is one that the chart ignores: change any single leaf, and what the real chart renders changes too. */
import { describe, expect, it } from 'vitest';
import { design } from '../../src/design/design.ts';
import { unknownKeys } from '../../src/design/keys.ts';
import { isMap, type Values } from '../../src/design/merge.ts';
import { someFacts, someSettings, threeNodes } from '../support/facts.ts';
import { templates } from '../support/templates.ts';
import { manifestsOrRefusal } from './render.ts';

type Path = readonly (string | number)[];

function* leaves(node: unknown, path: Path = []): Generator<Path> {
  if (Array.isArray(node)) for (const [index, item] of node.entries()) yield* leaves(item, [...path, index]);
  else if (isMap(node)) for (const [key, value] of Object.entries(node)) yield* leaves(value, [...path, key]);
  else yield path;
}

function changed(node: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return another(node);
  const copy: any = Array.isArray(node) ? [...node] : { ...(node as object) };
  copy[key] = changed(copy[key], rest);
  return copy;
}

function another(leaf: unknown): unknown {
  if (typeof leaf === 'boolean') return !leaf;
  if (typeof leaf === 'number') return leaf + 1;
  if (leaf === null) return [];
  return `${String(leaf)}x`;
}

const certificate = 'arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-0000-0000-000000000000';
const blueprints = {
  full: design(
    someSettings({ alertmanagerUrl: 'http://alertmanager:9093', expose: 'public', allowCidr: ['203.0.113.0/24'], certificate }),
    someFacts({ serviceMonitors: true, dns: { namespace: 'kube-system', name: 'coredns', clusterIP: '172.20.0.10' } }),
    { templates },
  ),
  'two nodes, no monitoring': design(someSettings(), someFacts({ nodes: threeNodes.slice(0, 2) }), { templates }),
};

describe.each(Object.entries(blueprints))('%s', (_, blueprint) => {
  it.each(['loki', 'alloy'] as const)('%s: every leaf has an effect', { timeout: 400_000 }, async (chart) => {
    const { namespace, values } = blueprint[chart];
    const before = await manifestsOrRefusal({ chart, namespace, values });
    expect(before).not.toMatch(/^refused/);
    const paths = [...leaves(values)];
    expect(paths.length).toBeGreaterThan(chart === 'loki' ? 100 : 30);
    const idle: string[] = [];
    const next = async (): Promise<void> => {
      for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
        const after = await manifestsOrRefusal({ chart, namespace, values: changed(values, path) as Values });
        if (after === before) idle.push(path.join('.'));
      }
    };
    await Promise.all([next(), next()]);
    expect(idle).toEqual([]);
  });

  it.each(['loki', 'alloy'] as const)('%s: every key is one the chart is known to know', (chart) => {
    const {
      chart: { version },
      values,
    } = blueprint[chart];
    expect(unknownKeys(values, { name: chart, version })).toEqual([]);
  });
});
