/** The columns of `kubectl get`, by kind. */
import { AGE, age, count, isTrue, NAME, selector, size, text } from './column.ts';
import type { Column } from './column.ts';
import { reach } from './document.ts';
import type { Doc } from './document.ts';
import type { Resource } from './resources.ts';
import { selectorText } from './selectors.ts';
import { WORKLOAD_COLUMNS } from './workload-columns.ts';

const addresses = (doc: Doc, type: string): string => (doc.status?.addresses ?? []).find((entry: Doc) => entry.type === type)?.address ?? '<none>';

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

const roleColumn: Column = { name: 'Role', cell: (doc) => `${doc.roleRef?.kind}/${doc.roleRef?.name}` };
const created: Column = { name: 'Created At', cell: (doc) => doc.metadata.creationTimestamp };

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  ...WORKLOAD_COLUMNS,
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
