/** Hop scheduling: every node has a collector, and enough resources for it. */
import type { NodeFact } from '../../../design/facts.ts';
import type { Verdict } from '../../../engine/types.ts';
import type { CollectorEvidence } from './collectors-evidence.ts';
import { shortened } from './log-lines.ts';
import { selects } from './network-policy.ts';
import { readsApi, readsFiles } from './pipeline.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_COLLECTOR, pass, skip, warn } from './verdict.ts';

export const collectorThere: DoctorCheck = {
  id: 'scheduling.collector',
  title: 'A log collector exists in the cluster',
  at: ['doctor'],
  hop: 'scheduling',
  async run({ collectors, unread }) {
    if (unread?.includes('collectors')) return skip('collectors could not be listed');
    const names = collectors.map(({ workload: { kind, namespace, name } }) => `${kind} ${namespace}/${name}`);
    if (collectors.some(({ software }) => software !== 'other')) return pass(names.join(', '));
    if (names.length > 0) return skip(`${names.join(', ')}: only Alloy and Promtail are judged`);
    return fail('COLLECTOR_NOT_FOUND', {
      evidence: ['no DaemonSet, Deployment or StatefulSet has a label of Alloy or Promtail (app.kubernetes.io/name: alloy, alloy-logs, promtail)'],
    });
  },
};

