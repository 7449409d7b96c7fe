/** One pod on its node: volumes, init containers in order, containers, restarts with back-off, and termination. */
import type { LogPath } from '../types.ts';
import { append, containerId, type ContainerRun, createContainerRun } from './container-run.ts';
import { environmentOf, expandArguments, unmountable } from './environment.ts';
import { behaviourOf, isBare, isOfLogPath } from './images.ts';
import type { ClusterParts } from './parts.ts';
import { writePodStatus, type PodRun } from './pod-status.ts';
import { interpret, type Program } from './shell.ts';
import type { Pod } from './shapes.ts';

export interface NodeParts extends ClusterParts {
  readonly logPath: () => LogPath;
  /** Image names, or parts of them, that cannot be pulled from any registry. */
  readonly deniedImages: ReadonlySet<string>;
  /** Nodes that are rebooting, and until when. */
  readonly down: ReadonlyMap<string, Date>;
}

const FROM = 'kubelet';

export function createPodRun(pod: Pod, ip: string): PodRun {
  const init = (pod.spec.initContainers ?? []).map((spec) => createContainerRun(spec, spec.restartPolicy === 'Always' ? 'sidecar' : 'init'));
  const main = pod.spec.containers.map((spec) => createContainerRun(spec, 'main'));
  if (init.length > 0) for (const run of main) run.state = { is: 'waiting', reason: 'PodInitializing' };
  const { uid = '', namespace = 'default', name } = pod.metadata;
  return { uid, namespace, name, ip, containers: [...init, ...main], cancels: new Set(), mounted: false, over: false };
}

/** The pod as currently stored; `undefined` once it is deleted or replaced by one of the same name. */
export function podOf(parts: NodeParts, run: PodRun): Pod | undefined {
  const pod = parts.store.get('Pod', run.namespace, run.name) as Pod | undefined;
  return pod?.metadata.uid === run.uid ? pod : undefined;
}

export function later(parts: NodeParts, run: PodRun, what: { readonly ms: number; readonly act: () => void }): void {
  const cancel = parts.clock.after(what.ms, () => {
    run.cancels.delete(cancel);
    if (!run.over) what.act();
  });
  run.cancels.add(cancel);
}

function tell(parts: NodeParts, run: PodRun, what: readonly ['Normal' | 'Warning', string, string]): void {
  const pod = podOf(parts, run);
  if (pod !== undefined) parts.tell({ about: pod, type: what[0], reason: what[1], message: what[2], from: FROM });
}

export function startPod(parts: NodeParts, run: PodRun): void {
  writePodStatus(parts, run);
  later(parts, run, { ms: parts.pace(100), act: () => mount(parts, run) });
}

function mount(parts: NodeParts, run: PodRun): void {
  const pod = podOf(parts, run);
  if (pod === undefined) return;
  const problem = unmountable(parts.store, pod);
  if (problem !== undefined) {
    tell(parts, run, ['Warning', 'FailedMount', problem]);
    return later(parts, run, { ms: 500, act: () => mount(parts, run) });
  }
  run.mounted = true;
  proceed(parts, run);
}

/** Starts whatever may start now: the next init container, or all containers. */
function proceed(parts: NodeParts, run: PodRun): void {
  for (const container of run.containers) {
    if (container.kind === 'main') break;
    if (container.kind === 'init' && container.state.is === 'ended' && container.state.code === 0) continue;
    if (container.state.is === 'waiting' && container.attempt === 0) begin(parts, run, container);
    if (container.kind === 'init' || container.state.is !== 'running') return writePodStatus(parts, run);
  }
  for (const container of run.containers)
    if (container.kind === 'main' && container.state.is === 'waiting' && container.attempt === 0) begin(parts, run, container);
  writePodStatus(parts, run);
}

