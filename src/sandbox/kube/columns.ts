/** The columns of `kubectl get`, by kind. */
import { isMap, reach } from './document.ts';
import type { Doc } from './document.ts';
import { selectorText } from './selectors.ts';
import type { Resource } from './resources.ts';
import { podReady, podRestarts, podStatus } from './pod-summary.ts';

export interface Column {
  readonly name: string;
  readonly type?: 'string' | 'integer' | 'boolean';
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  readonly cell: (doc: Doc, now: Date) => unknown;
}

/** `4m`, `3h12m`, `5d`: an age as kubectl writes it. */
export function age(from: string | undefined, now: Date): string {
  if (!from) return '<unknown>';
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(from)) / 1000));
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86_400)];
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (hours < 3) return `${minutes}m`;
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (days < 2) return `${hours}h`;
  if (days < 8) return hours % 24 ? `${days}d${hours % 24}h` : `${days}d`;
  return days < 730 ? `${days}d` : `${Math.floor(days / 365)}y`;
}

const text = (name: string, path: string, fallback = '<none>', wide = false): Column => ({
  name,
  wide,
  cell: (doc) => {
    const value = reach(doc, path);
    return value === undefined || value === '' ? fallback : Array.isArray(value) ? value.join(',') : String(value);
  },
});
const count = (name: string, path: string, fallback = 0): Column => ({ name, type: 'integer', cell: (doc) => reach(doc, path) ?? fallback });
const size = (name: string, ...paths: readonly string[]): Column => ({
  name,
  type: 'integer',
  cell: (doc) => paths.reduce((sum, path) => sum + (Array.isArray(reach(doc, path)) ? reach(doc, path).length : Object.keys(reach(doc, path) ?? {}).length), 0),
});
const NAME: Column = { name: 'Name', cell: (doc) => doc.metadata.name };
const AGE: Column = { name: 'Age', cell: (doc, now) => age(doc.metadata.creationTimestamp, now) };

const selector = (path: string): Column => ({
  name: 'Selector',
  wide: true,
  cell: (doc) => {
    const value = reach(doc, path);
    if (!isMap(value)) return '<none>';
    return (
      (value.matchLabels || value.matchExpressions
        ? selectorText(value)
        : Object.entries(value)
            .map(([key, wanted]) => `${key}=${wanted}`)
            .join(',')) || '<none>'
    );
  },
});

const CONTAINERS: readonly Column[] = (['name', 'image'] as const).map((field) => ({
  name: field === 'name' ? 'Containers' : 'Images',
  wide: true,
  cell: (doc) => (reach(doc, 'spec.template.spec.containers') ?? []).map((container: Doc) => container[field]).join(','),
}));

const addresses = (doc: Doc, type: string): string => (doc.status?.addresses ?? []).find((entry: Doc) => entry.type === type)?.address ?? '<none>';
const isTrue = (doc: Doc, condition: string): boolean =>
  (doc.status?.conditions ?? []).some((entry: Doc) => entry.type === condition && entry.status === 'True');

function nodeStatus(doc: Doc): string {
  const ready = isTrue(doc, 'Ready') ? 'Ready' : 'NotReady';
  return doc.spec?.unschedulable ? `${ready},SchedulingDisabled` : ready;
}

function nodeRoles(doc: Doc): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(doc.metadata.labels ?? {})
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
  return roles.sort().join(',') || '<none>';
}

function externalAddress(doc: Doc): string {
  const balanced = (doc.status?.loadBalancer?.ingress ?? []).map((entry: Doc) => entry.hostname ?? entry.ip).join(',');
  if (doc.spec?.type === 'ExternalName') return doc.spec.externalName;
  return balanced || (doc.spec?.type === 'LoadBalancer' ? '<pending>' : '<none>');
}

const servicePorts = (doc: Doc): string =>
  (doc.spec?.ports ?? []).map((port: Doc) => `${port.port}${port.nodePort ? `:${port.nodePort}` : ''}/${port.protocol ?? 'TCP'}`).join(',') || '<none>';

