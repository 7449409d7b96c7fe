/** The Endpoints, EndpointSlice and load-balancer controllers: which pods a Service routes to. */
import { randomInt } from 'node:crypto';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { type ClusterParts, controlledBy, splitKey, templateHash } from './parts.ts';
import { selectsByMap } from './selector.ts';
import { isFinished, isReady, type Labels, type Pod } from './shapes.ts';

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
}
interface Service extends KubeObject {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly selector?: Labels;
    readonly ports?: readonly ServicePort[];
    readonly publishNotReadyAddresses?: boolean;
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly unknown[] } };
}

const FROM = 'service-controller';

export function reconcileService(parts: ClusterParts, of: string, region: string): void {
  const { namespace, name } = splitKey(of);
  const service = parts.store.get('Service', namespace, name) as Service | undefined;
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) return;
  balance(parts, service, region);
  if (service.spec.selector === undefined || Object.keys(service.spec.selector).length === 0) return;
  const members = parts.pods
    .inNamespace(namespace)
    .filter(
      (pod) =>
        selectsByMap(service.spec.selector, pod.metadata.labels) &&
        pod.status?.podIP !== undefined &&
        !isFinished(pod) &&
        pod.metadata.deletionTimestamp === undefined,
    );
  const sorted = [...members].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  writeEndpoints(parts, service, sorted);
  writeSlice(parts, service, sorted);
}

/** EndpointSlices are deleted with their owner; Endpoints have none. */
export function dropEndpoints(parts: ClusterParts, of: string): void {
  const { namespace, name } = splitKey(of);
  if (parts.store.get('Endpoints', namespace, name) !== undefined) parts.store.delete('Endpoints', namespace, name);
}

/** The in-tree controller's name for a load balancer: an `a`, the uid, and the region's ELB domain. */
function balance(parts: ClusterParts, service: Service, region: string): void {
  const stands = (service.status?.loadBalancer?.ingress ?? []).length > 0;
  if (stands && service.spec.type !== 'LoadBalancer') {
    parts.store.setStatus('Service', service.metadata.namespace, service.metadata.name, { loadBalancer: {} });
    parts.tell({ about: service, type: 'Normal', reason: 'DeletedLoadBalancer', message: 'Deleted load balancer', from: FROM });
  }
  if (stands || service.spec.type !== 'LoadBalancer') return;
  const id = `a${(service.metadata.uid ?? '').replaceAll('-', '').slice(0, 31)}`;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const hostname = `${id}-${randomInt(100_000_000, 2_000_000_000)}.${region}.elb.${suffix}`;
  parts.store.setStatus('Service', service.metadata.namespace, service.metadata.name, { loadBalancer: { ingress: [{ hostname }] } });
  parts.tell({ about: service, type: 'Normal', reason: 'EnsuringLoadBalancer', message: 'Ensuring load balancer', from: FROM });
  parts.tell({ about: service, type: 'Normal', reason: 'EnsuredLoadBalancer', message: 'Ensured load balancer', from: FROM });
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  if (/^\d+$/.test(target)) return Number(target);
  return pod.spec.containers.flatMap((container) => container.ports ?? []).find((candidate) => candidate.name === target)?.containerPort;
}

function portsFor(service: Service, pod: Pod | undefined) {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = pod === undefined ? undefined : targetPort(port, pod);
    return number === undefined ? [] : [{ ...(port.name !== undefined && { name: port.name }), port: number, protocol: port.protocol ?? 'TCP' }];
  });
}

function labelsOf(service: Service): Labels {
  const headless: Labels = service.spec.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {};
  return { ...service.metadata.labels, ...headless };
}

function put(parts: ClusterParts, wanted: KubeObject): void {
  const before = parts.store.get(wanted.kind, wanted.metadata.namespace, wanted.metadata.name);
  if (before === undefined) parts.store.create(wanted);
  else {
    const { metadata: _, ...content } = wanted;
    if (Object.entries(content).some(([field, value]) => JSON.stringify(before[field]) !== JSON.stringify(value)))
      parts.store.update({ ...before, ...content });
  }
}

function targetRef(pod: Pod) {
  return { kind: 'Pod', name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid };
}

function writeEndpoints(parts: ClusterParts, service: Service, pods: readonly Pod[]): void {
  const address = (pod: Pod) => ({ ip: pod.status?.podIP, nodeName: pod.spec.nodeName, targetRef: targetRef(pod) });
  const counts = (pod: Pod): boolean => isReady(pod) || service.spec.publishNotReadyAddresses === true;
  const ready = pods.filter(counts).map(address);
  const notReady = pods.filter((pod) => !counts(pod)).map(address);
  const subset = {
    ...(ready.length > 0 && { addresses: ready }),
    ...(notReady.length > 0 && { notReadyAddresses: notReady }),
    ports: portsFor(service, pods[0]),
  };
  put(parts, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: service.metadata.name,
      namespace: service.metadata.namespace as string,
      labels: { ...labelsOf(service), 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' },
    },
    subsets: pods.length === 0 ? [] : [subset],
  });
}

function writeSlice(parts: ClusterParts, service: Service, pods: readonly Pod[]): void {
  const name = `${service.metadata.name}-${templateHash(service.metadata.uid).slice(0, 5)}`;
  put(parts, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace: service.metadata.namespace as string,
      labels: {
        ...labelsOf(service),
        'kubernetes.io/service-name': service.metadata.name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: controlledBy(service),
    },
    addressType: 'IPv4',
    endpoints: pods.map((pod) => {
      const ready = isReady(pod);
      return {
        addresses: [pod.status?.podIP],
        conditions: { ready: ready || service.spec.publishNotReadyAddresses === true, serving: ready, terminating: false },
        nodeName: pod.spec.nodeName,
        targetRef: targetRef(pod),
      };
    }),
    ports: portsFor(service, pods[0]),
  } as KubeObject);
}
