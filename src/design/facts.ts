/** Everything that is read about the account and the cluster, once, before anything is decided. */
import type { Problem } from '../engine/types.ts';
import type { Caller } from '../ports/caller.ts';
import type { Addon, EksCluster } from '../ports/clusters.ts';
import type { Chart } from '../ports/releases.ts';
import type { GrafanaFact } from './grafana-workload.ts';
import type { Adopted } from './installation-record.ts';
import type { Kept } from './schema.ts';

export interface Facts {
  /** The day in UTC, `2026-01-31`: a new schema period begins after it. */
  readonly today?: string;
  /** What this installation has adopted from another one, as recorded in the cluster. */
  readonly adopted?: Adopted;
  /** How the pods of the existing installation get their role. */
  readonly installedIdentity?: 'irsa' | 'pod-identity';
  /** Schema and buckets of the running Loki. */
  readonly inUse?: Kept;
  readonly caller: Caller;
  readonly region: string;
  readonly cluster: EksCluster;
  /** The IAM OIDC provider of the cluster's issuer; absent when there is none (or no issuer). */
  readonly oidcProvider?: { readonly arn: string; readonly audiences: readonly string[] };
  readonly podIdentityAgent?: Addon | 'unknown';
  readonly ebsAddon?: Addon | 'unknown';
  /** `v1.33.4-eks-…` */
  readonly kubeVersion: string;
  readonly nodes: readonly NodeFact[];
  readonly storageClasses: readonly StorageClassFact[];
  /** `ebs.csi.aws.com`, `ebs.csi.eks.amazonaws.com`, … */
  readonly csiDrivers: readonly string[];
  /** The cluster's DNS Service in kube-system, whatever its name. */
  readonly dns?: { readonly namespace: string; readonly name: string; readonly clusterIP: string };
  /** ServiceMonitors can be created: the monitoring.coreos.com API exists. */
  readonly serviceMonitors?: boolean;
  /** The class of an installed Loki's volumes; a StatefulSet can't change it. */
  readonly installedStorageClass?: string;
  /** The number of nodes an installed Loki is laid out for: fewer nodes today are no reason to change the layout. */
  readonly installedSpread?: number;
  /** The Grafanas of the cluster, as far as they could be listed. */
  readonly grafanas?: readonly GrafanaFact[];
  readonly charts: {
    readonly loki: Chart;
    readonly alloy: Chart;
    /** Why a pinned chart could not be fetched; its `Chart` then contains only its pin. */
    readonly problems?: readonly Problem[];
  };
}

export interface NodeFact {
  readonly name: string;
  /** `m5.xlarge` */
  readonly instanceType?: string;
  readonly zone?: string;
  readonly os: 'linux' | 'windows';
  readonly arch: string;
  readonly kind: 'ec2' | 'fargate' | 'auto' | 'hybrid';
  readonly ready: boolean;
  readonly unschedulable: boolean;
  readonly gpu: boolean;
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly labels: Readonly<Record<string, string>>;
  /** What pods may use in total, and what running pods have requested. CPU in cores, memory in bytes. */
  readonly allocatable: { readonly cpu: number; readonly memory: number; readonly pods: number };
  readonly requested: { readonly cpu: number; readonly memory: number; readonly pods: number };
}

export interface StorageClassFact {
  readonly name: string;
  readonly provisioner: string;
  readonly isDefault: boolean;
  readonly bindingMode: string;
  readonly expandable: boolean;
}
