/** Pod Identity needs its agent. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

/** Installed with Helm rather than as an add-on. */
const BY_HAND = { apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: 'kube-system', name: 'eks-pod-identity-agent' };

export const podIdentityAgent: Check<Pick<CheckContext, 'kubernetes' | 'facts' | 'blueprint'>> = {
  id: 'eks.pod-identity-agent',
  title: 'Pod Identity agent is running',
  at: ['preflight'],
  async run({ kubernetes, facts: { podIdentityAgent: agent, cluster }, blueprint }) {
    if (blueprint.identity !== 'pod-identity') return { is: 'skip', why: 'IRSA is used' };
    if (cluster.autoMode) return { is: 'pass', detail: 'built into EKS Auto Mode' };
    if (agent === 'unknown') return { is: 'skip', why: 'not allowed to describe the add-on' };
    if (agent?.status === 'ACTIVE') return { is: 'pass', detail: agent.version ?? 'ACTIVE' };
    if (!agent && (await kubernetes.get(BY_HAND))) return { is: 'pass', detail: `DaemonSet ${BY_HAND.namespace}/${BY_HAND.name}` };
    return { is: 'fail', problem: problem('POD_IDENTITY_AGENT_MISSING', { message: `Add-on eks-pod-identity-agent is ${agent?.status ?? 'not installed'}` }) };
  },
};
