/** Evidence about a pod in trouble: its last log lines, its volumes, its events. */
import type { Kubernetes, KubeObject } from '../../ports/kubernetes.ts';
import type { Pod, Trouble } from './pod-trouble.ts';

const LOG_LINES = 5;
const EVENTS = 2;
const LONGEST_LINE = 300;

interface Event extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** Never fails: what can't be read is left out, since this only explains an existing failure. */
export async function podEvidence(kubernetes: Kubernetes, pod: KubeObject, trouble: Trouble): Promise<readonly string[]> {
  const quiet = (work: Promise<readonly string[]>) => work.catch((): readonly string[] => []);
  const parts = await Promise.all([
    trouble.is === 'unschedulable' || trouble.is === 'creating' ? quiet(claims(kubernetes, pod)) : [],
    trouble.is === 'crash' || trouble.is === 'unready' ? quiet(lastLines(kubernetes, pod, trouble)) : quiet(warnings(kubernetes, pod)),
  ]);
  return [...new Set(parts.flat())].map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line));
}

async function lastLines(kubernetes: Kubernetes, pod: KubeObject, trouble: Trouble): Promise<readonly string[]> {
  const of = { namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name, tail: LOG_LINES, ...(trouble.container && { container: trouble.container }) };
  const before = trouble.is === 'crash' ? await kubernetes.logs({ ...of, previous: true }) : [];
  const lines = before.length > 0 ? before : await kubernetes.logs(of);
  return lines.map((line) => `${pod.metadata.name}: ${line}`);
}

async function claims(kubernetes: Kubernetes, pod: KubeObject): Promise<readonly string[]> {
  const { namespace } = pod.metadata;
  const names = ((pod as Pod).spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  const told = await Promise.all(
    names.map(async (name) => {
      const claim = await kubernetes.get({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, ...(namespace && { namespace }) });
      const { phase } = (claim as { status?: { phase?: string } } | undefined)?.status ?? {};
      if (phase === 'Bound') return [];
      const events = claim ? await newestEvents(kubernetes, { kind: 'PersistentVolumeClaim', object: claim }) : [];
      return [
        `PersistentVolumeClaim ${namespace}/${name} is ${claim ? (phase ?? 'Pending') : 'missing'}`,
        ...events.map((event) => `${event.reason}: ${event.message}`),
      ];
    }),
  );
  return told.flat();
}

/** Warnings only: FailedMount, FailedScheduling, Failed (image pulls). */
async function warnings(kubernetes: Kubernetes, pod: KubeObject): Promise<readonly string[]> {
  const events = await newestEvents(kubernetes, { kind: 'Pod', object: pod });
  return events.filter(({ type }) => type !== 'Normal').map((event) => `${event.reason}: ${event.message}`);
}

interface Conditioned {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[];
  };
}

/** Why the API server rejects more pods of a workload: a quota, pod security, an admission webhook. */
export async function refusedPods(kubernetes: Kubernetes, workload: KubeObject): Promise<readonly string[]> {
  if (workload.kind === 'Deployment') {
    const failures = ((workload as Conditioned).status?.conditions ?? []).filter(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
    return failures.map(({ reason, message }) => `${reason}: ${message}`);
  }
  // Other controllers report it only in events.
  const events = await newestEvents(kubernetes, { kind: workload.kind, object: workload }).catch(() => []);
  return events.filter(({ reason }) => reason === 'FailedCreate').map(({ reason, message }) => `${reason}: ${message}`);
}

async function newestEvents(kubernetes: Kubernetes, { kind, object }: { readonly kind: string; readonly object: KubeObject }): Promise<readonly Event[]> {
  const { name, namespace } = object.metadata;
  const fields = `involvedObject.kind=${kind},involvedObject.name=${name}`;
  const events = (await kubernetes.list({ apiVersion: 'v1', kind: 'Event', fields, ...(namespace && { namespace }) })) as readonly Event[];
  const time = (event: Event) => Date.parse(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '') || 0;
  return [...events].sort((a, b) => time(b) - time(a)).slice(0, EVENTS);
}