function endpointList(doc: Doc): string {
  const all = (doc.subsets ?? []).flatMap((subset: Doc) =>
    (subset.addresses ?? []).flatMap((address: Doc) => (subset.ports?.length ? subset.ports.map((port: Doc) => `${address.ip}:${port.port}`) : [address.ip])),
  );
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',') || '<none>';
}

const ACCESS: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };
const accessModes: Column = {
  name: 'Access Modes',
  cell: (doc) => (doc.status?.accessModes ?? doc.spec?.accessModes ?? []).map((mode: string) => ACCESS[mode] ?? mode).join(','),
};

function jobStatus(doc: Doc): string {
  if (isTrue(doc, 'Complete')) return 'Complete';
  if (isTrue(doc, 'Failed')) return 'Failed';
  return doc.metadata.deletionTimestamp ? 'Terminating' : isTrue(doc, 'Suspended') ? 'Suspended' : 'Running';
}

const roleColumn: Column = { name: 'Role', cell: (doc) => `${doc.roleRef?.kind}/${doc.roleRef?.name}` };
const created: Column = { name: 'Created At', cell: (doc) => doc.metadata.creationTimestamp };

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  Pod: [
    NAME,
    { name: 'Ready', cell: podReady },
    { name: 'Status', cell: podStatus },
    { name: 'Restarts', cell: (doc, now) => podRestarts(doc, (from) => age(from, now)) },
    AGE,
    text('IP', 'status.podIP', '<none>', true),
    text('Node', 'spec.nodeName', '<none>', true),
    text('Nominated Node', 'status.nominatedNodeName', '<none>', true),
    { name: 'Readiness Gates', wide: true, cell: () => '<none>' },
  ],
  Deployment: [
    NAME,
    { name: 'Ready', cell: (doc) => `${doc.status?.readyReplicas ?? 0}/${doc.spec?.replicas ?? 0}` },
    count('Up-to-date', 'status.updatedReplicas'),
    count('Available', 'status.availableReplicas'),
    AGE,
    ...CONTAINERS,
    selector('spec.selector'),
  ],
  ReplicaSet: [
    NAME,
    count('Desired', 'spec.replicas'),
    count('Current', 'status.replicas'),
    count('Ready', 'status.readyReplicas'),
    AGE,
    ...CONTAINERS,
    selector('spec.selector'),
  ],
  StatefulSet: [NAME, { name: 'Ready', cell: (doc) => `${doc.status?.readyReplicas ?? 0}/${doc.spec?.replicas ?? 0}` }, AGE, ...CONTAINERS],
  DaemonSet: [
    NAME,
    count('Desired', 'status.desiredNumberScheduled'),
    count('Current', 'status.currentNumberScheduled'),
    count('Ready', 'status.numberReady'),
    count('Up-to-date', 'status.updatedNumberScheduled'),
    count('Available', 'status.numberAvailable'),
    {
      name: 'Node Selector',
      cell: (doc) =>
        Object.entries(reach(doc, 'spec.template.spec.nodeSelector') ?? {})
          .map(([key, value]) => `${key}=${value}`)
          .join(',') || '<none>',
    },
    AGE,
    ...CONTAINERS,
    selector('spec.selector'),
  ],
  Job: [
    NAME,
    { name: 'Status', cell: jobStatus },
    { name: 'Completions', cell: (doc) => `${doc.status?.succeeded ?? 0}/${doc.spec?.completions ?? 1}` },
    {
      name: 'Duration',
      cell: (doc, now) => (doc.status?.startTime ? age(doc.status.startTime, doc.status.completionTime ? new Date(doc.status.completionTime) : now) : ''),
    },
    AGE,
    ...CONTAINERS,
  ],
  CronJob: [
    NAME,
    text('Schedule', 'spec.schedule'),
    text('Timezone', 'spec.timeZone'),
    text('Suspend', 'spec.suspend'),
    { name: 'Active', type: 'integer', cell: (doc) => doc.status?.active?.length ?? 0 },
    { name: 'Last Schedule', cell: (doc, now) => (doc.status?.lastScheduleTime ? age(doc.status.lastScheduleTime, now) : '<none>') },
    AGE,
  ],
  Service: [
    NAME,
    text('Type', 'spec.type'),
    text('Cluster-IP', 'spec.clusterIP'),
    { name: 'External-IP', cell: externalAddress },
    { name: 'Port(s)', cell: servicePorts },
    AGE,
    selector('spec.selector'),
  ],
  Endpoints: [NAME, { name: 'Endpoints', cell: endpointList }, AGE],
  Namespace: [NAME, text('Status', 'status.phase'), AGE],
  Node: [
    NAME,
    { name: 'Status', cell: nodeStatus },
    { name: 'Roles', cell: nodeRoles },
    AGE,
    text('Version', 'status.nodeInfo.kubeletVersion'),
    { name: 'Internal-IP', wide: true, cell: (doc) => addresses(doc, 'InternalIP') },
    { name: 'External-IP', wide: true, cell: (doc) => addresses(doc, 'ExternalIP') },
    text('OS-Image', 'status.nodeInfo.osImage', '<unknown>', true),
    text('Kernel-Version', 'status.nodeInfo.kernelVersion', '<unknown>', true),
    text('Container-Runtime', 'status.nodeInfo.containerRuntimeVersion', '<unknown>', true),
  ],
  Secret: [NAME, text('Type', 'type'), size('Data', 'data'), AGE],
  ConfigMap: [NAME, size('Data', 'data', 'binaryData'), AGE],
  ServiceAccount: [NAME, size('Secrets', 'secrets'), AGE],
  Event: [
    { name: 'Last Seen', cell: (doc, now) => age(doc.lastTimestamp ?? doc.deprecatedLastTimestamp ?? doc.eventTime ?? doc.metadata.creationTimestamp, now) },
    text('Type', 'type'),
    text('Reason', 'reason'),
    {
      name: 'Object',
      cell: (doc) => {
        const about = doc.involvedObject ?? doc.regarding ?? {};
        return `${String(about.kind ?? '').toLowerCase()}/${about.name}`;
      },
    },
    { name: 'Message', cell: (doc) => String(doc.message ?? doc.note ?? '').trim() },
  ],
  PersistentVolumeClaim: [
    NAME,
    { name: 'Status', cell: (doc) => (doc.metadata.deletionTimestamp ? 'Terminating' : doc.status?.phase) },
    text('Volume', 'spec.volumeName', ''),
    text('Capacity', 'status.capacity.storage', ''),
    accessModes,
    text('StorageClass', 'spec.storageClassName', ''),
    text('VolumeAttributesClass', 'spec.volumeAttributesClassName', '<unset>'),
    AGE,
    text('VolumeMode', 'spec.volumeMode', '', true),
  ],
  PersistentVolume: [
    NAME,
    text('Capacity', 'spec.capacity.storage', ''),
    accessModes,
    text('Reclaim Policy', 'spec.persistentVolumeReclaimPolicy'),
    text('Status', 'status.phase'),
    { name: 'Claim', cell: (doc) => (doc.spec?.claimRef ? `${doc.spec.claimRef.namespace}/${doc.spec.claimRef.name}` : '') },
    text('StorageClass', 'spec.storageClassName', ''),
    text('Reason', 'status.reason', ''),
    AGE,
  ],
  StorageClass: [
    {
      name: 'Name',
      cell: (doc) =>
        doc.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ? `${doc.metadata.name} (default)` : doc.metadata.name,
    },
    text('Provisioner', 'provisioner'),
    text('ReclaimPolicy', 'reclaimPolicy'),
    text('VolumeBindingMode', 'volumeBindingMode'),
    text('AllowVolumeExpansion', 'allowVolumeExpansion', 'false'),
    AGE,
  ],
  PodDisruptionBudget: [
    NAME,
    text('Min Available', 'spec.minAvailable', 'N/A'),
    text('Max Unavailable', 'spec.maxUnavailable', 'N/A'),
    count('Allowed Disruptions', 'status.disruptionsAllowed'),
    AGE,
  ],
  Ingress: [
    NAME,
    text('Class', 'spec.ingressClassName'),
    { name: 'Hosts', cell: (doc) => (doc.spec?.rules ?? []).map((rule: Doc) => rule.host ?? '*').join(',') || '*' },
    { name: 'Address', cell: (doc) => (doc.status?.loadBalancer?.ingress ?? []).map((entry: Doc) => entry.hostname ?? entry.ip).join(',') },
    { name: 'Ports', cell: (doc) => (doc.spec?.tls ? '80, 443' : '80') },
    AGE,
  ],
  NetworkPolicy: [NAME, { name: 'Pod-Selector', cell: (doc) => selectorText(doc.spec?.podSelector ?? {}) || '<none>' }, AGE],
  HorizontalPodAutoscaler: [
    NAME,
    { name: 'Reference', cell: (doc) => `${doc.spec?.scaleTargetRef?.kind}/${doc.spec?.scaleTargetRef?.name}` },
    { name: 'Targets', cell: () => '<unknown>' },
    text('MinPods', 'spec.minReplicas'),
    text('MaxPods', 'spec.maxReplicas'),
    count('Replicas', 'status.currentReplicas'),
    AGE,
  ],
  Role: [NAME, created],
  ClusterRole: [NAME, created],
  RoleBinding: [NAME, roleColumn, AGE],
  ClusterRoleBinding: [NAME, roleColumn, AGE],
  CustomResourceDefinition: [NAME, created],
  Lease: [NAME, text('Holder', 'spec.holderIdentity', ''), AGE],
  EndpointSlice: [
    NAME,
    text('AddressType', 'addressType'),
    { name: 'Ports', cell: (doc) => (doc.ports ?? []).map((port: Doc) => port.port).join(',') || '<unset>' },
    { name: 'Endpoints', cell: (doc) => (doc.endpoints ?? []).flatMap((endpoint: Doc) => endpoint.addresses ?? []).join(',') || '<unset>' },
    AGE,
  ],
  ControllerRevision: [
    NAME,
    {
      name: 'Controller',
      cell: (doc) => {
        const owner = (doc.metadata.ownerReferences ?? [])[0];
        return owner ? `${owner.kind.toLowerCase()}.${String(owner.apiVersion).split('/')[0]}/${owner.name}` : '<none>';
      },
    },
    count('Revision', 'revision'),
    AGE,
  ],
  CSIDriver: [NAME, text('AttachRequired', 'spec.attachRequired', 'true'), text('PodInfoOnMount', 'spec.podInfoOnMount', 'false'), AGE],
  CSINode: [NAME, size('Drivers', 'spec.drivers'), AGE],
  ResourceQuota: [NAME, AGE],
  PriorityClass: [NAME, count('Value', 'value'), text('Global-Default', 'globalDefault', 'false'), AGE],
};

/** `.spec.x` of a definition's `additionalPrinterColumns`, without filters. */
function customColumns(resource: Resource): readonly Column[] {
  const own = (resource.custom?.additionalPrinterColumns ?? []).map((column: Doc): Column => {
    const path = String(column.jsonPath ?? '').replace(/^\./, '');
    const wide = Number(column.priority ?? 0) > 0;
    if (column.type === 'date') return { name: column.name, wide, cell: (doc, now) => age(reach(doc, path), now) };
    return { name: column.name, wide, cell: (doc) => reach(doc, path) ?? '' };
  });
  return own.length > 0 ? [NAME, ...own] : [NAME, AGE];
}

export function columnsOf(resource: Resource): readonly Column[] {
  return resource.custom ? customColumns(resource) : (COLUMNS[resource.kind] ?? [NAME, AGE]);
}
