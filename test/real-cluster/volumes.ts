/** The EBS driver's provisioner: a volume for each claim whose consumer has a node, and none any more for a claim that is gone. */
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import type { KubeApi } from './api.ts';
import type { Mirror } from './mirror.ts';

const DRIVER = 'ebs.csi.aws.com';
const MADE_BY = 'pv.kubernetes.io/provisioned-by';
const ZONE = 'topology.kubernetes.io/zone';
const DRIVERS = new Set([DRIVER, 'kubernetes.io/aws-ebs', 'ebs.csi.eks.amazonaws.com']);

interface Claim extends KubeObject {
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly accessModes?: readonly string[];
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}
interface Class extends KubeObject {
  readonly provisioner: string;
  readonly volumeBindingMode?: string;
  readonly reclaimPolicy?: string;
}
interface Volume extends KubeObject {
  readonly spec: { readonly persistentVolumeReclaimPolicy?: string };
  readonly status?: { readonly phase?: string };
}

export function startProvisioner(parts: { readonly api: KubeApi; readonly mirror: Mirror; readonly complain: (what: string) => void }): () => void {
  const { api, mirror, complain } = parts;
  const provision = async (claim: Claim): Promise<void> => {
    const storageClass = mirror.get('StorageClass', undefined, claim.spec.storageClassName ?? '') as Class | undefined;
    if (storageClass === undefined || !DRIVERS.has(storageClass.provisioner) || claim.spec.volumeName || claim.metadata.deletionTimestamp) return;
    const node = claim.metadata.annotations?.['volume.kubernetes.io/selected-node'];
    if (storageClass.volumeBindingMode === 'WaitForFirstConsumer' && node === undefined) return;
    const { namespace, name, uid = '' } = claim.metadata;
    const zone = mirror.get('Node', undefined, node ?? '')?.metadata.labels?.[ZONE];
    const terms = [{ matchExpressions: [{ key: ZONE, operator: 'In', values: [zone] }] }];
    const { status, text } = await api.ask('POST', '/api/v1/persistentvolumes', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `pvc-${uid}`, annotations: { [MADE_BY]: DRIVER } },
      spec: {
        accessModes: claim.spec.accessModes,
        capacity: { storage: claim.spec.resources.requests.storage },
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
        csi: { driver: DRIVER, fsType: 'ext4', volumeHandle: `vol-0${uid.replaceAll('-', '').slice(0, 16)}` },
        ...(zone !== undefined && { nodeAffinity: { required: { nodeSelectorTerms: terms } } }),
        persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: storageClass.metadata.name,
        volumeMode: 'Filesystem',
      },
    });
    if (status >= 300 && status !== 409) complain(`volume for ${namespace}/${name}: ${status} ${text}`);
  };
  const release = async ({ metadata, spec, status }: Volume): Promise<void> => {
    const ours = metadata.annotations?.[MADE_BY] === DRIVER && status?.phase === 'Released' && spec.persistentVolumeReclaimPolicy === 'Delete';
    if (ours && metadata.deletionTimestamp === undefined) await api.ask('DELETE', `/api/v1/persistentvolumes/${metadata.name}`);
  };
  const failed = (error: unknown): void => complain(`provisioner: ${String(error)}`);
  for (const claim of mirror.list('PersistentVolumeClaim')) provision(claim as Claim).catch(failed);
  return mirror.subscribe(({ type, object }) => {
    if (type === 'DELETED') return;
    if (object.kind === 'PersistentVolumeClaim') provision(object as Claim).catch(failed);
    if (object.kind === 'PersistentVolume') release(object as Volume).catch(failed);
    if (object.kind === 'StorageClass') for (const claim of mirror.list('PersistentVolumeClaim')) provision(claim as Claim).catch(failed);
  });
}
