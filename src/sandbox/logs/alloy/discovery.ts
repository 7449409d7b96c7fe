/** `discovery.kubernetes` for the role `pod`: the same targets as Prometheus's service discovery. */
import type { Container, ContainerStatus, Pod } from '../../cluster/shapes.ts';
import { fieldTest, labelTest } from '../../kube/selectors.ts';
import type { LogSurroundings } from '../surroundings.ts';
import type { Labels } from './relabel.ts';

export interface PodQuery {
  /** Every namespace when empty. */
  readonly namespaces: readonly string[];
  readonly label?: string;
  readonly field?: string;
}

const clean = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_');

/** One target for every port of every container; a container without ports has one target. Pods without an address have none. */
export function podTargets({ store, pods }: Pick<LogSurroundings, 'store' | 'pods'>, query: PodQuery): readonly Labels[] {
  const fits = [labelTest(query.label), fieldTest(query.field)] as const;
  const spaces = query.namespaces.length === 0 ? [undefined] : query.namespaces;
  const node = /^spec\.nodeName==?([^,!]+)$/.exec(query.field ?? '')?.[1];
  const inSpace = (namespace: string | undefined): readonly Pod[] => {
    if (node === undefined) return store.list('Pod', { ...(namespace !== undefined && { namespace }) }) as readonly Pod[];
    return pods.on(node).filter((pod) => namespace === undefined || pod.metadata.namespace === namespace);
  };
  return spaces
    .flatMap(inSpace)
    .filter((pod) => pod.status?.podIP !== undefined && pod.status.podIP !== '' && fits[0](pod.metadata.labels) && fits[1](pod))
    .flatMap((pod) => {
      const shared = podLabels(pod);
      const statuses = pod.status?.containerStatuses ?? [];
      const of = (containers: readonly Container[] | undefined, init: boolean) =>
        (containers ?? []).flatMap((container) =>
          containerTargets({ pod, container, init, status: statuses.find((status) => status.name === container.name) }).map((labels) => ({
            ...shared,
            ...labels,
          })),
        );
      return [...of(pod.spec.containers, false), ...of(pod.spec.initContainers, true)];
    });
}

function podLabels(pod: Pod): Labels {
  const owner = pod.metadata.ownerReferences?.find((ref) => ref.controller === true);
  const ready = pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.status.toLowerCase() ?? 'unknown';
  const named = (prefix: string, values: Labels | undefined) =>
    Object.entries(values ?? {}).flatMap(([name, value]) => [
      [`__meta_kubernetes_pod_${prefix}_${clean(name)}`, value] as const,
      [`__meta_kubernetes_pod_${prefix}present_${clean(name)}`, 'true'] as const,
    ]);
  return Object.fromEntries([
    ['__meta_kubernetes_namespace', pod.metadata.namespace ?? 'default'],
    ['__meta_kubernetes_pod_name', pod.metadata.name],
    ['__meta_kubernetes_pod_uid', pod.metadata.uid ?? ''],
    ['__meta_kubernetes_pod_ip', pod.status?.podIP ?? ''],
    ['__meta_kubernetes_pod_node_name', pod.spec.nodeName ?? ''],
    ['__meta_kubernetes_pod_phase', pod.status?.phase ?? ''],
    ['__meta_kubernetes_pod_ready', ready],
    ...(owner === undefined
      ? []
      : [['__meta_kubernetes_pod_controller_kind', owner.kind] as const, ['__meta_kubernetes_pod_controller_name', owner.name] as const]),
    ...named('label', pod.metadata.labels),
    ...named('annotation', pod.metadata.annotations),
  ]);
}

function containerTargets(of: {
  readonly pod: Pod;
  readonly container: Container;
  readonly init: boolean;
  readonly status: ContainerStatus | undefined;
}): readonly Labels[] {
  const { container, pod } = of;
  const shared: Labels = {
    __meta_kubernetes_pod_container_name: container.name,
    __meta_kubernetes_pod_container_image: container.image,
    __meta_kubernetes_pod_container_init: String(of.init),
    ...(of.status?.['containerID'] !== undefined && { __meta_kubernetes_pod_container_id: String(of.status['containerID']) }),
  };
  const ports = container.ports ?? [];
  if (ports.length === 0 || of.init) return [{ ...shared, __address__: pod.status?.podIP ?? '' }];
  return ports.map((port) => ({
    ...shared,
    __address__: `${pod.status?.podIP}:${port.containerPort}`,
    __meta_kubernetes_pod_container_port_number: String(port.containerPort),
    __meta_kubernetes_pod_container_port_protocol: port.protocol ?? 'TCP',
    ...(port.name !== undefined && { __meta_kubernetes_pod_container_port_name: port.name }),
  }));
}
