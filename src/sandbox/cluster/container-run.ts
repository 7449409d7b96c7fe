/** One container as the kubelet sees it: its state, its log, and what the API shows of both. */
import { createHash } from 'node:crypto';
import type { Launched } from '../types.ts';
import { type Container, type ContainerStatus, stamp } from './shapes.ts';

export interface LogEntry {
  readonly time: Date;
  readonly line: string;
}

export interface Ended {
  readonly code: number;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly id: string;
  /** Set where the exit code is ambiguous: 137 is an OOM kill as well as `kill -9`. */
  readonly reason?: string;
}

export interface ContainerRun {
  readonly spec: Container;
  readonly kind: 'init' | 'sidecar' | 'main';
  state:
    | { readonly is: 'waiting'; readonly reason: string; readonly message?: string }
    | { readonly is: 'running'; readonly startedAt: Date }
    | ({ readonly is: 'ended' } & Ended);
  last: Ended | undefined;
  ready: boolean;
  restarts: number;
  log: LogEntry[];
  previous: LogEntry[];
  readonly listeners: Set<(entry: LogEntry) => void>;
  /** Incremented at every start; a timer of an earlier start does nothing. */
  attempt: number;
  /** Set for a real process. */
  process?: Launched | undefined;
}

/** Older lines are rotated away, as the kubelet does at 10 MiB. */
const KEPT = 10_000;

export function createContainerRun(spec: Container, kind: ContainerRun['kind']): ContainerRun {
  const reason = kind === 'main' ? 'ContainerCreating' : 'PodInitializing';
  return { spec, kind, state: { is: 'waiting', reason }, last: undefined, ready: false, restarts: 0, log: [], previous: [], listeners: new Set(), attempt: 0 };
}

export function append(run: ContainerRun, entry: LogEntry): void {
  run.log.push(entry);
  if (run.log.length > KEPT) run.log.splice(0, KEPT / 10);
  for (const listener of run.listeners) listener(entry);
}

export function containerId(uid: string, run: ContainerRun): string {
  return `containerd://${createHash('sha256').update(`${uid}/${run.spec.name}/${run.attempt}`).digest('hex')}`;
}

function terminated(ended: Ended): Readonly<Record<string, unknown>> {
  const reason = ended.reason ?? reasonOf(ended.code);
  return { containerID: ended.id, exitCode: ended.code, reason, startedAt: stamp(ended.startedAt), finishedAt: stamp(ended.finishedAt) };
}

function reasonOf(code: number): string {
  return code === 0 ? 'Completed' : code === 137 ? 'OOMKilled' : 'Error';
}

export function statusOf(uid: string, run: ContainerRun): ContainerStatus {
  const { state } = run;
  const shown: ContainerStatus['state'] =
    state.is === 'running'
      ? { running: { startedAt: stamp(state.startedAt) } }
      : state.is === 'ended'
        ? { terminated: terminated(state) }
        : { waiting: { reason: state.reason, ...(state.message !== undefined && { message: state.message }) } };
  const started = run.attempt > 0;
  return {
    name: run.spec.name,
    image: run.spec.image,
    imageID: started ? `${run.spec.image.replace(/[:@][^/]*$/, '')}@sha256:${createHash('sha256').update(run.spec.image).digest('hex')}` : '',
    ...(started && { containerID: containerId(uid, run) }),
    lastState: run.last === undefined ? {} : { terminated: terminated(run.last) },
    ready: run.kind === 'init' ? state.is === 'ended' && state.code === 0 : run.ready,
    restartCount: run.restarts,
    started: state.is === 'running',
    state: shown,
  };
}
