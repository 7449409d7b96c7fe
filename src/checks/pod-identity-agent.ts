/** Pod Identity needs its agent. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

/** Installed with Helm rather than as an add-on. */
const BY_HAND = { apiVersion: 'apps/v1', kind: 'DaemonSet', namespace: 'kube-system', name: 'eks-pod-identity-agent' };

export const podIdentityAgent: Check<Pick<CheckContext, 'kubernetes' | 'facts' | 'blueprint'>> = {
  id: 'eks.pod-identity-agent',
  title: 'The Pod Identity agent runs',
  at: ['preflight'],
  async run({ kubernetes, facts: { podIdentityAgent: agent, cluster }, blueprint }) {
    if (blueprint.identity !== 'pod-identity') return { is: 'skip', why: 'IRSA is used' };
    if (cluster.autoMode) return { is: 'pass', detail: 'built into Auto Mode' };
    if (agent === 'unknown') return { is: 'skip', why: 'the add-on may not be looked at' };
    if (agent?.status === 'ACTIVE') return { is: 'pass', detail: agent.version ?? 'ACTIVE' };
    if (!agent && (await kubernetes.get(BY_HAND))) return { is: 'pass', detail: `DaemonSet ${BY_HAND.namespace}/${BY_HAND.name}` };
    return { is: 'fail', problem: problem('POD_IDENTITY_AGENT_MISSING', { message: `Add-on eks-pod-identity-agent is ${agent?.status ?? 'not installed'}` }) };
  },
};
