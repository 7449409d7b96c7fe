/** Hop loki-runtime: every component of Loki runs, and responds. */
import { getPath } from '../../../design/get-path.ts';
import type { Json, Verdict } from '../../../engine/types.ts';
import { doesWork, down, scaledToZero, type Idle } from '../../../checks/parts.ts';
import { core, crashing, freshSince, nowIn, said } from './log-lines.ts';
import type { LokiEvidence } from './loki-evidence.ts';
import type { PodEvidence, Workload } from './objects-evidence.ts';
import { noImage } from './scheduling.ts';
import { isReplacing, isStarting } from './starting.ts';
import { quorumOf } from './loki-quorum.ts';
import type { DoctorCheck, Evidence } from './evidence.ts';
import { fail, NO_LOKI, pass, skip } from './verdict.ts';

const object = ({ kind, namespace, name }: Workload): string => `${kind} ${namespace}/${name}`;

/** These have findings of their own. */
const TOLD_ELSEWHERE = ['store', 'schedule', 'pass'];
/** Lines are accepted and found without it all the same. */
const BEHIND = ['compact'];

const needsIndexGateway = ({ config, workloads }: LokiEvidence): boolean =>
  workloads.some(({ component }) => component === 'backend') ||
  JSON.stringify(getPath(config, 'storage_config') ?? {}).includes('index_gateway') ||
  getPath(config, 'storage_config') === undefined;

/** As in the release, if its values define it. */
function usual({ component }: Workload, { release }: LokiEvidence): number {
  const key = component.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const told = getPath((release?.values ?? {}) as Json, `${key}.replicas`);
  return typeof told === 'number' && told > 0 ? told : 1;
}

function zero(loki: LokiEvidence, of: (work: string) => boolean): Verdict {
  const idle = scaledToZero(loki.workloads).filter(({ work }) => of(work) && !(work === 'index' && !needsIndexGateway(loki)));
  const [first] = idle;
  if (!first) return pass();
  const parts = [...new Set(idle.flatMap((one) => one.parts))];
  const fixes = parts.map((one) => `kubectl -n ${one.namespace} scale ${one.kind.toLowerCase()} ${one.name} --replicas=${usual(one, loki)}`);
  return fail('LOKI_COMPONENT_SCALED_DOWN', {
    message: `${object(parts[0]!)} has no replicas, so Loki ${first.words}`,
    fix: fixes.join('\n'),
    evidence: parts.map((one) => `${object(one)}: spec.replicas 0`),
  });
}

export const partsWanted: DoctorCheck = {
  id: 'loki.parts',
  title: 'Every required component has replicas',
  at: ['doctor'],
  hop: 'loki-runtime',
  async run({ loki }) {
    return loki ? zero(loki, (work) => !TOLD_ELSEWHERE.includes(work) && !BEHIND.includes(work)) : NO_LOKI;
  },
};

export const compactorWanted: DoctorCheck = {
  id: 'loki.compactor',
  title: 'Loki has a compactor',
  at: ['doctor'],
  hop: 'loki-runtime',
  partial: true,
  async run({ loki }) {
    if (!loki) return NO_LOKI;
    // If more than the compactor is missing, another check reports it.
    const more = scaledToZero(loki.workloads).some(({ work, parts }) => !BEHIND.includes(work) && parts.some(({ component }) => component === 'backend'));
    return more ? skip('other components are missing too') : zero(loki, (work) => BEHIND.includes(work));
  },
};

/** A pod may be running but do nothing: a process that was stopped, or that hangs. */
export const partsUp: DoctorCheck = {
  id: 'loki.parts-up',
  title: 'Every required component is ready and responds',
  at: ['doctor'],
  hop: 'loki-runtime',
  symptom: true,
  async run(collected) {
    const { loki } = collected;
    if (!loki) return NO_LOKI;
    const up = (component: string) => loki.pods.filter((one) => one.component === component && one.ready).length;
    const judged = loki.workloads
      .filter(({ component }) => component !== 'gateway')
      // Pods are read a moment after their workloads, so they are more current.
      .map((one) => ({ ...one, ready: Math.max(one.ready, Math.min(one.wanted, up(one.component))) }));
    const [first] = [...down(judged, quorumOf(loki)), ...mute(loki, judged)].filter(({ work }) => !BEHIND.includes(work));
    if (!first) return pass();
    const names = new Set(first.parts.map(({ component }) => component));
    const pods = loki.pods.filter(({ component }) => names.has(component));
    const now = nowIn(collected);
    if (pods.length === 0 && first.parts.every((part) => isReplacing(loki, part))) return skip(`${[...names].join(' and ')}: pods are being created`);
    if (pods.some(({ unscheduled, containers }) => unscheduled !== undefined || containers.some(noImage)))
      return skip('its pods are waiting for a node or an image');
    if (crashing(pods).length > 0) return skip('its pods are crashing');
    if (pods.some((pod) => isStarting(pod, now))) return skip(`${[...names].join(' and ')}: pods are starting`);
    return fail('LOKI_COMPONENT_DOWN', {
      message: `${first.parts.map((part) => `${object(part)}: ${part.ready} of ${part.wanted} ready`).join(', ')}${silent(loki, pods) ? ', and no pod answers' : ''}; Loki ${first.words}`,
      fix: `kubectl -n ${loki.namespace} describe pods -l app.kubernetes.io/component=${first.parts[0]!.component}`,
      evidence: evidenceOf(collected, pods),
    });
  },
};

const silent = ({ mute: all = [] }: LokiEvidence, pods: readonly PodEvidence[]): boolean => pods.some(({ name }) => all.some(({ pod }) => pod === name));

/** Ready according to Kubernetes, but none of the queried pods responds; others do, so the network path is fine. */
function mute({ mute: all = [], asked = [], pods }: LokiEvidence, workloads: readonly Workload[]): readonly Idle<Workload>[] {
  const quiet = new Set(all.map(({ pod }) => pod));
  if (quiet.size === 0 || asked.every((pod) => quiet.has(pod))) return [];
  const parts = workloads.filter(({ component, wanted }) => {
    const theirs = pods.filter((pod) => pod.component === component && asked.includes(pod.name));
    return wanted > 0 && theirs.length > 0 && theirs.every(({ name }) => quiet.has(name));
  });
  return (['receive', 'store', 'query', 'frontend'] as const).flatMap((work) => {
    const silenced = parts.filter(({ component }) => doesWork(component, work));
    return silenced.length > 0 && workloads.filter(({ component, wanted }) => wanted > 0 && doesWork(component, work)).every((one) => silenced.includes(one))
      ? [{ work, words: work === 'receive' ? 'accepts no log lines' : work === 'store' ? 'stores no log lines' : 'answers no queries', parts: silenced }]
      : [];
  });
}

function evidenceOf(collected: Evidence, pods: readonly PodEvidence[]): readonly string[] {
  const loki = collected.loki!;
  const states = pods.slice(0, 4).map((pod) => {
    const why = loki.mute?.find(({ pod: name }) => name === pod.name)?.why;
    const since = pod.unreadySince ? ` since ${pod.unreadySince.toISOString()}` : '';
    return `pod ${pod.name}: ${pod.ready ? 'ready' : `not ready${since}`}${why ? `; GET /metrics: ${why}` : ''}`;
  });
  return [
    ...states,
    ...said(
      core(loki).filter(({ name }) => pods.some((pod) => pod.name === name)),
      /level=error|panic|fatal/i,
      2,
      freshSince(collected),
    ),
  ];
}
