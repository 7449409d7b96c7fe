/** The cluster's network as its objects define it: Services with their endpoints, DNS names, and what NetworkPolicies block. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { selectsByMap } from '../cluster/selector.ts';
import { isReady, type Pod } from '../cluster/shapes.ts';
import { admits } from '../logs/network-policies.ts';
import type { ObjectStore } from '../types.ts';
import { API_ADDRESS, AWS_ADDRESS, type Barrier, DNS_ADDRESS } from './network.ts';
import type { SwitchState } from './switch-state.ts';

interface Service extends KubeObject {
  readonly spec?: {
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly publishNotReadyAddresses?: boolean;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly targetPort?: number | string; readonly protocol?: string }[];
  };
}
type Port = NonNullable<NonNullable<Service['spec']>['ports']>[number];

const DOMAIN = 'svc.cluster.local';

export interface Wiring {
  readonly state: SwitchState;
  readonly barriers: readonly Barrier[];
}

/** `real` are the pods with processes: a policy takes effect for those alone. */
export function wiringOf(store: ObjectStore, real: readonly Pod[]): Wiring {
  const services = (store.list('Service') as readonly Service[]).map((service) => ({ service, endpoints: endpointsOf(store, service) }));
  const policies = store.list('NetworkPolicy').length > 0;
  return {
    state: { services: services.flatMap((one) => portsOf(store, one, policies ? real : [])), names: namesOf(services) },
    barriers: policies ? barriersOf(store, services, real) : [],
  };
}

interface Known {
  readonly service: Service;
  readonly endpoints: readonly Pod[];
}

const addressOf = (pod: Pod): string => pod.status?.podIP ?? '';
const isVirtual = ({ spec }: Service): boolean => spec?.clusterIP !== undefined && !['None', '', API_ADDRESS, DNS_ADDRESS].includes(spec.clusterIP);

function endpointsOf(store: ObjectStore, { metadata, spec }: Service): readonly Pod[] {
  if (spec?.selector === undefined || Object.keys(spec.selector).length === 0) return [];
  const pods = store.list('Pod', { ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) }) as readonly Pod[];
  return pods.filter(
    (pod) =>
      selectsByMap(spec.selector, pod.metadata.labels) &&
      pod.metadata.deletionTimestamp === undefined &&
      pod.status?.podIP !== undefined &&
      (isReady(pod) || (spec.publishNotReadyAddresses === true && pod.status?.phase === 'Running')),
  );
}

export function targetPort({ targetPort: target, port }: Pick<Port, 'port' | 'targetPort'>, pod: Pod): number | undefined {
  const wanted = target ?? port;
  if (/^\d+$/.test(String(wanted))) return Number(wanted);
  return pod.spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === wanted)?.containerPort;
}

function portsOf(store: ObjectStore, { service, endpoints }: Known, real: readonly Pod[]): SwitchState['services'] {
  const address = service.spec?.clusterIP ?? '';
  if (!isVirtual(service)) return [];
  return (service.spec?.ports ?? [])
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
    .map((entry) => ({
      address,
      port: entry.port,
      endpoints: endpoints.flatMap((pod) => {
        const port = targetPort(entry, pod);
        if (port === undefined) return [];
        const barred = real.filter((from) => !admits(store, { from, to: pod, port })).map(addressOf);
        return [{ address: addressOf(pod), port, barred }];
      }),
    }));
}

/** As CoreDNS: a headless Service has the addresses of its pods and a name for each, and none at all while no pod is ready. */
function namesOf(all: readonly Known[]): SwitchState['names'] {
  const addresses: Record<string, readonly string[]> = { [`kubernetes.default.${DOMAIN}`]: [API_ADDRESS], [`kube-dns.kube-system.${DOMAIN}`]: [DNS_ADDRESS] };
  const services: Record<string, SwitchState['names']['services'][string]> = {};
  for (const { service, endpoints } of all) {
    const base = `${service.metadata.name}.${service.metadata.namespace}.${DOMAIN}`;
    const headless = service.spec?.clusterIP === 'None';
    if (!headless) addresses[base] ??= [service.spec?.clusterIP ?? ''];
    else if (endpoints.length > 0) addresses[base] = endpoints.map(addressOf);
    if (headless) for (const pod of endpoints) addresses[`${pod.metadata.name}.${base}`] = [addressOf(pod)];
    for (const entry of service.spec?.ports ?? []) {
      if (entry.name === undefined || (headless && endpoints.length === 0)) continue;
      const targets = headless
        ? endpoints.map((pod) => ({ target: `${pod.metadata.name}.${base}`, port: targetPort(entry, pod) ?? entry.port }))
        : [{ target: base, port: entry.port }];
      services[`_${entry.name}._${(entry.protocol ?? 'TCP').toLowerCase()}.${base}`] = targets;
    }
  }
  return { addresses, services, below: { '.amazonaws.com': AWS_ADDRESS, '.amazonaws.com.cn': AWS_ADDRESS } };
}

/** A Service whose every endpoint is closed to a pod does not answer it; pods that talk to each other directly are isolated on all ports. */
function barriersOf(store: ObjectStore, all: readonly Known[], real: readonly Pod[]): readonly Barrier[] {
  return real.flatMap((from) => {
    const own = addressOf(from);
    const silent = all.flatMap(({ service, endpoints }) => {
      if (!isVirtual(service) || endpoints.length === 0) return [];
      const open = (service.spec?.ports ?? []).some((entry) => endpoints.some((to) => admits(store, { from, to, port: targetPort(entry, to) ?? entry.port })));
      return open ? [] : [{ from: own, to: service.spec?.clusterIP ?? '' }];
    });
    const apart = real.flatMap((to) => {
      if (to === from) return [];
      const ports = to.spec.containers.flatMap(({ ports: listed = [] }) => listed.map(({ containerPort }) => containerPort));
      return ports.length > 0 && ports.every((port) => !admits(store, { from, to, port })) ? [{ from: own, to: addressOf(to) }] : [];
    });
    return [...silent, ...apart];
  });
}
