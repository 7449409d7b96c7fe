/** The pod that prints the line: fits every namespace's security rules, and says why it never ran. */
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Context } from '../steps/context.ts';

export const PROBE_CONTAINER = 'verify';

/** Lives as long as the collector needs to find its file; asks for next to nothing; may do nothing. */
export function probePod({ blueprint }: Pick<Context, 'blueprint'>, { name, line }: { readonly name: string; readonly line: string }): KubeObject {
  const { namespace, image, pullSecrets, tolerations } = blueprint.verify;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: blueprint.ownership.labels, annotations: blueprint.ownership.annotations },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      activeDeadlineSeconds: 300,
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'eks.amazonaws.com/compute-type', operator: 'NotIn', values: ['fargate'] }] }],
          },
        },
      },
      ...(tolerations && { tolerations }),
      ...(pullSecrets && { imagePullSecrets: pullSecrets }),
      securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: PROBE_CONTAINER,
          image,
          command: ['sh', '-c', `echo "${line}"; sleep 240`],
          // A namespace with a quota wants all four.
          resources: { requests: { cpu: '5m', memory: '8Mi' }, limits: { cpu: '100m', memory: '32Mi' } },
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

interface Probe {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly { readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } } }[];
  };
}

/** Where it ran; empty when it found no node. */
export const nodeOf = (pod: KubeObject | undefined): string => (pod as Probe | undefined)?.spec?.nodeName ?? '';

/** Why it printed nothing, in the words of Kubernetes; `undefined` when it did run. */
export function neverRan(pod: KubeObject | undefined): string | undefined {
  const { phase, conditions = [], containerStatuses = [] } = (pod as Probe | undefined)?.status ?? {};
  if (phase === 'Running' || phase === 'Succeeded') return undefined;
  const waiting = containerStatuses[0]?.state?.waiting;
  const condition = conditions.find(({ status, message }) => status === 'False' && message);
  const why = [waiting?.reason, waiting?.message ?? condition?.message].filter(Boolean).join(': ');
  return `it is ${phase ?? 'gone'}${why === '' ? '' : `: ${why}`}`;
}
