/** Hop alloy-discovery: collectors start, accept their configuration, and discover the pods of their nodes. */
import { collectorPods, container, judged, nodeVariable, stuck, where } from './pipeline.ts';
import type { PodEvidence } from './objects-evidence.ts';
import { said, shortened } from './log-lines.ts';
import type { DoctorCheck } from './evidence.ts';
import { nodesShort } from './coverage.ts';
import { fail, NO_COLLECTOR, pass, skip, warn } from './verdict.ts';

/** Alloy's errors, for a file and for a component; and Promtail's. */
const CONFIG_ERROR =
  /^Error: .*(config|river|alloy)\S*:\d+:\d+|could not perform the initial load|failed to reload config|failed to (build|evaluate) component|does not exist or is out of scope|Unable to parse config|error (loading|creating) (config|promtail)|Invalid config/i;

/** The last line of a crash says that it failed, the one before it says where. */
const WITH_POSITION = /^Error: .*(config|river|alloy)\S*:\d+:\d+: /i;

export const pipelineLoads: DoctorCheck = {
  id: 'alloy.config',
  title: 'Collector configuration is valid',
  at: ['doctor'],
  hop: 'alloy-discovery',
  async run(collected) {
    for (const collector of judged(collected)) {
      const fallen = collector.pods.filter(({ ready, containers }) => !ready || containers.some(({ restarts }) => restarts > 0));
      const placed = said(fallen, WITH_POSITION);
      const evidence = placed.length > 0 ? placed : said(fallen, CONFIG_ERROR);
      const position = evidence.map((line) => /[:"](\d+):(\d+): (.+)$/.exec(line)).find(Boolean);
      const bad = collector.pods.some(({ ready }) => !ready) || evidence.some((line) => /failed to reload|out of scope/.test(line));
      if (evidence.length === 0 || !bad) continue;
      const line = position && collector.text?.split('\n')[Number(position[1]) - 1];
      return fail('ALLOY_CONFIG_INVALID', {
        message: position
          ? `The collector refuses its configuration at line ${position[1]}: ${shortened(position[3]!, 120)}`
          : 'The collector refuses its configuration',
        fix: `correct ${collector.configFrom}, in ${where(collector)}`,
        evidence: [...evidence, ...(line ? [`${collector.configFrom}, line ${position?.[1]}: ${line.trim()}`] : [])],
      });
    }
    return judged(collected).length === 0 ? NO_COLLECTOR : pass();
  },
};

const inWords = ({ name, containers, spec }: PodEvidence): string => {
  const limit = spec.containers.find(({ resources }) => resources?.limits?.['memory'])?.resources?.limits?.['memory'];
  return `pod ${name}: lastState.terminated.reason OOMKilled, ${Math.max(...containers.map(({ restarts }) => restarts))} restarts${limit ? `, limit ${limit}` : ''}`;
};

export const collectorsUp: DoctorCheck = {
  id: 'alloy.up',
  title: "Collectors don't crash",
  at: ['doctor'],
  hop: 'alloy-discovery',
  symptom: true,
  async run(collected) {
    const pods = collectorPods(collected);
    if (pods.length === 0) return NO_COLLECTOR;
    if (nodesShort(collected).length > 0) return skip('nodes run out of memory');
    const killed = pods.filter(({ containers }) => containers.some(({ ended, restarts }) => ended?.reason === 'OOMKilled' && restarts > 0));
    const bad = pods.filter(
      ({ containers, ready }) => !ready && containers.some(({ waiting, restarts }) => waiting?.reason === 'CrashLoopBackOff' || restarts > 1),
    );
    const [first] = bad;
    if (!first && killed.length > 0)
      return warn('COLLECTOR_OOM', {
        message: `${killed.length}/${pods.length} collectors were OOM killed and restarted`,
        evidence: killed.slice(0, 4).map(inWords),
      });
    if (!first) return pass(`${pods.filter(({ ready }) => ready).length}/${pods.length} ready`);
    if (bad.some((pod) => killed.includes(pod)))
      return fail('COLLECTOR_OOM', {
        message: `${bad.length} of ${pods.length} collectors crash: they run out of memory`,
        evidence: killed.slice(0, 4).map(inWords),
      });
    const lines = said(bad, /level=error|Error:|panic/);
    return fail('COLLECTOR_CRASHES', {
      message: `${bad.length} of ${pods.length} collectors crash`,
      fix: `kubectl -n ${first.namespace} logs ${first.name} --previous --tail 50`,
      evidence: lines.length > 0 ? lines : [`pod ${first.name}: ${first.containers.map(({ waiting, ended }) => ended?.reason ?? waiting?.reason).join(', ')}`],
    });
  },
};

export const podsListed: DoctorCheck = {
  id: 'alloy.rbac',
  title: 'Collectors are allowed to list pods',
  at: ['doctor'],
  hop: 'alloy-discovery',
  async run(collected) {
    for (const collector of judged(collected)) {
      const evidence = said(
        stuck(collector),
        /is forbidden: User|(pods|nodes|namespaces) is forbidden|cannot (list|watch|get) resource \\?"(pods|nodes|namespaces)/i,
      );
      if (evidence.length === 0) continue;
      const account = collector.workload.template.serviceAccountName ?? 'default';
      return fail('ALLOY_RBAC', {
        message: `ServiceAccount ${collector.workload.namespace}/${account} may not list pods, so the collectors find none`,
        fix: `set rbac.create: true in Alloy's values and upgrade the release; the ClusterRoleBinding must name ServiceAccount ${account} in namespace ${collector.workload.namespace}`,
        evidence,
      });
    }
    return judged(collected).length === 0 ? NO_COLLECTOR : pass();
  },
};

/** The node name that a node filter uses must come from the node, not from the pod. */
export const nodeFilterRight: DoctorCheck = {
  id: 'alloy.node-filter',
  title: 'Each collector discovers the pods of its own node',
  at: ['doctor'],
  hop: 'alloy-discovery',
  async run(collected) {
    for (const collector of judged(collected)) {
      const filter = nodeVariable(collector);
      if (!filter || collector.workload.template.hostNetwork) continue;
      const { variable = 'HOSTNAME' } = filter;
      const given = container(collector)?.env?.find(({ name }) => name === variable);
      if (filter.variable && given?.valueFrom?.fieldRef?.fieldPath === 'spec.nodeName') continue;
      const found = given?.value ?? given?.valueFrom?.fieldRef?.fieldPath;
      return fail('ALLOY_NODE_FILTER', {
        message: filter.variable
          ? `The collector takes ${variable} for the name of its node, but it is ${found ?? "not set, so it is the pod's name"}`
          : "The collector takes the name of its host for that of its node, but in a pod that is the pod's",
        fix: filter.variable
          ? `add to alloy.extraEnv in Alloy's values:\n- name: ${variable}\n  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}`
          : 'field = "spec.nodeName=" + sys.env("HOSTNAME"), with HOSTNAME from fieldRef spec.nodeName',
        evidence: [
          `${collector.configFrom}: ${filter.said}`,
          ...(filter.variable ? [`${collector.workload.kind} ${collector.workload.name}: env ${variable} is not fieldRef spec.nodeName`] : []),
        ],
      });
    }
    return judged(collected).length === 0 ? NO_COLLECTOR : pass();
  },
};
