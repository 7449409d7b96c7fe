/** Faults of the network between pods: policies, a mesh, a node. */
import type { Doc } from '../kube/document.ts';
import { type ClusterFault, LOKI_LABEL, part, templateOf } from './fault-api.ts';

export const networkBreaks: readonly ClusterFault[] = [
  {
    name: 'istio',
    hop: 's3',
    does: 'A service mesh has put its proxy into the pods of Loki, and lets nothing out of the cluster.',
    make: (api) => {
      const proxy = { name: 'istio-proxy', image: 'docker.io/istio/proxyv2:1.24.0', args: ['proxy', 'sidecar'] };
      for (const kind of ['Deployment', 'StatefulSet'])
        api.change({ kind, selector: LOKI_LABEL }, (workload) => {
          const component = workload['metadata'].labels['app.kubernetes.io/component'] as string;
          if (/gateway|cache/.test(component)) return false;
          const template = templateOf(workload);
          template['containers'] = [...(template['containers'] as Doc[]), proxy];
        });
      api.inject({ network: [{ component: 'loki', to: '*.amazonaws.com', error: 'context deadline exceeded' }] });
    },
  },
  {
    name: 'networkpolicy',
    hop: 'gateway',
    does: 'A NetworkPolicy admits only pods with a label that the collectors do not have.',
    make: (api) =>
      api.change(part('Deployment', 'gateway'), ({ metadata, spec }) => {
        const from = [{ namespaceSelector: {}, podSelector: { matchLabels: { 'app.kubernetes.io/name': 'promtail' } } }];
        api.create({
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicy',
          metadata: { name: 'gateway-ingress', namespace: metadata.namespace },
          spec: { podSelector: { matchLabels: spec.selector.matchLabels }, policyTypes: ['Ingress'], ingress: [{ from }] },
        } as never);
        return false;
      }),
  },
  {
    name: 'node-network',
    hop: 'alloy-push',
    does: 'From one node the gateway is not reached: its security group leaves it out.',
    make: (api) => {
      const node = api.place.store.list('Node').at(-1)?.metadata.name ?? '';
      api.inject({ network: [{ component: 'alloy', node, to: '*', error: 'context deadline exceeded' }] });
    },
  },
];