export const collectorOnEveryNode: DoctorCheck = {
  id: 'scheduling.collectors',
  title: 'Collectors can be scheduled on every node',
  at: ['doctor'],
  hop: 'scheduling',
  partial: true,
  async run(collected): Promise<Verdict> {
    const { collectors, nodes } = collected;
    if (collectors.length === 0) return NO_COLLECTOR;
    // A collector that reads through the API server can read the pods of every node.
    const daemons = collectors.filter(
      ({ workload, software, ...one }) => workload.kind === 'DaemonSet' && software !== 'other' && !readsApi({ software, ...one }),
    );
    if (daemons.length === 0) return skip('the collectors are not DaemonSets');
    const covered = new Set(daemons.flatMap(({ pods }) => pods.filter(({ ready }) => ready).map(({ node }) => node)));
    const eligible = nodes.filter(({ os, kind, ready }) => os === 'linux' && kind !== 'fargate' && ready);
    const without = eligible.filter(({ name }) => !covered.has(name));
    if (without.length === 0) return pass(`${eligible.length}/${eligible.length} nodes`);
    const blockers = without.filter((node) => !daemons.some((one) => mayRun(one, node)));
    if (blockers.length === 0) return pending(without, collected);
    const taints = [...new Set(blockers.flatMap(({ taints }) => taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`)))];
    return fail('COLLECTOR_EXCLUDED_FROM_NODES', {
      message: `${blockers.length} of ${eligible.length} nodes have no collector: ${taints.length > 0 ? `it does not tolerate ${taints.slice(0, 3).join(', ')}` : 'its nodeSelector leaves them out'}`,
      evidence: blockers
        .slice(0, 6)
        .map(({ name, taints: own }) => `node ${name}: ${own.map(({ key, effect }) => `${key}:${effect}`).join(', ') || 'not selected'}`),
    });
  },
};

/** Namespaces that every cluster has; not collecting them is reported, but no reason to worry. */
const SYSTEM = /^(kube-system|karpenter)\//;

export const fargateCollected: DoctorCheck = {
  id: 'scheduling.fargate',
  title: 'Fargate pods are covered',
  at: ['doctor'],
  hop: 'scheduling',
  async run({ collectors, nodes, fargatePods }): Promise<Verdict> {
    const [judged, fargate] = [collectors.filter(({ software }) => software !== 'other'), nodes.filter(({ kind }) => kind === 'fargate')];
    if (judged.length === 0) return NO_COLLECTOR;
    if (fargate.length === 0) return skip('no Fargate nodes');
    if (judged.some(readsApi)) return pass('a collector reads logs through the API server');
    const theirs = fargatePods?.filter((pod) => !SYSTEM.test(pod));
    const where = `${fargate.length} Fargate ${fargate.length === 1 ? 'node' : 'nodes'}`;
    const count = fargatePods && `${fargatePods.length} ${fargatePods.length === 1 ? 'pod' : 'pods'}`;
    const why = 'no collector, for DaemonSets do not run there';
    const said = {
      message: `${count ?? 'Pods'} on ${where} ${count?.startsWith('1 ') ? 'has' : 'have'} ${why}`,
      evidence: [
        ...fargate.slice(0, 3).map(({ name }) => `node ${name}: eks.amazonaws.com/compute-type=fargate`),
        ...(theirs ?? []).slice(0, 5).map((pod) => `pod ${pod}`),
      ],
    };
    if (nodes.length === fargate.length) return fail('COLLECTOR_NOT_ON_FARGATE', { ...said, message: `All nodes are Fargate: ${said.message}` });
    return theirs?.length === 0 ? pass(said.message) : warn('COLLECTOR_NOT_ON_FARGATE', said);
  },
};

/** The DaemonSet wants a pod there; if none is even created, an event says why. */
function pending(without: readonly NodeFact[], { collectors }: Evidence): Verdict {
  const refused = collectors.flatMap(({ workload, events }) =>
    events
      .filter(({ object, reason }) => reason === 'FailedCreate' && object === `${workload.kind} ${workload.namespace}/${workload.name}`)
      .map(({ message }) => ({ workload, message })),
  );
  const [first] = refused;
  if (!first || collectors.some(({ pods }) => pods.length > 0)) return skip(`${without.length} nodes wait for a collector pod that is not ready`);
  const { workload, message } = first;
  const standards = /PodSecurity|pod-security|violates/i.test(message);
  return fail('COLLECTOR_FORBIDDEN', {
    message: `The cluster does not admit pods of ${workload.kind} ${workload.namespace}/${workload.name}`,
    ...(standards && { fix: `kubectl label namespace ${workload.namespace} pod-security.kubernetes.io/enforce=privileged --overwrite` }),
    evidence: [`FailedCreate: ${shortened(message)}`],
  });
}

function mayRun({ workload: { template } }: CollectorEvidence, node: NodeFact): boolean {
  const selected = Object.entries(template.nodeSelector ?? {}).every(([key, value]) => node.labels[key] === value);
  const tolerated = node.taints
    // A DaemonSet tolerates the node controller's own taints by default.
    .filter(({ key, effect }) => effect !== 'PreferNoSchedule' && !key.startsWith('node.kubernetes.io/'))
    .every((taint) =>
      (template.tolerations ?? []).some(
        ({ key, operator = 'Equal', value, effect }) =>
          (effect === undefined || effect === taint.effect) &&
          (key === undefined ? operator === 'Exists' : key === taint.key && (operator === 'Exists' || (value ?? '') === (taint.value ?? ''))),
      ),
    );
  const terms = template.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const wanted = terms.length === 0 || terms.some(({ matchExpressions = [] }) => selects({ matchExpressions }, node.labels));
  return selected && tolerated && wanted;
}

/** Log files are local to each node, so no other node's collector can read them. */
export const collectorIsDaemon: DoctorCheck = {
  id: 'scheduling.daemon',
  title: 'Collectors that read files run on every node',
  at: ['doctor'],
  hop: 'scheduling',
  partial: true,
  async run({ collectors }) {
    const bad = collectors.find((one) => one.workload.kind !== 'DaemonSet' && readsFiles(one) && (one.text ?? '').includes('/var/log'));
    if (!bad) return collectors.length === 0 ? NO_COLLECTOR : pass();
    const { kind, namespace, name, wanted } = bad.workload;
    return fail('COLLECTOR_NOT_DAEMONSET', {
      message: `${kind} ${namespace}/${name} reads log files, but runs on at most ${wanted} nodes`,
      evidence: [`${kind} ${namespace}/${name}: spec.replicas ${wanted}`, `${bad.configFrom}: reads files below /var/log`],
    });
  },
};

const OUT = /\balloy\b|promtail|grafana-agent/i;

/** Events of nodes about OOM-killed collectors. */
export const nodesShort = ({ nodeEvents }: Evidence): readonly string[] =>
  nodeEvents.filter(({ message }) => OUT.test(message)).map(({ object, message }) => `${object}: SystemOOM, ${shortened(message, 160)}`);

/** Without a limit a collector takes as much memory as it wants, and the node then kills arbitrary pods. */
export const nodesKeepMemory: DoctorCheck = {
  id: 'scheduling.node-memory',
  title: "Collectors don't exhaust their node's memory",
  at: ['doctor'],
  hop: 'scheduling',
  partial: true,
  async run(collected) {
    const { collectors } = collected;
    const evidence = nodesShort(collected);
    if (evidence.length === 0) return collectors.length === 0 ? NO_COLLECTOR : pass();
    const unlimited = collectors.find(({ workload }) => workload.template.containers.some(({ resources }) => !resources?.limits?.['memory']));
    return fail('COLLECTOR_UNLIMITED', {
      message: `Nodes run out of memory, and the collector is what is killed${unlimited ? ': it has no memory limit' : ''}`,
      evidence: [
        ...evidence.slice(0, 3),
        ...(unlimited ? [`${unlimited.workload.kind} ${unlimited.workload.namespace}/${unlimited.workload.name}: no resources.limits.memory`] : []),
      ],
    });
  },
};
