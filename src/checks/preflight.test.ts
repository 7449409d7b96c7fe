import { expect, it } from 'vitest';
import { aCluster, someFacts, someSettings } from '../../test/helpers/facts.ts';
import { templates } from '../../test/helpers/templates.ts';
import { design } from '../design/design.ts';
import { clusterDns } from './cluster-dns.ts';
import { loadBalancer } from './load-balancer.ts';

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
