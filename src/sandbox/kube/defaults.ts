/** The API server's defaults when an object is created or changed, by kind. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Doc } from './document.ts';
import { defaultPod, defaultPodSpec } from './pod-defaults.ts';

/** What defaulting may look up in the cluster. */
export interface Surroundings {
  /** The next free cluster address. */
  readonly clusterIp: () => string;
  /** The next free node port. */
  readonly nodePort: () => number;
  /** The storage class marked as the default one. */
  readonly defaultStorageClass: () => string | undefined;
}

type Fill = (object: Doc, around: Surroundings) => void;

const under = (object: Doc, field: string, defaults: Doc): void => {
  const target: Doc = (object[field] ??= {});
  for (const [key, value] of Object.entries(defaults)) target[key] ??= structuredClone(value);
};

const template = (object: Doc): void => {
  if (object.spec?.template?.spec) defaultPodSpec(object.spec.template.spec);
};

function claim(object: Doc): void {
  under(object, 'spec', { volumeMode: 'Filesystem' });
  under(object, 'status', { phase: 'Pending' });
}

function service(object: Doc, around: Surroundings): void {
  under(object, 'spec', { type: 'ClusterIP', sessionAffinity: 'None' });
  const spec: Doc = object.spec;
  if (spec.type === 'ExternalName') return;
  under(object, 'spec', { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
  spec.clusterIP ||= around.clusterIp();
  spec.clusterIPs ??= [spec.clusterIP];
  const outside = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (outside) spec.externalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP';
    port.targetPort ??= port.port;
    if (outside && spec.allocateLoadBalancerNodePorts !== false) port.nodePort ??= around.nodePort();
  }
  under(object, 'status', { loadBalancer: {} });
}

function job(object: Doc): void {
  under(object, 'spec', {
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    suspend: false,
    podReplacementPolicy: 'TerminatingOrFailed',
  });
  const own = { 'batch.kubernetes.io/job-name': object.metadata.name, 'batch.kubernetes.io/controller-uid': object.metadata.uid };
  object.spec.selector ??= { matchLabels: { 'batch.kubernetes.io/controller-uid': object.metadata.uid } };
  const pod: Doc = (object.spec.template ??= {});
  pod.metadata = { ...pod.metadata, labels: { ...own, 'job-name': object.metadata.name, ...pod.metadata?.labels } };
  template(object);
}

function secret(object: Doc): void {
  object.type ??= 'Opaque';
  if (!object.stringData) return;
  const encoded = Object.entries(object.stringData).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
  object.data = { ...object.data, ...Object.fromEntries(encoded) };
  delete object.stringData;
}

const subjects: Fill = (object) => {
  for (const subject of object.subjects ?? []) if (subject.kind !== 'ServiceAccount') subject.apiGroup ??= 'rbac.authorization.k8s.io';
  object.roleRef.apiGroup ??= 'rbac.authorization.k8s.io';
};

const FILLS: Readonly<Record<string, Fill>> = {
  Pod: defaultPod,
  Service: service,
  Secret: secret,
  Job: job,
  RoleBinding: subjects,
  ClusterRoleBinding: subjects,
  Namespace(object) {
    object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
    under(object, 'spec', { finalizers: ['kubernetes'] });
    under(object, 'status', { phase: 'Active' });
  },
  PersistentVolumeClaim(object, around) {
    claim(object);
    const chosen = object.spec.storageClassName ?? around.defaultStorageClass();
    if (chosen !== undefined) object.spec.storageClassName = chosen;
  },
  PersistentVolume(object) {
    under(object, 'spec', { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
    under(object, 'status', { phase: 'Pending' });
  },
  StorageClass(object) {
    object.reclaimPolicy ??= 'Delete';
    object.volumeBindingMode ??= 'Immediate';
  },
  Deployment(object) {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } };
    under(object, 'spec', { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy });
    object.spec.strategy.type ??= 'RollingUpdate';
    if (object.spec.strategy.type === 'RollingUpdate') under(object.spec.strategy, 'rollingUpdate', { maxUnavailable: '25%', maxSurge: '25%' });
    template(object);
    object.status ??= {};
  },
  ReplicaSet(object) {
    under(object, 'spec', { replicas: 1 });
    template(object);
    under(object, 'status', { replicas: 0 });
  },
  StatefulSet(object) {
    under(object, 'spec', {
      replicas: 1,
      revisionHistoryLimit: 10,
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    });
    object.spec.updateStrategy.type ??= 'RollingUpdate';
    if (object.spec.updateStrategy.type === 'RollingUpdate') under(object.spec.updateStrategy, 'rollingUpdate', { partition: 0 });
    under(object.spec, 'persistentVolumeClaimRetentionPolicy', { whenDeleted: 'Retain', whenScaled: 'Retain' });
    for (const volume of object.spec.volumeClaimTemplates ?? []) {
      volume.apiVersion ??= 'v1';
      volume.kind ??= 'PersistentVolumeClaim';
      claim(volume);
    }
    template(object);
    under(object, 'status', { replicas: 0, availableReplicas: 0 });
  },
  DaemonSet(object) {
    under(object, 'spec', { revisionHistoryLimit: 10, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } });
    object.spec.updateStrategy.type ??= 'RollingUpdate';
    if (object.spec.updateStrategy.type === 'RollingUpdate') under(object.spec.updateStrategy, 'rollingUpdate', { maxUnavailable: 1, maxSurge: 0 });
    template(object);
    under(object, 'status', { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 });
  },
  CronJob(object) {
    under(object, 'spec', { concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
    if (object.spec.jobTemplate?.spec?.template?.spec) defaultPodSpec(object.spec.jobTemplate.spec.template.spec);
  },
  HorizontalPodAutoscaler: (object) => under(object, 'spec', { minReplicas: 1 }),
  NetworkPolicy(object) {
    under(object, 'spec', { podSelector: {}, policyTypes: object.spec?.egress ? ['Ingress', 'Egress'] : ['Ingress'] });
  },
  PodDisruptionBudget: (object) => under(object, 'status', { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }),
  Ingress: (object) => under(object, 'status', { loadBalancer: {} }),
  CustomResourceDefinition(object) {
    const names: Doc = object.spec?.names ?? {};
    names.singular ??= String(names.kind ?? '').toLowerCase();
    names.listKind ??= `${names.kind}List`;
    under(object.spec, 'conversion', { strategy: 'None' });
  },
};

/** Changes the object in place: it must be a copy. */
export function applyDefaults(object: KubeObject | Doc, around: Surroundings): void {
  const doc = object as Doc;
  if (doc.kind !== undefined) FILLS[doc.kind]?.(doc, around);
}
