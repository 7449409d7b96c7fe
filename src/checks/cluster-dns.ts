/** The resolver of the gateway's nginx resolves; nginx does not start without it. */
import { gatewayResolver } from '../design/cluster-dns.ts';
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

export const clusterDns: Check<Pick<CheckContext, 'facts' | 'blueprint'>> = {
  id: 'kube.cluster-dns',
  title: 'Cluster DNS is available to the gateway',
  at: ['preflight'],
  async run({ facts, blueprint }) {
    const { dns, cluster } = facts;
    if (dns) return { is: 'pass', detail: `${dns.namespace}/${dns.name} ${dns.clusterIP}` };
    if (cluster.autoMode && cluster.serviceCidr) return { is: 'pass', detail: `Auto Mode, service CIDR ${cluster.serviceCidr}` };
    const { gateway } = blueprint.loki.values as { readonly gateway?: { readonly nginxConfig?: { readonly resolver?: unknown } } };
    const resolver = gateway?.nginxConfig?.resolver;
    // A resolver that differs from the design's choice was set by the user, who knows better.
    if (typeof resolver === 'string' && resolver !== gatewayResolver(facts)) return { is: 'pass', detail: `${resolver}, from your values` };
    return { is: 'fail', problem: problem('CLUSTER_DNS_MISSING') };
  },
};
