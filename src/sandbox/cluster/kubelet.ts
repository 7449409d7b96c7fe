/** The kubelets of all nodes: they run bound pods, stop deleted ones, and keep the logs. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { PodRuntime, StoreEvent } from '../types.ts';
import type { ContainerRun } from './container-run.ts';
import type { PodRun } from './pod-status.ts';
import { runProgram } from './programs.ts';
import { createPodRun, cutOff, type NodeParts, podOf, startPod, write } from './pod-run.ts';
import { isFinished, type Pod } from './shapes.ts';

/** Keeps a pod with real processes in the API until they have exited. */
export const PROCESSES = 'loki-eks.sandbox/processes';

export interface Kubelet {
  readonly runtime: PodRuntime;
  heard(event: StoreEvent): void;
  /** A container of the log path writes a line of its own. */
  print(pod: KubeObject, container: string, line: string): void;
  /** Stops every container of a node at once, and restarts them after this long. */
  reboot(node: string, downMs: number): void;
  close(): void;
}

export function createKubelet(given: Omit<NodeParts, 'down'>): Kubelet {
  const down = new Map<string, Date>();
  const parts: NodeParts = { ...given, down };
  const runs = new Map<string, PodRun>();
  let addresses = 0;
  const ipFor = (pod: Pod): string => {
    const node = parts.nodes.get(pod.spec.nodeName ?? '');
    if (pod.spec.hostNetwork === true) return node?.status?.addresses?.find((address) => address.type === 'InternalIP')?.address ?? '10.0.0.1';
    addresses += 1;
    return `10.0.${128 + (Math.floor(addresses / 250) % 128)}.${2 + (addresses % 250)}`;
  };
  const stop = (uid: string): void => {
    const run = runs.get(uid);
    if (run === undefined) return;
    run.over = true;
    for (const cancel of run.cancels) cancel();
    for (const { process } of run.containers) void process?.stop(0);
    runs.delete(uid);
  };
  const find = (pod: KubeObject, container: string): ContainerRun | undefined =>
    runs.get(pod.metadata.uid ?? '')?.containers.find((candidate) => candidate.spec.name === container);
  /** Processes have their grace period; simulated containers end after a moment. */
  const ended = async (pod: Pod): Promise<void> => {
    const seconds = (pod.spec as { readonly terminationGracePeriodSeconds?: number }).terminationGracePeriodSeconds ?? 30;
    const processes = (runs.get(pod.metadata.uid ?? '')?.containers ?? []).flatMap(({ process }) => process ?? []);
    await Promise.all(processes.map((process) => process.stop(seconds * 1000)));
  };
  const leave = async (pod: Pod): Promise<void> => {
    const run = runs.get(pod.metadata.uid ?? '');
    // Nothing is restarted during shutdown.
    if (run !== undefined) for (const container of run.containers) container.attempt += container.process === undefined ? 0 : 1;
    await ended(pod);
    parts.clock.after(parts.pace(100), () => {
      const now = parts.store.get('Pod', pod.metadata.namespace, pod.metadata.name);
      if (now?.metadata.uid !== pod.metadata.uid) return;
      const others = (now?.metadata.finalizers ?? []).filter((name) => name !== PROCESSES);
      if (now !== undefined && others.length !== (now.metadata.finalizers ?? []).length)
        parts.store.update({ ...now, metadata: { ...now.metadata, finalizers: others } });
      if (parts.store.get('Pod', pod.metadata.namespace, pod.metadata.name)?.metadata.uid === pod.metadata.uid)
        parts.store.delete('Pod', pod.metadata.namespace, pod.metadata.name);
    });
  };
  return {
    heard: ({ type, object, before }) => {
      const pod = object as Pod;
      const uid = pod.metadata.uid ?? '';
      if (type === 'DELETED') return stop(uid);
      if (pod.metadata.deletionTimestamp !== undefined) {
        if (before?.metadata.deletionTimestamp === undefined) void leave(pod);
        return;
      }
      if (pod.spec.nodeName === undefined || runs.has(uid) || isFinished(pod)) return;
      const run = createPodRun(pod, ipFor(pod));
      runs.set(uid, run);
      // The scheduler is still writing its condition; the kubelet sees the pod a moment later.
      parts.clock.after(parts.pace(20), () => !run.over && startPod(parts, run));
    },
    print: (pod, container, line) => {
      const run = runs.get(pod.metadata.uid ?? '');
      const of = find(pod, container);
      if (run !== undefined && of?.state.is === 'running') write(parts, run, { container: of, text: line });
    },
    reboot: (node, downMs) => {
      down.set(node, new Date(parts.clock.now().getTime() + downMs));
      for (const run of runs.values()) if (podOf(parts, run)?.spec.nodeName === node) cutOff(parts, run);
    },
    runtime: {
      logs: (pod, container, { previous }) => {
        const of = find(pod, container);
        return previous === true ? [...(of?.previous ?? [])] : [...(of?.log ?? [])];
      },
      follow: (pod, container, listener) => {
        const of = find(pod, container);
        of?.listeners.add(listener);
        return () => of?.listeners.delete(listener);
      },
      request: async (pod, port, request) => {
        const now = parts.store.get('Pod', pod.metadata.namespace, pod.metadata.name);
        const running = runs.get(pod.metadata.uid ?? '')?.containers.some((container) => container.state.is === 'running') ?? false;
        const served = running && now !== undefined ? parts.logPath().serve(now, port, request) : undefined;
        return (
          served ?? {
            status: 502,
            headers: { 'content-type': 'text/plain' },
            body: `dial tcp ${String((now as Pod | undefined)?.status?.podIP ?? '')}:${port}: connect: connection refused`,
          }
        );
      },
      execute: (pod, container, words) => {
        const mounted = find(pod, container)?.state.is === 'running' ? parts.logPath().mounted?.(pod, container) : undefined;
        return mounted === undefined ? undefined : runProgram(words, mounted);
      },
    },
    close: () => {
      for (const uid of runs.keys()) stop(uid);
    },
  };
}
