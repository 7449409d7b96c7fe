/** The load balancer in front of the gateway: a separate Service, so that the in-cluster one stays unchanged. */
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Facts } from './facts.ts';
import { exposedService, lokiRelease } from './names.ts';
import type { Settings } from './settings-type.ts';

/** The port nginx listens on in the gateway's pods. */
export const gatewayPort = 8080;
export const gatewayLabels = {
  'app.kubernetes.io/name': 'loki',
  'app.kubernetes.io/instance': lokiRelease,
  'app.kubernetes.io/component': 'gateway',
} as const;

const annotation = (name: string) => `service.beta.kubernetes.io/aws-load-balancer-${name}`;

/**
 * Nothing with `expose: none`. The class selects the controller that creates the load balancer, because without one it is internal on one
 * cluster and public on another.
 */
export function exposureService({ settings, facts }: { readonly settings: Settings; readonly facts: Facts }): KubeObject | undefined {
  const { expose, certificate, allowCidr, namespace } = settings;
  if (expose === 'none') return undefined;
  const tls = certificate !== undefined;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: exposedService,
      namespace,
      labels: { ...gatewayLabels, 'app.kubernetes.io/component': 'gateway-exposed' },
      annotations: {
        [annotation('type')]: 'external',
        [annotation('scheme')]: expose === 'public' ? 'internet-facing' : 'internal',
        [annotation('nlb-target-type')]: 'ip',
        [annotation('backend-protocol')]: 'tcp',
        [annotation('healthcheck-protocol')]: 'http',
        [annotation('healthcheck-port')]: String(gatewayPort),
        [annotation('healthcheck-path')]: '/',
        ...(tls && {
          [annotation('ssl-cert')]: certificate,
          [annotation('ssl-ports')]: '443',
          [annotation('ssl-negotiation-policy')]: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
        }),
      },
    },
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: facts.cluster.autoMode ? 'eks.amazonaws.com/nlb' : 'service.k8s.aws/nlb',
      ...(allowCidr.length > 0 && { loadBalancerSourceRanges: [...allowCidr] }),
      ports: [{ name: tls ? 'https' : 'http', port: tls ? 443 : 80, targetPort: gatewayPort, protocol: 'TCP' }],
      selector: gatewayLabels,
    },
  };
}
