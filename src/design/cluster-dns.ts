/** Where the gateway's nginx finds the cluster's DNS; nginx does not start without it. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Facts } from './facts.ts';

/** The resolver to set for nginx; `undefined` if the chart's own choice, Service kube-system/kube-dns, is right. */
export function gatewayResolver({ dns, cluster }: Pick<Facts, 'dns' | 'cluster'>): string | undefined {
  if (dns === undefined) return fromServiceCidr(cluster.serviceCidr);
  if (dns.namespace === 'kube-system' && dns.name === 'kube-dns') return undefined;
  if (isIPv4(dns.clusterIP)) return dns.clusterIP;
  if (isIPv6(dns.clusterIP)) return `[${dns.clusterIP}]`;
  return `${dns.name}.${dns.namespace}.svc.cluster.local.`;
}

/** EKS gives DNS the tenth address of the service range; Auto Mode serves DNS there without a Service. */
function fromServiceCidr(cidr: string | undefined): string | undefined {
  const base = cidr?.split('/')[0];
  if (base === undefined) return undefined;
  if (isIPv4(base)) return base.replace(/(?<!\d)\d+$/, (last) => String(Number(last) + 10));
  return isIPv6(base) && base.endsWith('::') ? `[${base}a]` : undefined;
}
