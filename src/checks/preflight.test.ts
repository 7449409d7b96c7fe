import { expect, it } from 'vitest';
import { aCluster, someFacts, someSettings } from '../../test/support/facts.ts';
import { templates } from '../../test/support/templates.ts';
import { design } from '../design/design.ts';
import { clusterDns } from './cluster-dns.ts';
import { loadBalancer } from './load-balancer.ts';
import { nodesCollectable } from './nodes-collectable.ts';
import { podIdentityAgent } from './pod-identity-agent.ts';
import { podsFit } from './pods-fit.ts';
import { storageUsable } from './storage-usable.ts';

const signal = new AbortController().signal;

const dnsVerdict = (of: { readonly values?: object; readonly autoMode?: boolean }) => {
  const facts = someFacts({ dns: undefined, cluster: aCluster({ autoMode: of.autoMode ?? false }) });
  const loki = of.values ? [{ file: 'mine.yaml', values: of.values as Readonly<Record<string, unknown>> }] : [];
  return clusterDns.run({ facts, blueprint: design(someSettings(), facts, { templates, userValues: { loki, alloy: [] } }) }, signal);
};

it('no DNS Service bars the way, unless the values name a resolver or Auto Mode brings one', async () => {
  expect(await dnsVerdict({})).toMatchObject({ is: 'fail', problem: { code: 'CLUSTER_DNS_MISSING' } });
  expect(await dnsVerdict({ values: { gateway: { nginxConfig: { resolver: '10.9.9.9' } } } })).toMatchObject({ is: 'pass' });
  expect(await dnsVerdict({ autoMode: true })).toMatchObject({ is: 'pass' });
});

const balancer = (expose: string, { autoMode = false, controller = false } = {}) =>
  loadBalancer.run(
    {
      settings: someSettings({ expose }),
      facts: someFacts({ cluster: aCluster({ autoMode }) }),
      kubernetes: { get: async (ref: { name: string }) => (controller ? { apiVersion: '', kind: '', metadata: ref } : undefined) } as never,
    },
    signal,
  );

it('a load balancer that nobody would make is a warning', async () => {
  expect(await balancer('none')).toMatchObject({ is: 'skip' });
  expect(await balancer('internal')).toMatchObject({ is: 'warn', problem: { code: 'LOAD_BALANCER_CONTROLLER_MISSING' } });
  expect(await balancer('internal', { controller: true })).toMatchObject({ is: 'pass' });
  expect(await balancer('internal', { autoMode: true })).toMatchObject({ is: 'pass' });
});

/** A cluster that holds only these objects. */
const holding = (...names: readonly string[]) =>
  ({ get: async ({ name }: { name: string }) => (names.includes(name) ? { apiVersion: '', kind: '', metadata: { name } } : undefined) }) as never;

const aPod = `kind: Deployment
metadata: { name: big }
spec: { template: { spec: { containers: [{ resources: { requests: { cpu: 1, memory: 1Gi } } }] } } }`;

it.each([
  ['nodepools.karpenter.sh', 'Karpenter'],
  ['cluster-autoscaler-status', 'the cluster autoscaler'],
])('with %s, nodes that are not there yet bar nobody', async (sign, maker) => {
  const facts = someFacts({ nodes: [] });
  const blueprint = design(someSettings(), facts, { templates });
  const releases = { find: async () => undefined, render: async () => aPod } as never;
  expect(await podsFit.run({ facts, blueprint, releases, kubernetes: holding() }, signal)).toMatchObject({ is: 'fail', problem: { code: 'PODS_DO_NOT_FIT' } });
  expect(await nodesCollectable.run({ facts, kubernetes: holding() }, signal)).toMatchObject({ is: 'fail', problem: { code: 'NO_COLLECTOR_NODES' } });
  expect(await podsFit.run({ facts, blueprint, releases, kubernetes: holding(sign) }, signal)).toMatchObject({
    is: 'pass',
    detail: expect.stringContaining(maker),
  });
  expect(await nodesCollectable.run({ facts, kubernetes: holding(sign) }, signal)).toMatchObject({ is: 'pass', detail: expect.stringContaining(maker) });
});

it("Auto Mode serves its own driver's volumes, not those of one that is missing", async () => {
  const cluster = aCluster({ autoMode: true });
  const verdict = (storageClass?: string) => {
    const facts = someFacts({ cluster, csiDrivers: [] });
    return storageUsable.run({ facts, blueprint: design(someSettings({ ...(storageClass && { storageClass }) }), facts, { templates }) }, signal);
  };
  expect(await verdict()).toMatchObject({ is: 'pass' });
  expect(await verdict('gp3')).toMatchObject({ is: 'fail', problem: { code: 'STORAGE_DRIVER_MISSING' } });
});

it('takes a Pod Identity agent that was installed by hand', async () => {
  const facts = someFacts({ podIdentityAgent: undefined });
  const blueprint = design(someSettings({ identity: 'pod-identity' }), facts, { templates });
  expect(await podIdentityAgent.run({ facts, blueprint, kubernetes: holding() }, signal)).toMatchObject({ is: 'fail' });
  expect(await podIdentityAgent.run({ facts, blueprint, kubernetes: holding('eks-pod-identity-agent') }, signal)).toMatchObject({ is: 'pass' });
});
