/** nginx in the gateway starts only when its resolver resolves. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

export const clusterDns: Check<Pick<CheckContext, 'facts'>> = {
  id: 'kube.cluster-dns',
  title: 'The cluster has DNS for the gateway',
  at: ['preflight'],
  async run({ facts: { dns, cluster } }) {
    if (dns) return { is: 'pass', saw: `${dns.namespace}/${dns.name} ${dns.clusterIP}` };
    if (cluster.autoMode && cluster.serviceCidr) return { is: 'pass', saw: `Auto Mode, service CIDR ${cluster.serviceCidr}` };
    return { is: 'fail', problem: problem('CLUSTER_DNS_MISSING') };
  },
};
