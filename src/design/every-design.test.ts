import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { aCluster, aNode, someFacts, someSettings } from '../../test/support/facts.ts';
import { templates } from '../../test/support/templates.ts';
import { design } from './design.ts';
import type { NodeFact } from './facts.ts';
import { unknownKeys } from './keys.ts';
import { longestPrefix } from './names.ts';

const places = fc.constantFrom(
  ['aws', 'us-east-1'],
  ['aws', 'ap-northeast-2'],
  ['aws', 'me-central-1'],
  ['aws-cn', 'cn-northwest-1'],
  ['aws-us-gov', 'us-gov-west-1'],
);
const nodes = fc.array(
  fc.record<Partial<NodeFact>>({
    kind: fc.constantFrom('ec2', 'auto', 'fargate', 'hybrid'),
    os: fc.constantFrom('linux', 'windows'),
    taints: fc.array(
      fc.record({ key: fc.constantFrom('nvidia.com/gpu', 'node.kubernetes.io/not-ready'), effect: fc.constantFrom('NoSchedule', 'PreferNoSchedule') }),
      {
        maxLength: 1,
      },
    ),
  }),
  { maxLength: 8 },
);
const worlds = fc.record({
  place: places,
  nodes,
  autoMode: fc.boolean(),
  serviceMonitors: fc.boolean(),
  cluster: fc.stringMatching(/^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/),
  classes: fc.subarray(someFacts().storageClasses as []),
  flags: fc.record(
    {
      size: fc.constantFrom('small', 'medium', 'large'),
      identity: fc.constantFrom('irsa', 'pod-identity'),
      expose: fc.constantFrom('none', 'internal'),
      bucketNamespace: fc.constantFrom('account-regional', 'global'),
      retentionDays: fc.integer({ min: 1, max: 3650 }),
      tenant: fc.stringMatching(/^[A-Za-z0-9!\-_*'()]{1,150}$/),
      clusterLabel: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$/),
      namespace: fc.constantFrom('loki', 'a', 'x'.repeat(63)),
    },
    { requiredKeys: [] },
  ),
});

it('whatever is allowed, every name fits, every key is known, and nothing is left to fill in', () => {
  fc.assert(
    fc.property(worlds, ({ place: [partition, region], nodes: kinds, autoMode, serviceMonitors, cluster: name, classes, flags }) => {
      const cluster = { ...aCluster({ partition, region, autoMode }), name, arn: `arn:${partition}:eks:${region}:111122223333:cluster/${name}` };
      const facts = someFacts({
        partition,
        region,
        cluster,
        serviceMonitors,
        storageClasses: classes,
        nodes: kinds.map((kind, index) => aNode(`node-${index}`, kind)),
      });
      const bucketPrefix = 'p'.repeat(longestPrefix({ bucketNamespace: flags.bucketNamespace ?? 'account-regional', region }));
      const blueprint = design(someSettings({ ...flags, bucketPrefix, region }), facts, { templates });
      for (const bucket of Object.values(blueprint.buckets)) expect(bucket.name).toMatch(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/);
      expect(blueprint.role.name.length).toBeLessThanOrEqual(64);
      expect(JSON.stringify(blueprint.role.trust).length).toBeLessThanOrEqual(2048);
      for (const value of Object.values(blueprint.role.tags)) expect(value.length).toBeLessThanOrEqual(256);
      for (const value of Object.values(blueprint.ownership.labels)) expect(value.length).toBeLessThanOrEqual(63);
      for (const release of ['loki', 'alloy'] as const)
        expect(unknownKeys(blueprint[release].values, facts.charts[release] as { name: 'loki'; version: string })).toEqual([]);
      expect(JSON.stringify(blueprint)).not.toMatch(/\$\{|undefined|\[object/);
      const { replicas } = (blueprint.loki.values as { ingester: { replicas: number } }).ingester;
      expect(replicas).toBeGreaterThanOrEqual(
        (blueprint.loki.values as { loki: { commonConfig: { replication_factor: number } } }).loki.commonConfig.replication_factor,
      );
    }),
    { numRuns: 150 },
  );
});
