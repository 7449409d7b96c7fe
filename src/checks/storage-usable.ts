/** The StorageClass exists and something provisions its volumes. */
import { autoModeDriver } from '../design/storage.ts';
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

/** The in-tree provisioner has been served by the EBS CSI driver since Kubernetes 1.23. */
const MIGRATED: Readonly<Record<string, string>> = { 'kubernetes.io/aws-ebs': 'ebs.csi.aws.com' };

export const storageUsable: Check<Pick<CheckContext, 'facts' | 'blueprint'>> = {
  id: 'storage.usable',
  title: "Loki's volumes can be provisioned",
  at: ['preflight'],
  async run({ facts, blueprint }) {
    const name = blueprint.storageClassName;
    const own = blueprint.storageClass as { readonly provisioner?: string } | undefined;
    const provisioner = own?.provisioner ?? facts.storageClasses.find((candidate) => candidate.name === name)?.provisioner ?? '';
    const driver = MIGRATED[provisioner] ?? provisioner;
    const builtIn = facts.cluster.autoMode && driver === autoModeDriver;
    if (facts.csiDrivers.includes(driver) || builtIn) return { is: 'pass', detail: `${name}, ${driver}` };
    if (!driver.startsWith('ebs.')) return { is: 'pass', detail: `${name}, ${driver}` };
    const addon = facts.ebsAddon;
    const seen =
      addon && addon !== 'unknown' ? [`add-on aws-ebs-csi-driver is ${addon.status}`, ...addon.issues] : ['there is no CSIDriver object of this name'];
    return { is: 'fail', problem: problem('STORAGE_DRIVER_MISSING', { message: `No CSI driver "${driver}" serves StorageClass ${name}`, evidence: seen }) };
  },
};
