/** Hop alloy-push, per node: some collectors deliver and others do not. */
import { NO_ANSWER } from './aws-answers.ts';
import { told } from './log-lines.ts';
import { collectorPods, judged } from './pipeline.ts';
import { podsPushed } from './pushes.ts';
import { refusals } from './refusals.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_COLLECTOR, pass, skip } from './verdict.ts';

export const noneStandsStill: DoctorCheck = {
  id: 'alloy.moving',
  title: 'No collector is stalled while its node writes logs',
  at: ['doctor'],
  hop: 'alloy-push',
  symptom: true,
  partial: true,
  async run(collected) {
    const collectors = judged(collected);
    if (collectors.length === 0) return NO_COLLECTOR;
    const found = collectors.flatMap(({ workload, stuck }) => stuck.map((one) => ({ workload, one })));
    const [first] = found;
    if (!first) return collectors.some(({ counters }) => counters.length > 0) ? pass() : skip("the collectors' metrics could not be read");
    return fail('COLLECTOR_STUCK', {
      message: `Collector ${first.one.pod} on node ${first.one.node} sends nothing, though pods of its node print`,
      fix: `kubectl -n ${first.workload.namespace} logs ${first.one.pod} --since 15m; http://localhost:12345/graph of kubectl -n ${first.workload.namespace} port-forward ${first.one.pod} 12345 shows where lines stop. A restart may lose what it has read and not sent: restart it only while other collectors deliver`,
      evidence: found.flatMap(({ one }) => [
        `pod ${one.pod}: loki_write_sent_entries_total ${one.sentEntries}, and the same some seconds later`,
        `pod ${one.printing} on the same node has printed meanwhile`,
      ]),
    });
  },
};

/** Collectors that get no response, while collectors on other nodes do; empty if it affects all of them. */
export function cutOff(collected: Evidence): ReturnType<typeof refusals> {
  const { gateway } = collected.loki ?? {};
  // If the gateway is down no collector delivers, though not all have noticed yet.
  if (gateway && (gateway.workload.ready === 0 || [502, 503, 504].includes(gateway.anonymous?.status ?? 0))) return [];
  const silent = new Set(podsPushed(collected).flatMap(({ pod, state }) => (state === 'failing' || state === 'waiting' ? [pod.name] : [])));
  const heard = collectorPods(collected).filter(({ lines, name }) => lines !== undefined && !silent.has(name));
  // A collector that can't read its own password sends no requests.
  if (judged(collected).some(({ writers }) => writers.some(({ passwordFault }) => passwordFault !== undefined))) return [];
  const cut = refusals(collected).filter(({ line }) => (NO_ANSWER.test(line) || /status=-1/.test(line)) && !/status=[1-5]\d\d/.test(line));
  return heard.some(({ node }) => !cut.some(({ pod }) => pod.node === node)) ? cut : [];
}

/** The same address is reachable from some nodes only: the network path is at fault. */
export const everyNodeReaches: DoctorCheck = {
  id: 'alloy.ways',
  title: 'Loki is reachable from every node',
  at: ['doctor'],
  hop: 'alloy-push',
  symptom: true,
  partial: true,
  async run(collected) {
    if (judged(collected).length === 0) return NO_COLLECTOR;
    const cut = cutOff(collected);
    if (cut.length === 0) return pass();
    const nodes = new Set(cut.map(({ pod }) => pod.node));
    const others = new Set(collectorPods(collected).flatMap(({ node, lines }) => (lines !== undefined && !nodes.has(node) ? [node] : [])));
    return fail('COLLECTOR_NODE_NETWORK', {
      message: `Loki is reachable from ${others.size} of ${others.size + nodes.size} nodes checked, but not from ${[...nodes].slice(0, 3).join(', ')}`,
      evidence: cut.slice(0, 3).map(({ pod, line }) => `pod ${pod.name} on node ${pod.node}: ${told(line)}`),
    });
  },
};
