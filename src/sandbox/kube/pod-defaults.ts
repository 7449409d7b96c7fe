/** Defaults of a pod's spec, on its own or in a workload's template. */
import type { Doc } from './document.ts';

const fill = (target: Doc, defaults: Doc): void => {
  for (const [key, value] of Object.entries(defaults)) target[key] ??= structuredClone(value);
};

function defaultProbe(probe: Doc | undefined): void {
  if (!probe) return;
  fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  if (probe.httpGet) fill(probe.httpGet, { path: '/', scheme: 'HTTP' });
}

/** `latest`, or no tag at all, is always pulled. */
const pullPolicy = (image: unknown): string => {
  const last =
    String(image ?? '')
      .split('/')
      .at(-1) ?? '';
  return last.includes('@') || (last.includes(':') && !last.endsWith(':latest')) ? 'IfNotPresent' : 'Always';
};

function defaultContainer(container: Doc): void {
  fill(container, {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicy(container.image),
  });
  for (const port of container.ports ?? []) fill(port, { protocol: 'TCP' });
  for (const variable of container.env ?? []) if (variable.valueFrom?.fieldRef) fill(variable.valueFrom.fieldRef, { apiVersion: 'v1' });
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(container[name]);
  // A limit without a request is also the request.
  const { limits, requests } = container.resources;
  if (limits) container.resources.requests = { ...limits, ...requests };
}

function defaultVolume(volume: Doc): void {
  const kinds = Object.keys(volume).filter((key) => key !== 'name');
  if (kinds.length === 0) volume.emptyDir = {};
  for (const kind of ['configMap', 'secret', 'downwardAPI', 'projected']) if (volume[kind]) fill(volume[kind], { defaultMode: 420 });
  if (volume.hostPath) fill(volume.hostPath, { type: '' });
}

/** Changes the spec in place. */
export function defaultPodSpec(spec: Doc): void {
  fill(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
  });
  if (spec.serviceAccountName) spec.serviceAccount ??= spec.serviceAccountName;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

function qosClass(spec: Doc): string {
  const all: Doc[] = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const sets = all.map((container) => container.resources ?? {});
  if (sets.every((set) => !Object.keys(set.limits ?? {}).length && !Object.keys(set.requests ?? {}).length)) return 'BestEffort';
  const guaranteed = sets.every((set) => ['cpu', 'memory'].every((name) => set.limits?.[name] !== undefined && set.limits[name] === set.requests?.[name]));
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** What a pod gets beyond a template's defaults: admission's service account and tolerations, and its first status. */
export function defaultPod(pod: Doc): void {
  pod.spec ??= {};
  pod.spec.serviceAccountName ||= 'default';
  defaultPodSpec(pod.spec);
  fill(pod.spec, { enableServiceLinks: true, preemptionPolicy: 'PreemptLowerPriority', priority: 0 });
  const tolerations: Doc[] = (pod.spec.tolerations ??= []);
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const tolerated = tolerations.some((entry) => (entry.key === key || !entry.key) && (!entry.effect || entry.effect === 'NoExecute'));
    if (!tolerated) tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  }
  pod.status ??= {};
  fill(pod.status, { phase: 'Pending', qosClass: qosClass(pod.spec) });
}
