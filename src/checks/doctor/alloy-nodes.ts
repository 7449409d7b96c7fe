/** Hop alloy-push, node by node: some collectors deliver and others do not. */
import { NO_ANSWER } from './aws-answers.ts';
import { freshSince, saying } from './log-lines.ts';
import { collectorPods, judged } from './pipeline.ts';
import type { DoctorCheck } from './survey.ts';
import { fail, NO_COLLECTOR, pass, skip } from './verdict.ts';

export const noneStandsStill: DoctorCheck = {
  id: 'alloy.moving',
  title: 'No collector stands still while its node prints',
  at: ['doctor'],
  hop: 'alloy-push',
  symptom: true,
  partial: true,
  async run(survey) {
    const collectors = judged(survey);
    if (collectors.length === 0) return NO_COLLECTOR;
    const found = collectors.flatMap(({ workload, stuck }) => stuck.map((one) => ({ workload, one })));
    const [first] = found;
    if (!first) return collectors.some(({ counters }) => counters.length > 0) ? pass() : skip("the collectors' counters could not be read");
    return fail('COLLECTOR_STUCK', {
      message: `Collector ${first.one.pod} on node ${first.one.node} sends nothing, though pods of its node print`,
      fix: `kubectl -n ${first.workload.namespace} delete pod ${found.map(({ one }) => one.pod).join(' ')}`,
      evidence: found.flatMap(({ one }) => [
        `pod ${one.pod}: loki_write_sent_entries_total ${one.sentEntries}, and the same some seconds later`,
        `pod ${one.printing} on the same node has printed meanwhile`,
      ]),
    });
  },
};

const PUSHING = /error sending batch|sending batch, will retry/i;

/** The same address is reached from some nodes and not from others: it is the way there. */
export const everyNodeReaches: DoctorCheck = {
  id: 'alloy.ways',
  title: 'Loki is reached from every node',
  at: ['doctor'],
  hop: 'alloy-push',
  partial: true,
  async run(survey) {
    const collectors = judged(survey);
    if (collectors.length === 0) return NO_COLLECTOR;
    const since = freshSince(survey);
    const heard = collectorPods(survey).filter(({ lines }) => lines !== undefined);
    const cut = saying(heard, PUSHING, since).filter(({ line }) => NO_ANSWER.test(line) && !/status=[1-5]\d\d/.test(line));
    const nodes = [...new Set(cut.map(({ pod }) => pod.node ?? pod.name))];
    const others = [...new Set(heard.map(({ node, name }) => node ?? name))].filter((node) => !nodes.includes(node));
    if (nodes.length === 0 || others.length === 0) return pass();
    return fail('COLLECTOR_NODE_NETWORK', {
      message: `Loki is reached from ${others.length} of ${others.length + nodes.length} nodes that were looked at, but not from ${nodes.slice(0, 3).join(', ')}`,
      evidence: cut.slice(0, 3).map(({ pod, line }) => `pod ${pod.name} on node ${pod.node}: ${line.slice(0, 260)}`),
    });
  },
};
