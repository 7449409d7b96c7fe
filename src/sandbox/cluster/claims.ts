/** Volumes: default classes, WaitForFirstConsumer, provisioning by a driver that actually runs, and the failures without one. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { ObjectStore } from '../types.ts';
import { type ClusterParts, splitKey } from './parts.ts';
import { type Claim, isReady, type Pod, type StorageClass } from './shapes.ts';

const FROM = 'persistentvolume-controller';
const SELECTED = 'volume.kubernetes.io/selected-node';
const DEFAULT = 'storageclass.kubernetes.io/is-default-class';
const ZONE = 'topology.kubernetes.io/zone';

export function reconcileClaim(parts: ClusterParts, of: string): void {
  const { namespace, name } = splitKey(of);
  const given = parts.store.get('PersistentVolumeClaim', namespace, name) as Claim | undefined;
  if (given === undefined || given.metadata.deletionTimestamp !== undefined || given.status?.phase === 'Bound') return;
  const claim = withDefaultClass(parts, given);
  if (given.status?.phase === undefined) parts.store.setStatus('PersistentVolumeClaim', namespace, name, { phase: 'Pending' });
  const className = claim.spec.storageClassName ?? '';
  if (className === '') return say(parts, claim, ['Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set']);
  const storageClass = classOf(parts.store, claim);
  if (storageClass === undefined) return say(parts, claim, ['Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`]);
  const selected = claim.metadata.annotations?.[SELECTED];
  if (storageClass.volumeBindingMode === 'WaitForFirstConsumer' && selected === undefined)
    return say(parts, claim, ['Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding']);
  provision(parts, claim, { storageClass, node: selected });
}

function say(parts: ClusterParts, claim: Claim, what: readonly ['Normal' | 'Warning', string, string]): void {
  parts.tell({ about: claim, type: what[0], reason: what[1], message: what[2], from: FROM });
}

/** As the API server's DefaultStorageClass admission: the newest default class wins. */
function withDefaultClass(parts: ClusterParts, claim: Claim): Claim {
  if (claim.spec.storageClassName !== undefined) return claim;
  const defaults = parts.store.list('StorageClass').filter((candidate) => candidate.metadata.annotations?.[DEFAULT] === 'true');
  const newest = [...defaults].sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))[0];
  if (newest === undefined) return claim;
  return parts.store.update({ ...claim, spec: { ...claim.spec, storageClassName: newest.metadata.name } }) as Claim;
}

export function classOf(store: ObjectStore, claim: Claim): StorageClass | undefined {
  return store.get('StorageClass', undefined, claim.spec.storageClassName ?? '') as StorageClass | undefined;
}

/** The in-tree EBS provisioner was moved into the CSI driver: `gp2` needs it too. */
function driverOf(storageClass: StorageClass): string {
  return storageClass.provisioner === 'kubernetes.io/aws-ebs' ? 'ebs.csi.aws.com' : storageClass.provisioner;
}

/** Auto Mode's driver runs outside the cluster; the add-on's is a Deployment in kube-system. */
function driverRuns(parts: ClusterParts, driver: string): boolean {
  if (parts.store.get('CSIDriver', undefined, driver) === undefined) return false;
  if (driver !== 'ebs.csi.aws.com') return true;
  return parts.pods.inNamespace('kube-system').some((pod) => pod.metadata.labels?.['app'] === 'ebs-csi-controller' && isReady(pod));
}

