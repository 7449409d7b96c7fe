/** Chooses the StorageClass of the volumes, or designs one if none fits. Existing classes are never changed. */
import type { KubeObject } from '../ports/kubernetes.ts';
import { stop } from '../problems/problem.ts';
import type { Facts, StorageClassFact } from './facts.ts';
import { ownStorageClass } from './names.ts';
import type { Ownership } from './ownership.ts';

export const ebsDriver = 'ebs.csi.aws.com';
export const autoModeDriver = 'ebs.csi.eks.amazonaws.com';
/** Its volumes have been provisioned by the EBS CSI driver since Kubernetes 1.23. */
const inTreeEbs = 'kubernetes.io/aws-ebs';

/** Shared file systems are unsuitable for a write-ahead log, and the last one provisions no volumes at all. */
const unfit = new Set(['efs.csi.aws.com', 'fsx.csi.aws.com', 's3.csi.aws.com', 'kubernetes.io/no-provisioner']);

/**
 * In this order: the requested one; the one in use; our own, if it exists; the default; the only EBS one; a new gp3 class. A
 * StatefulSet can't change its class, hence the stickiness. Throws STORAGE_CLASS_UNKNOWN.
 */
export function chooseStorageClass(
  facts: Facts,
  of: { readonly wanted?: string; readonly ownership: Ownership },
): { readonly name: string; readonly object?: KubeObject } {
  const { storageClasses } = facts;
  const own = { name: ownStorageClass, object: ownClass(facts, of.ownership) };
  if (of.wanted === ownStorageClass) return own;
  if (of.wanted !== undefined) return { name: known(of.wanted, storageClasses) };
  const inUse = storageClasses.find(({ name }) => name === facts.installedStorageClass);
  if (inUse !== undefined && inUse.name !== ownStorageClass) return { name: inUse.name };
  if (storageClasses.some(({ name }) => name === ownStorageClass)) return own;
  const usable = storageClasses.filter((found) => works(found, facts));
  const standard = usable.filter(({ isDefault }) => isDefault).toSorted((a, b) => a.name.localeCompare(b.name))[0];
  if (standard !== undefined) return { name: standard.name };
  const ebs = usable.filter(({ provisioner }) => [ebsDriver, autoModeDriver, inTreeEbs].includes(provisioner));
  return ebs.length === 1 ? { name: ebs[0]!.name } : own;
}

function known(wanted: string, classes: readonly StorageClassFact[]): string {
  if (classes.some(({ name }) => name === wanted)) return wanted;
  const there = classes.map(({ name }) => name).join(', ');
  throw stop('STORAGE_CLASS_UNKNOWN', {
    message: `StorageClass ${wanted} does not exist in this cluster`,
    fix: there === '' ? 'Remove storageClass, so that loki-eks creates one' : `Use one of ${there}, or remove storageClass`,
  });
}

function works({ provisioner }: StorageClassFact, { csiDrivers, cluster }: Facts): boolean {
  if (unfit.has(provisioner)) return false;
  if (provisioner === autoModeDriver) return cluster.autoMode || csiDrivers.includes(autoModeDriver);
  if (provisioner === ebsDriver || provisioner === inTreeEbs) return csiDrivers.includes(ebsDriver);
  return true;
}

function ownClass(facts: Facts, ownership: Ownership): KubeObject {
  const { autoMode } = facts.cluster;
  const selfManaged = facts.nodes.some(({ kind }) => kind === 'ec2');
  const provisioner = autoMode && !(selfManaged && facts.csiDrivers.includes(ebsDriver)) ? autoModeDriver : ebsDriver;
  const mixed = provisioner === autoModeDriver && selfManaged;
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: ownStorageClass, labels: ownership.labels, annotations: ownership.annotations },
    provisioner,
    parameters: { type: 'gp3', encrypted: 'true' },
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
    ...(mixed && { allowedTopologies: [{ matchLabelExpressions: [{ key: 'eks.amazonaws.com/compute-type', values: ['auto'] }] }] }),
  };
}
