/** Whether the API server can reach the nodes at all: logs, counters and port-forwards all depend on it. */
import type { DoctorCheck } from './evidence.ts';
import { fail, pass } from './verdict.ts';

export const kubeletsReached: DoctorCheck = {
  id: 'scheduling.kubelets',
  title: 'The Kubernetes API can reach the kubelets',
  at: ['doctor'],
  hop: 'scheduling',
  async run({ unreached, reading }) {
    if (!unreached) return pass();
    const { message, fix, evidence = [] } = unreached;
    return fail('KUBELETS_UNREACHABLE', {
      message,
      fix,
      evidence: [...evidence, ...(reading ? [] : ['log delivery was not checked, because that takes a port-forward'])],
    });
  },
};