/** Pulls and creates; an obstacle is shown as the waiting reason and retried. */
function begin(parts: NodeParts, run: PodRun, container: ContainerRun): void {
  const pod = podOf(parts, run);
  if (pod === undefined) return;
  const again = (reason: string, message: string): void => {
    container.state = { is: 'waiting', reason, message };
    writePodStatus(parts, run);
    later(parts, run, { ms: 500, act: () => begin(parts, run, container) });
  };
  const { image } = container.spec;
  if ([...parts.deniedImages].some((denied) => image.includes(denied))) {
    const first = container.state.is !== 'waiting' || !['ErrImagePull', 'ImagePullBackOff'].includes(container.state.reason);
    const failure = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
    tell(parts, run, first ? ['Warning', 'Failed', `Failed to pull image "${image}": ${failure}`] : ['Normal', 'BackOff', `Back-off pulling image "${image}"`]);
    return first ? again('ErrImagePull', failure) : again('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${failure}`);
  }
  const environment = environmentOf(parts.store, pod, container.spec);
  if (environment.is === 'lacking') {
    tell(parts, run, ['Warning', 'Failed', `Error: ${environment.message}`]);
    return again('CreateContainerConfigError', environment.message);
  }
  tell(parts, run, ['Normal', 'Pulled', `Container image "${image}" already present on machine`]);
  tell(parts, run, ['Normal', 'Created', `Created container: ${container.spec.name}`]);
  tell(parts, run, ['Normal', 'Started', `Started container ${container.spec.name}`]);
  container.attempt += 1;
  container.state = { is: 'running', startedAt: parts.clock.now() };
  writePodStatus(parts, run);
  behave(parts, run, { container, pod, env: environment.env });
  if (container.kind === 'sidecar') later(parts, run, { ms: 0, act: () => proceed(parts, run) });
}

/** Writes a line as the container: into its log, and into the file on its node. */
export function write(parts: NodeParts, run: PodRun, line: { readonly container: ContainerRun; readonly text: string }): void {
  const pod = podOf(parts, run);
  const entry = { time: parts.clock.now(), line: line.text };
  append(line.container, entry);
  if (pod !== undefined) parts.logPath().printed(pod, line.container.spec.name, entry);
}

interface Starting {
  readonly container: ContainerRun;
  readonly pod: Pod;
  readonly env: Readonly<Record<string, string>>;
}

function behave(parts: NodeParts, run: PodRun, starting: Starting): void {
  const { container, pod } = starting;
  if (launch(parts, run, { container, pod })) return;
  if (component(parts, run, { container, said: '' })) return;
  const { command, args, image } = container.spec;
  if (container.kind === 'init' && isOfLogPath(image)) return later(parts, run, { ms: parts.pace(50), act: () => end(parts, run, { container, code: 0 }) });
  const argv = expandArguments([...(command ?? []), ...(args ?? [])], starting.env);
  if (command !== undefined || isBare(image)) {
    if (argv.length === 0) return end(parts, run, { container, code: 0 });
    const program = interpret(argv, { env: starting.env, now: () => parts.clock.now() });
    if (program !== undefined) {
      becomeReady(parts, run, container);
      return drive(parts, run, { container, program, attempt: container.attempt });
    }
  }
  const behaviour = behaviourOf(image, pod);
  for (const text of behaviour.start) write(parts, run, { container, text });
  if (container.kind === 'init') return later(parts, run, { ms: parts.pace(50), act: () => end(parts, run, { container, code: 0 }) });
  becomeReady(parts, run, container);
  if (behaviour.every !== undefined) tick(parts, run, { container, every: behaviour.every, count: 1, attempt: container.attempt });
}

/** A real process is ready when its probes succeed, and ends when it exits. */
function launch(parts: NodeParts, run: PodRun, { container, pod }: Pick<Starting, 'container' | 'pod'>): boolean {
  const { attempt } = container;
  const isCurrent = (): boolean => container.attempt === attempt && container.state.is === 'running';
  const becomes = (ready: boolean): void => {
    if (!isCurrent() || container.ready === ready) return;
    container.ready = ready;
    writePodStatus(parts, run);
  };
  container.process = parts.logPath().launch?.(pod, container.spec.name, {
    kind: container.kind,
    restarts: container.restarts,
    address: run.ip,
    line: (text) => append(container, { time: parts.clock.now(), line: text }),
    ready: (is, why) => {
      if (why !== undefined) tell(parts, run, ['Warning', 'Unhealthy', why]);
      becomes(is);
    },
    unhealthy: (why) => {
      tell(parts, run, ['Warning', 'Unhealthy', why]);
      tell(parts, run, ['Normal', 'Killing', `Container ${container.spec.name} failed liveness probe, will be restarted`]);
      becomes(false);
    },
    ended: (code) => {
      if (isCurrent() && !run.over) end(parts, run, { container, code, ...(code !== 0 && { reason: 'Error' }) });
    },
  });
  return container.process !== undefined;
}

/** Containers of the log path come up as the log path decides, and are polled until they are ready. */
function component(parts: NodeParts, run: PodRun, of: { readonly container: ContainerRun; readonly said: string }): boolean {
  const pod = podOf(parts, run);
  const { container } = of;
  const start = pod === undefined ? undefined : parts.logPath().start(pod, container.spec.name);
  if (start === undefined) return false;
  const said = start.lines.join('\n');
  if (said !== of.said) for (const text of start.lines) write(parts, run, { container, text });
  const { attempt } = container;
  if (start.crash !== undefined) {
    const { exitCode } = start.crash;
    later(parts, run, { ms: parts.pace(100), act: () => container.attempt === attempt && end(parts, run, { container, code: exitCode }) });
  } else if (start.ready) becomeReady(parts, run, container);
  else {
    if (of.said !== '') tell(parts, run, ['Warning', 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503']);
    later(parts, run, {
      ms: 200,
      act: () => container.attempt === attempt && container.state.is === 'running' && component(parts, run, { container, said: said || ' ' }),
    });
  }
  return true;
}

function becomeReady(parts: NodeParts, run: PodRun, container: ContainerRun): void {
  if (container.kind === 'init') return;
  const { attempt } = container;
  const ms = parts.pace(container.spec.readinessProbe === undefined ? 0 : 250);
  later(parts, run, {
    ms,
    act: () => {
      if (container.attempt !== attempt || container.state.is !== 'running') return;
      container.ready = true;
      writePodStatus(parts, run);
    },
  });
}

function tick(
  parts: NodeParts,
  run: PodRun,
  of: {
    readonly container: ContainerRun;
    readonly every: { readonly ms: number; readonly line: (count: number, now: Date) => string };
    readonly count: number;
    readonly attempt: number;
  },
): void {
  if (of.container.attempt !== of.attempt || of.container.state.is !== 'running') return;
  write(parts, run, { container: of.container, text: of.every.line(of.count, parts.clock.now()) });
  later(parts, run, { ms: of.every.ms, act: () => tick(parts, run, { ...of, count: of.count + 1 }) });
}

/** Runs until the next sleep, or for enough lines that others should get a turn. */
function drive(parts: NodeParts, run: PodRun, of: { readonly container: ContainerRun; readonly program: Program; readonly attempt: number }): void {
  const { container, program } = of;
  for (let lines = 0; lines < 1000;) {
    if (container.attempt !== of.attempt || run.over) return;
    const next = program.next();
    if (next.done === true) return later(parts, run, { ms: parts.pace(20), act: () => end(parts, run, { container, code: next.value }) });
    if (next.value.is === 'block') return;
    if (next.value.is === 'sleep') return later(parts, run, { ms: next.value.ms, act: () => drive(parts, run, of) });
    write(parts, run, { container, text: next.value.line });
    lines += 1;
  }
  later(parts, run, { ms: 0, act: () => drive(parts, run, of) });
}

/** The node lost power: everything on it ends at once. */
export function cutOff(parts: NodeParts, run: PodRun): void {
  for (const container of run.containers) if (container.process?.signal('SIGKILL') !== true) end(parts, run, { container, code: 137, reason: 'Error' });
}

function end(parts: NodeParts, run: PodRun, of: { readonly container: ContainerRun; readonly code: number; readonly reason?: string }): void {
  const { container, code, reason } = of;
  if (container.state.is !== 'running') return;
  const ended = {
    code,
    startedAt: container.state.startedAt,
    finishedAt: parts.clock.now(),
    id: containerId(run.uid, container),
    ...(reason !== undefined && { reason }),
  };
  container.state = { is: 'ended', ...ended };
  container.ready = false;
  const policy = container.kind === 'sidecar' ? 'Always' : (podOf(parts, run)?.spec.restartPolicy ?? 'Always');
  const again = container.kind === 'init' ? code !== 0 && policy !== 'Never' : policy === 'Always' || (policy === 'OnFailure' && code !== 0);
  writePodStatus(parts, run);
  if (again) restart(parts, run, container);
  else if (container.kind === 'init' && code === 0) proceed(parts, run);
}

/** The API reports the real back-off (10, 20, 40, ... 300 s); a tenth of it is waited. */
function restart(parts: NodeParts, run: PodRun, container: ContainerRun): void {
  const seconds = Math.min(300, 10 * 2 ** Math.max(0, container.restarts - 1));
  const go = (): void => {
    if (container.state.is === 'ended') container.last = container.state;
    container.restarts += 1;
    container.previous = container.log;
    container.log = [];
    begin(parts, run, container);
  };
  const up = parts.down.get(podOf(parts, run)?.spec.nodeName ?? '')?.getTime() ?? 0;
  const downMs = up - parts.clock.now().getTime();
  if (downMs > 0) return later(parts, run, { ms: downMs, act: go });
  if (container.restarts === 0) return later(parts, run, { ms: parts.pace(100), act: go });
  const { name } = container.spec;
  if (container.state.is === 'ended') container.last = container.state;
  container.state = {
    is: 'waiting',
    reason: 'CrashLoopBackOff',
    message: `back-off ${backOffText(seconds)} restarting failed container=${name} pod=${run.name}_${run.namespace}(${run.uid})`,
  };
  tell(parts, run, ['Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${run.name}_${run.namespace}(${run.uid})`]);
  writePodStatus(parts, run);
  later(parts, run, { ms: seconds * 100, act: go });
}

function backOffText(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
