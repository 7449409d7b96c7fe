import { type ContainerRun, statusOf } from './container-run.ts';
import type { ClusterParts } from './parts.ts';
import { amounts } from './quantity.ts';
import { type Condition, type Pod, type PodSpec, stamp, withConditions } from './shapes.ts';

export function writePodStatus(parts: ClusterParts, run: PodRun): void {
  const pod = parts.store.get('Pod', run.namespace, run.name) as Pod | undefined;
  if (pod === undefined || pod.metadata.uid !== run.uid) return;
  const node = parts.nodes.get(pod.spec.nodeName ?? '');
  const hostIP = node?.status?.addresses?.find((address) => address.type === 'InternalIP')?.address;
  const init = run.containers.filter((container) => container.kind !== 'main');
  const main = run.containers.filter((container) => container.kind === 'main');
  const phase = phaseOf(run, pod.spec.restartPolicy ?? 'Always');
  // A seed's pods go from bound to running in one step: there is no watcher yet.
  if (phase === 'Pending' && parts.pace(1) === 0) return;
  const ip = run.mounted ? { podIP: run.ip, podIPs: [{ ip: run.ip }] } : {};
  const status = {
    ...pod.status,
    phase,
    conditions: withConditions(pod.status?.conditions, parts.clock.now(), conditionsOf(run, { pod, phase })),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...ip,
    startTime: pod.status?.['startTime'] ?? stamp(parts.clock.now()),
    ...(init.length > 0 && { initContainerStatuses: init.map((container) => statusOf(run.uid, container)) }),
    containerStatuses: main.map((container) => statusOf(run.uid, container)),
    qosClass: qosOf(pod.spec),
  };
  // Even an unchanged write costs the store a copy of the pod, which adds up for thousands of pods.
  const text = JSON.stringify(status);
  if (text !== JSON.stringify(pod.status)) parts.store.setStatus('Pod', run.namespace, run.name, status);
}

function doneWell(container: ContainerRun): boolean {
  return container.state.is === 'ended' && container.state.code === 0;
}

function phaseOf(run: PodRun, policy: string): string {
  const main = run.containers.filter((container) => container.kind === 'main');
  const init = run.containers.filter((container) => container.kind === 'init');
  if (policy === 'Never' && init.some((container) => container.state.is === 'ended' && container.state.code !== 0)) return 'Failed';
  if (!initialized(run)) return 'Pending';
  if (policy !== 'Always' && main.every((container) => container.state.is === 'ended')) {
    if (main.every(doneWell)) return 'Succeeded';
    if (policy === 'Never') return 'Failed';
  }
  return main.some((container) => container.attempt > 0) && !main.some((container) => container.attempt === 0) ? 'Running' : 'Pending';
}

function initialized(run: PodRun): boolean {
  return run.containers.every((container) => container.kind === 'main' || (container.kind === 'init' ? doneWell(container) : container.attempt > 0));
}

function conditionsOf(run: PodRun, of: { readonly pod: Pod; readonly phase: string }): readonly Condition[] {
  const yes = (type: string, is: boolean, why?: Partial<Condition>): Condition =>
    is ? { type, status: 'True', ...(why?.reason === 'PodCompleted' && why) } : { type, status: 'False', ...why };
  const unready = run.containers.filter((container) => container.kind !== 'init' && !container.ready).map((container) => container.spec.name);
  const incomplete = run.containers.filter((container) => container.kind === 'init' && !doneWell(container)).map((container) => container.spec.name);
  const finished = of.phase === 'Succeeded' || of.phase === 'Failed';
  const waiting: Partial<Condition> =
    of.phase === 'Succeeded'
      ? { reason: 'PodCompleted' }
      : of.phase === 'Failed'
        ? { reason: 'PodFailed' }
        : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const ready = !finished && unready.length === 0;
  const scheduled = of.pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled') ?? { type: 'PodScheduled', status: 'True' as const };
  return [
    yes('PodReadyToStartContainers', run.mounted && !finished),
    yes('Initialized', initialized(run), { reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${incomplete.join(' ')}]` }),
    yes('Ready', ready, waiting),
    yes('ContainersReady', ready, waiting),
    { ...scheduled, status: 'True' },
  ];
}

function qosOf(spec: PodSpec): string {
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const asked = all.flatMap((container) => [amounts(container.resources?.requests), amounts(container.resources?.limits)]);
  if (asked.every((list) => list['cpu'] === undefined && list['memory'] === undefined)) return 'BestEffort';
  const guaranteed = all.every((container) => {
    const limits = amounts(container.resources?.limits);
    const requests = { ...limits, ...amounts(container.resources?.requests) };
    return ['cpu', 'memory'].every((name) => limits[name] !== undefined && limits[name] === requests[name]);
  });
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

export interface PodRun {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly ip: string;
  readonly containers: readonly ContainerRun[];
  readonly cancels: Set<() => void>;
  mounted: boolean;
  over: boolean;
}
