/** The marks by which the installer knows what is its own, and nothing else. */
import { createHash } from 'node:crypto';
import type { Tags } from '../ports/buckets.ts';
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

/** The marks by which we know our own, and nothing else. */
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