function provision(parts: ClusterParts, claim: Claim, how: { readonly storageClass: StorageClass; readonly node: string | undefined }): void {
  const driver = driverOf(how.storageClass);
  if (!driverRuns(parts, driver)) {
    const message = `Waiting for a volume to be created either by the external provisioner '${driver}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    return say(parts, claim, ['Normal', 'ExternalProvisioning', message]);
  }
  const volume = `pvc-${claim.metadata.uid}`;
  const node = parts.nodes.get(how.node ?? '') ?? [...parts.nodes.values()][0];
  const zone = node?.metadata.labels?.[ZONE];
  const capacity = { storage: claim.spec.resources?.requests?.storage ?? '1Gi' };
  const { name, namespace, uid } = claim.metadata;
  if (parts.store.get('PersistentVolume', undefined, volume) === undefined)
    parts.store.create({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volume, annotations: { 'pv.kubernetes.io/provisioned-by': driver } },
      spec: {
        accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
        capacity,
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
        csi: { driver, fsType: 'ext4', volumeHandle: `vol-0${(uid ?? '').replaceAll('-', '').slice(0, 16)}` },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: 'In', values: [zone] }] }] } },
        persistentVolumeReclaimPolicy: how.storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: how.storageClass.metadata.name,
        volumeMode: 'Filesystem',
      },
      status: { phase: 'Bound' },
    } as KubeObject);
  const fresh = parts.store.get('PersistentVolumeClaim', namespace, name) as Claim;
  parts.store.update({ ...fresh, spec: { ...fresh.spec, volumeName: volume } });
  parts.store.setStatus('PersistentVolumeClaim', namespace, name, { phase: 'Bound', accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'], capacity });
  say(parts, claim, ['Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volume}`]);
}

/** A deleted claim takes its volume with it, unless the class retains volumes. */
export function releaseVolume(parts: ClusterParts, of: string): void {
  for (const volume of parts.store.list('PersistentVolume')) {
    const spec = volume['spec'] as {
      readonly claimRef?: { readonly namespace?: string; readonly name: string };
      readonly persistentVolumeReclaimPolicy?: string;
    };
    if (spec.claimRef === undefined || `${spec.claimRef.namespace}/${spec.claimRef.name}` !== of) continue;
    if (spec.persistentVolumeReclaimPolicy === 'Retain') parts.store.setStatus('PersistentVolume', undefined, volume.metadata.name, { phase: 'Released' });
    else parts.store.delete('PersistentVolume', undefined, volume.metadata.name);
  }
}

export type ClaimState =
  | { readonly is: 'bound'; readonly zone: string | undefined }
  | { readonly is: 'waits-for-node'; readonly claim: Claim }
  | { readonly is: 'provisioning' }
  | { readonly is: 'unbound' }
  | { readonly is: 'missing'; readonly name: string };

/** What the scheduler needs to know about each claim of a pod. */
export function claimsOf(store: ObjectStore, pod: Pod): readonly ClaimState[] {
  return (pod.spec.volumes ?? []).flatMap((volume): readonly ClaimState[] => {
    const name = volume.persistentVolumeClaim?.claimName;
    if (name === undefined) return [];
    const claim = store.get('PersistentVolumeClaim', pod.metadata.namespace, name) as Claim | undefined;
    if (claim === undefined) return [{ is: 'missing', name }];
    if (claim.status?.phase === 'Bound') return [{ is: 'bound', zone: zoneOf(store, claim) }];
    if (classOf(store, claim)?.volumeBindingMode !== 'WaitForFirstConsumer') return [{ is: 'unbound' }];
    return claim.metadata.annotations?.[SELECTED] === undefined ? [{ is: 'waits-for-node', claim }] : [{ is: 'provisioning' }];
  });
}

function zoneOf(store: ObjectStore, claim: Claim): string | undefined {
  const volume = store.get('PersistentVolume', undefined, claim.spec.volumeName ?? '');
  const spec = volume?.['spec'] as
    | {
        readonly nodeAffinity?: {
          readonly required?: {
            readonly nodeSelectorTerms?: readonly { readonly matchExpressions?: readonly { readonly key: string; readonly values?: readonly string[] }[] }[];
          };
        };
      }
    | undefined;
  return spec?.nodeAffinity?.required?.nodeSelectorTerms?.[0]?.matchExpressions?.find((expression) => expression.key === ZONE)?.values?.[0];
}

/** The scheduler's choice of a node, which lets the provisioner start. */
export function selectNode(store: ObjectStore, claim: Claim, node: string): void {
  store.update({ ...claim, metadata: { ...claim.metadata, annotations: { ...claim.metadata.annotations, [SELECTED]: node } } });
}
