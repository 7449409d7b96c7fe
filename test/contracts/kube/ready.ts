/** Stand-in controllers for the API's own tests: every workload becomes ready, with the ReplicaSets that helm 3 looks for. */
import type { KubeObject } from '../../../src/ports/kubernetes.ts';
import type { ObjectStore, SandboxClock } from '../../../src/sandbox/types.ts';

type Doc = Record<string, any>;

const condition = (type: string, reason = 'Fake'): Doc => ({ type, status: 'True', reason, message: '', lastTransitionTime: '2026-01-07T10:00:00Z' });

function statusOf(object: Doc): Doc | undefined {
  const observedGeneration = object.metadata.generation;
  const n = object.spec?.replicas ?? 1;
  const replicas = { observedGeneration, replicas: n, readyReplicas: n, availableReplicas: n, updatedReplicas: n };
  if (object.kind === 'Deployment') return { ...replicas, conditions: [condition('Available'), condition('Progressing', 'NewReplicaSetAvailable')] };
  if (object.kind === 'StatefulSet') return { ...replicas, currentReplicas: n, currentRevision: 'one', updateRevision: 'one' };
  if (object.kind === 'ReplicaSet') return { observedGeneration, replicas: n, readyReplicas: n, availableReplicas: n };
  if (object.kind === 'DaemonSet') {
    return {
      observedGeneration,
      desiredNumberScheduled: 3,
      currentNumberScheduled: 3,
      numberReady: 3,
      numberAvailable: 3,
      updatedNumberScheduled: 3,
      numberMisscheduled: 0,
    };
  }
  if (object.kind === 'Job')
    return { succeeded: 1, startTime: '2026-01-07T10:00:00Z', completionTime: '2026-01-07T10:00:01Z', conditions: [condition('Complete')] };
  if (object.kind === 'PodDisruptionBudget')
    return { observedGeneration, currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1, expectedPods: 2, conditions: [condition('DisruptionAllowed')] };
  return undefined;
}

function replicaSetOf(deployment: Doc): KubeObject {
  const { name, namespace, uid, generation } = deployment.metadata;
  const labels = { ...deployment.spec.template.metadata.labels, 'pod-template-hash': `g${generation}` };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-g${generation}`,
      namespace,
      labels,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true }],
    },
    spec: {
      replicas: deployment.spec.replicas,
      selector: { matchLabels: labels },
      template: { ...deployment.spec.template, metadata: { ...deployment.spec.template.metadata, labels } },
    },
  };
}

export function makeEverythingReady(store: ObjectStore, clock: SandboxClock, ms: number): void {
  store.subscribe(({ type, object }) => {
    if (type === 'DELETED' || !statusOf(object)) return;
    clock.after(ms, () => {
      const { kind, metadata } = object;
      const now = store.get(kind, metadata.namespace, metadata.name) as Doc | undefined;
      if (!now || now.metadata.uid !== metadata.uid) return;
      if (kind === 'Deployment' && !store.get('ReplicaSet', metadata.namespace, `${metadata.name}-g${now.metadata.generation}`))
        store.create(replicaSetOf(now));
      store.setStatus(kind, metadata.namespace, metadata.name, statusOf(now) ?? {});
    });
  });
}
