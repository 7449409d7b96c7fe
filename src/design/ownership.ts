/** The marks by which the installer knows what is its own, and nothing else. */
import { createHash } from 'node:crypto';
import type { Ownership } from './blueprint.ts';

const managedByTag = 'loki-eks/managed-by';
const clusterArnTag = 'loki-eks/cluster-arn';
/** On the bucket of the chunks: it outlives the record of the installation, and what it holds may be kept for longer than a default. */
export const retentionTag = 'loki-eks/retention-days';
/** On what an adoption has taken over: its value is what uninstall has to put back, or `yes`. */
export const adoptedTag = 'loki-eks/adopted';
export const installIdTag = 'loki-eks/install-id';
export const installIdLabel = 'loki-eks.dev/install-id';
const clusterArnAnnotation = 'loki-eks.dev/cluster-arn';

/** 8 hex digits; the same cluster name in another region or account, or another namespace, is another installation. */
export function installIdOf(clusterArn: string, namespace: string): string {
  return createHash('sha256').update(`${clusterArn}/${namespace}`).digest('hex').slice(0, 8);
}

export function ownership(clusterArn: string, namespace: string): Ownership {
  const installId = installIdOf(clusterArn, namespace);
  return {
    installId,
    tags: { [managedByTag]: 'loki-eks', [clusterArnTag]: clusterArn, [installIdTag]: installId },
    labels: { 'app.kubernetes.io/managed-by': 'loki-eks', [installIdLabel]: installId },
    annotations: { [clusterArnAnnotation]: clusterArn },
  };
}
