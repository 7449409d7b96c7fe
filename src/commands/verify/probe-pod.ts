/** The pods that print: one per node, allowed by every namespace's security rules, and gone by themselves if not deleted. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Self } from '../../ports/system.ts';
import type { Context } from '../../context.ts';

export const PROBE_CONTAINER = 'verify';
/** Contains the token of the run that created it. */
export const PROBE_LABEL = 'loki-eks.dev/probe';

/** The maximum lifetime of a probe pod, whatever happens to us: longer than a collector needs to find its file. */
const LIFE_SECONDS = 300;

export type Maker = Pick<Self, 'pid' | 'place'>;

interface Batch {
  readonly token: string;
  readonly maker: Maker;
}

function metadataOf({ blueprint }: Pick<Context, 'blueprint'>, { token, maker }: Batch, name: string): KubeObject['metadata'] {
  const { ownership, verify } = blueprint;
  const marks = { 'loki-eks.dev/probe-pid': String(maker.pid), ...(maker.place && { 'loki-eks.dev/probe-place': maker.place }) };
  return {
    name,
    namespace: verify.namespace,
    labels: { ...ownership.labels, [PROBE_LABEL]: token },
    annotations: { ...ownership.annotations, ...marks },
  };
}

/**
 * Owns the pods: when it is deleted, the cluster deletes them too. It runs nothing itself, fails at its deadline and is then deleted, so that
 * even a killed process leaves nothing behind for long.
 */
export function probeOwner(ctx: Pick<Context, 'blueprint'>, { seconds, ...batch }: Batch & { readonly seconds: number }): KubeObject {
  const { image } = ctx.blueprint.verify;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadataOf(ctx, batch, `loki-eks-verify-${batch.token.slice(0, 10)}`),
    spec: {
      parallelism: 0,
      activeDeadlineSeconds: seconds,
      ttlSecondsAfterFinished: 0,
      template: { spec: { restartPolicy: 'Never', automountServiceAccountToken: false, containers: [{ name: PROBE_CONTAINER, image }] } },
    },
  };
}

export interface Probe extends Batch {
  /** Its number among the pods of the run: part of its name. */
  readonly index: number;
  readonly node: string;
  /** What its shell runs. */
  readonly script: string;
  readonly owner?: KubeObject;
}

/** Tolerates everything and names its node to the scheduler, which reports if there is no room; requests next to nothing; has no permissions. */
export function probePod(ctx: Pick<Context, 'blueprint'>, { index, node, script, owner, ...batch }: Probe): KubeObject {
  const { image, pullSecrets } = ctx.blueprint.verify;
  const metadata = metadataOf(ctx, batch, `loki-eks-verify-${batch.token.slice(0, 10)}-${index}`);
  const references = owner && [{ apiVersion: 'batch/v1', kind: 'Job', name: owner.metadata.name, uid: owner.metadata.uid ?? '', blockOwnerDeletion: true }];
  const pinned = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, ...(references && { ownerReferences: references }) },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      activeDeadlineSeconds: LIFE_SECONDS,
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: pinned } },
      tolerations: [{ operator: 'Exists' }],
      ...(pullSecrets && { imagePullSecrets: pullSecrets }),
      securityContext: { runAsNonRoot: true, runAsUser: 65534, runAsGroup: 65534, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: PROBE_CONTAINER,
          image,
          command: ['sh', '-c', script],
          // A namespace with a quota requires all four.
          resources: { requests: { cpu: '5m', memory: '8Mi' }, limits: { cpu: '100m', memory: '32Mi' } },
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

/** Prints once and waits for the collector to find its file. */
export const saying = (line: string): string => `echo "${line}"; sleep 240`;

interface Body {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly {
      readonly ready?: boolean;
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

export const nodeOf = (pod: KubeObject): string => (pod as Body).spec?.nodeName ?? '';

export const isReady = (pod: KubeObject): boolean =>
  !pod.metadata.deletionTimestamp && ((pod as Body).status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');

export const isOver = (pod: KubeObject): boolean => ['Succeeded', 'Failed'].includes((pod as Body).status?.phase ?? '');

export interface Stuck {
  /** As Kubernetes reports it: `Pending: 0/3 nodes are available: …`. */
  readonly why: string;
  /** Waiting longer is unlikely to help. */
  readonly hopeless: boolean;
}

const HOPELESS = /ImagePull|ErrImage|InvalidImageName|ConfigError|CreateContainerError|CrashLoop/;

/** Why a pod has not run; `undefined` when it runs or has run. */
export function stuck(pod: KubeObject): Stuck | undefined {
  const { phase = 'Pending', reason, message, conditions = [], containerStatuses = [] } = (pod as Body).status ?? {};
  if (phase === 'Running' || phase === 'Succeeded') return undefined;
  const waiting = containerStatuses[0]?.state?.waiting;
  const condition = conditions.find(({ status, message: said }) => status === 'False' && said);
  const words = [waiting?.reason ?? reason, waiting?.message ?? message ?? condition?.message].filter(Boolean).join(': ');
  const placed = nodeOf(pod) !== '';
  return { why: words === '' ? phase : `${phase}: ${words}`, hopeless: phase === 'Failed' || !placed || HOPELESS.test(waiting?.reason ?? '') };
}
