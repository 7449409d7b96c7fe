/** Kubernetes objects, reduced to what counts as evidence. */

export interface RunAs {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
}
export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
  readonly securityContext?: RunAs & { readonly privileged?: boolean; readonly capabilities?: { readonly drop?: readonly string[] } };
  readonly resources?: { readonly requests?: Readonly<Record<string, string>>; readonly limits?: Readonly<Record<string, string>> };
}
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string }; readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}
export interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: {
    readonly secretName: string;
    readonly defaultMode?: number;
    readonly optional?: boolean;
    readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number }[];
  };
  readonly hostPath?: { readonly path: string };
  readonly emptyDir?: object;
  readonly persistentVolumeClaim?: { readonly claimName: string };
}
/** One of several: a node that satisfies all its expressions matches. */
export interface NodeTerm {
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}
export interface PodTemplate {
  readonly serviceAccountName?: string;
  readonly containers: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly tolerations?: readonly { readonly key?: string; readonly operator?: string; readonly value?: string; readonly effect?: string }[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly affinity?: {
    readonly nodeAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: { readonly nodeSelectorTerms?: readonly NodeTerm[] } };
  };
  readonly initContainers?: readonly Container[];
  readonly hostNetwork?: boolean;
  readonly securityContext?: RunAs & { readonly fsGroup?: number; readonly supplementalGroups?: readonly number[] };
}

export interface Workload {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly component: string;
  readonly wanted: number;
  readonly ready: number;
  readonly template: PodTemplate;
  /** `volumeClaimTemplates`. */
  readonly claims: readonly string[];
  readonly selector: Readonly<Record<string, string>>;
  readonly created?: Date;
}

export interface PodEvidence {
  readonly namespace: string;
  readonly name: string;
  readonly component: string;
  readonly node?: string;
  readonly ready: boolean;
  /** For a pod that is ready. */
  readonly readySince?: Date;
  /** For a pod that is not. */
  readonly unreadySince?: Date;
  readonly ending: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly created?: Date;
  readonly spec: PodTemplate;
  /** Why the scheduler can't place it, in its own words. */
  readonly unscheduled?: string;
  readonly containers: readonly ContainerState[];
  /** The last lines, including the previous run's if a container has crashed; absent if they were not read. */
  readonly lines?: readonly string[];
  /** For a gateway: the pushes among its last requests, whatever their outcome. */
  readonly access?: PushAccess;
}

/** The pushes in an access log; accepted ones are counted and not kept. */
export interface PushAccess {
  readonly taken: number;
  readonly takenLast?: Date;
  /** By status, the most frequent first. */
  readonly refused: readonly { readonly status: number; readonly count: number; readonly last: Date; readonly line: string }[];
}
export interface ContainerState {
  readonly name: string;
  readonly restarts: number;
  /** `CrashLoopBackOff`, `ImagePullBackOff`, … */
  readonly waiting?: { readonly reason: string; readonly message: string };
  /** For one that runs. */
  readonly startedAt?: Date;
  /** How the last run ended. */
  readonly ended?: { readonly reason: string; readonly exitCode: number };
}

/** A warning event of the cluster. */
export interface EventEvidence {
  /** `DaemonSet alloy/alloy`; for a node `Node NAME`. */
  readonly object: string;
  readonly reason: string;
  readonly message: string;
}

export interface PolicyEvidence {
  readonly namespace: string;
  readonly name: string;
  readonly podSelector: Selector;
  readonly types: readonly string[];
  readonly ingress: readonly PolicyRule[];
  readonly egress: readonly PolicyRule[];
}
export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}
export interface PolicyRule {
  /** Absent or empty: any peer. */
  readonly peers?: readonly { readonly podSelector?: Selector; readonly namespaceSelector?: Selector; readonly ipBlock?: { readonly cidr: string } }[];
  /** Absent or empty: any port. */
  readonly ports?: readonly { readonly port?: number | string; readonly endPort?: number; readonly protocol?: string }[];
}
