import { expect, it } from 'vitest';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Pod } from '../cluster/shapes.ts';
import { createClock } from '../clock.ts';
import { createStore } from '../kube/store.ts';
import type { ObjectStore } from '../types.ts';
import { wiringOf } from './services.ts';

function pod(store: ObjectStore, name: string, address: string, ready = true): Pod {
  const labels = { app: name.replace(/-\d+$/, '') };
  const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 3100 }] }] };
  store.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'loki', labels }, spec } as KubeObject);
  store.setStatus('Pod', 'loki', name, { phase: 'Running', podIP: address, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] });
  return store.get('Pod', 'loki', name) as Pod;
}
function service(store: ObjectStore, name: string, spec: object): void {
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }];
  store.create({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'loki' }, spec: { ports, ...spec } } as KubeObject);
}

function world() {
  const store = createStore({ clock: createClock() });
  store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'loki' } } as KubeObject);
  const pods = [pod(store, 'web-0', '10.0.128.2'), pod(store, 'web-1', '10.0.128.3', false), pod(store, 'alloy-0', '10.0.128.4')];
  service(store, 'web', { clusterIP: '10.100.0.31', selector: { app: 'web' } });
  service(store, 'web-headless', { clusterIP: 'None', selector: { app: 'web' } });
  service(store, 'all', { clusterIP: 'None', selector: { app: 'web' }, publishNotReadyAddresses: true });
  service(store, 'nobody', { clusterIP: 'None', selector: { app: 'nobody' } });
  return { store, pods };
}

it('a Service leads to the ready pods behind it', () => {
  const { store, pods } = world();
  expect(wiringOf(store, pods).state.services).toEqual([{ address: '10.100.0.31', port: 80, endpoints: [{ address: '10.0.128.2', port: 3100, barred: [] }] }]);
});

it('names are those that CoreDNS gives', () => {
  const { addresses, services } = wiringOf(world().store, []).state.names;
  expect(addresses).toMatchObject({
    'web.loki.svc.cluster.local': ['10.100.0.31'],
    'web-headless.loki.svc.cluster.local': ['10.0.128.2'],
    'web-0.web-headless.loki.svc.cluster.local': ['10.0.128.2'],
    'all.loki.svc.cluster.local': ['10.0.128.2', '10.0.128.3'],
    'kubernetes.default.svc.cluster.local': ['10.100.0.1'],
  });
  // A Service without endpoints has no name, and a pod that is not ready has none of its own.
  expect(Object.keys(addresses)).not.toContain('nobody.loki.svc.cluster.local');
  expect(Object.keys(addresses)).not.toContain('web-1.web-headless.loki.svc.cluster.local');
  expect(services['_http._tcp.web-headless.loki.svc.cluster.local']).toEqual([{ target: 'web-0.web-headless.loki.svc.cluster.local', port: 3100 }]);
  expect(services['_http._tcp.web.loki.svc.cluster.local']).toEqual([{ target: 'web.loki.svc.cluster.local', port: 80 }]);
});

it('a policy that closes a pod makes it and its Service silent to the others, and opens again', () => {
  const { store, pods } = world();
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'closed', namespace: 'loki' },
    spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'], ingress: [] },
  };
  store.create(policy as unknown as KubeObject);
  const closed = wiringOf(store, pods);
  expect(closed.barriers).toContainEqual({ from: '10.0.128.4', to: '10.100.0.31' });
  expect(closed.barriers).toContainEqual({ from: '10.0.128.4', to: '10.0.128.2' });
  expect(closed.state.services[0]?.endpoints[0]?.barred).toContain('10.0.128.4');
  store.delete('NetworkPolicy', 'loki', 'closed');
  expect(wiringOf(store, pods).barriers).toEqual([]);
});
