import { expect, it } from 'vitest';
import { aCluster } from '../../test/support/facts.ts';
import { gatewayResolver } from './cluster-dns.ts';
import type { Facts } from './facts.ts';

const kubeDns = { namespace: 'kube-system', name: 'kube-dns', clusterIP: '172.20.0.10' };

it.each<[string, Facts['dns'], string | undefined, string | undefined]>([
  ["the chart's own choice is right", kubeDns, '172.20.0.0/16', undefined],
  ['another Service, by its address', { ...kubeDns, name: 'coredns' }, undefined, '172.20.0.10'],
  ['IPv6 in brackets, as nginx wants it', { ...kubeDns, name: 'coredns', clusterIP: 'fd30::a' }, undefined, '[fd30::a]'],
  ['no Service: the tenth address of the range', undefined, '10.100.0.0/16', '10.100.0.10'],
  ['no Service, IPv6', undefined, 'fd30:1:2::/108', '[fd30:1:2::a]'],
  ['nothing is known', undefined, undefined, undefined],
])('%s', (_, dns, serviceCidr, resolver) => expect(gatewayResolver({ dns, cluster: aCluster({ serviceCidr }) })).toBe(resolver));
