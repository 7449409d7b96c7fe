/** A controller in the cluster can create the requested load balancer. */
import type { Check } from '../engine/types.ts';
import { problem } from '../problems/problem.ts';
import type { CheckContext } from './context.ts';

/** Installed with every AWS Load Balancer Controller since 2.0. */
const BINDINGS = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: 'targetgroupbindings.elbv2.k8s.aws' };

/** A warning: the Service waits for its controller, and everything inside the cluster works without it. */
export const loadBalancer: Check<Pick<CheckContext, 'kubernetes' | 'facts' | 'settings'>> = {
  id: 'kube.load-balancer',
  title: 'The load balancer can be created',
  at: ['preflight'],
  async run({ kubernetes, facts, settings }) {
    if (settings.expose === 'none') return { is: 'skip', why: 'the gateway is not exposed' };
    if (facts.cluster.autoMode) return { is: 'pass', detail: 'built into EKS Auto Mode' };
    if (await kubernetes.get(BINDINGS)) return { is: 'pass', detail: 'AWS Load Balancer Controller' };
    return {
      is: 'warn',
      problem: problem('LOAD_BALANCER_CONTROLLER_MISSING', {
        message: `--expose ${settings.expose} asks for a load balancer, but nothing in cluster ${facts.cluster.name} would make one`,
        evidence: [`there is no CustomResourceDefinition ${BINDINGS.name}`],
      }),
    };
  },
};
