/** The marks by which the installer recognizes what it owns, and nothing else. */
import { createHash } from 'node:crypto';
import type { Tags } from '../ports/buckets.ts';
const managedByTag = 'loki-eks/managed-by';
const clusterArnTag = 'loki-eks/cluster-arn';
/** On the chunks bucket: it outlives the installation record, and its data may have a longer retention than the default. */
export const retentionTag = 'loki-eks/retention-days';
/** On what was adopted: its value is what uninstall restores, or `yes`. */
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

/** The marks by which loki-eks recognizes what it owns, and nothing else. */
export interface Ownership {
  /** 8 hex digits of sha256(`<cluster arn>/<namespace>`); part of every name. */
  readonly installId: string;
  /** `loki-eks/managed-by`, `loki-eks/cluster-arn`, `loki-eks/install-id` */
  readonly tags: Tags;
  /** `app.kubernetes.io/managed-by: loki-eks`, `loki-eks.dev/install-id: <id>` */
  readonly labels: Readonly<Record<string, string>>;
  /** `loki-eks.dev/cluster-arn: <arn>` (an ARN does not fit a label) */
  readonly annotations: Readonly<Record<string, string>>;
}
