/** Faults of the gateway: logins and tenants. */
import { type ClusterFault, changeNginx, changePipeline, GATEWAY, LOKI_LABEL } from './fault-api.ts';

const NOBODY = Buffer.from('somebody:{PLAIN}else\n').toString('base64');

export const gatewayBreaks: readonly ClusterFault[] = [
  {
    name: 'gateway-dns',
    hop: 'gateway',
    does: "nginx asks a resolver that is not the cluster's.",
    make: (api) => {
      changeNginx(api, (text) => text.replace(/^(\s*resolver\s+)\S+;/m, '$1kube-dns.dns-system.svc.cluster.local.;'));
      // A running nginx does not resolve it again; all gateway pods restart when their nodes are replaced.
      api.kill(GATEWAY);
    },
  },
  {
    name: 'gateway-auth',
    hop: 'gateway',
    does: 'The gateway has the credentials of another installation.',
    make: (api) =>
      api.change({ kind: 'Secret' }, ({ data }) => {
        if (data?.['.htpasswd'] === undefined) return false;
        data['.htpasswd'] = NOBODY;
      }),
  },
  {
    name: 'loadbalancer',
    hop: 'gateway',
    does: "The gateway's load balancer finds no subnet and gets no address.",
    make: (api) => {
      const service = { kind: 'Service', selector: `${LOKI_LABEL},app.kubernetes.io/component=gateway` };
      api.inject({
        status: [{ ...service, patch: { loadBalancer: { ingress: null } } }],
        objects: [{ ...service, patch: { spec: { type: 'LoadBalancer' } } }],
        events: [
          {
            about: service,
            reason: 'FailedBuildModel',
            message:
              'Failed build model due to unable to resolve at least one subnet: could not find any suitable subnets for creating the ELB (0 match VPC and tags: [kubernetes.io/role/elb])',
            count: 7,
          },
        ],
      });
    },
  },
  {
    name: 'tenant-missing',
    hop: 'tenant-write',
    does: 'Neither the collector nor the gateway names a tenant.',
    make: (api) => {
      changeNginx(api, (text) => text.replace(/^.*proxy_set_header X-Scope-OrgID.*$/gim, ''));
      changePipeline(api, (text) => text.replace(/^.*tenant_id.*$/m, ''));
    },
  },
];
