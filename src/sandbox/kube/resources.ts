/** Every resource the API serves: the built-in table, and what CustomResourceDefinitions add to it. */
import type { Doc } from './document.ts';
import type { Subject } from './status.ts';

export interface Resource extends Subject {
  /** Empty for core. */
  readonly group: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly string[];
  /** Where its objects are stored: two versions of one resource share a storage. */
  readonly cache: string;
  /** Has a `spec` whose changes are counted in `metadata.generation`. */
  readonly counted: boolean;
  /** Only ever created, never stored: reviews. */
  readonly review: boolean;
  /** Printer columns and other facts of the definition, for custom resources. */
  readonly custom?: Doc;
}

interface Traits {
  readonly cluster?: true;
  readonly short?: readonly string[];
  readonly sub?: readonly string[];
  readonly all?: true;
  readonly counted?: true;
  readonly review?: true;
  readonly cache?: string;
}

function resource(apiVersion: string, kind: string, plural: string, traits: Traits = {}): Resource {
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
  return {
    group,
    version,
    apiVersion,
    kind,
    plural,
    singular: kind.toLowerCase(),
    namespaced: !traits.cluster,
    shortNames: traits.short ?? [],
    categories: traits.all ? ['all'] : [],
    subresources: traits.sub ?? [],
    cache: traits.cache ?? `${plural}.${group}`,
    counted: traits.counted ?? false,
    review: traits.review ?? false,
  };
}

const CLUSTER = { cluster: true } as const;
const RBAC = 'rbac.authorization.k8s.io/v1';
const STORAGE = 'storage.k8s.io/v1';
const REVIEW = { cluster: true, review: true } as const;

export const BUILT_IN: readonly Resource[] = [
  resource('v1', 'Namespace', 'namespaces', { ...CLUSTER, short: ['ns'], sub: ['status', 'finalize'] }),
  resource('v1', 'Node', 'nodes', { ...CLUSTER, short: ['no'], sub: ['status', 'proxy'] }),
  resource('v1', 'Pod', 'pods', {
    short: ['po'],
    all: true,
    sub: ['status', 'log', 'eviction', 'portforward', 'exec', 'attach', 'proxy', 'ephemeralcontainers', 'binding'],
  }),
  resource('v1', 'Service', 'services', { short: ['svc'], all: true, sub: ['status', 'proxy'] }),
  resource('v1', 'Endpoints', 'endpoints', { short: ['ep'] }),
  resource('v1', 'Secret', 'secrets'),
  resource('v1', 'ConfigMap', 'configmaps', { short: ['cm'] }),
  resource('v1', 'ServiceAccount', 'serviceaccounts', { short: ['sa'], sub: ['token'] }),
  resource('v1', 'Event', 'events', { short: ['ev'] }),
  resource('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', { short: ['pvc'], sub: ['status'] }),
  resource('v1', 'PersistentVolume', 'persistentvolumes', { ...CLUSTER, short: ['pv'], sub: ['status'] }),
  resource('v1', 'ResourceQuota', 'resourcequotas', { short: ['quota'], sub: ['status'] }),
  resource('v1', 'LimitRange', 'limitranges', { short: ['limits'] }),
  resource('v1', 'ReplicationController', 'replicationcontrollers', { short: ['rc'], all: true, sub: ['status', 'scale'], counted: true }),
  resource('v1', 'PodTemplate', 'podtemplates', { counted: true }),
  resource('v1', 'Binding', 'bindings', { review: true }),
  resource('apps/v1', 'Deployment', 'deployments', { short: ['deploy'], all: true, sub: ['status', 'scale'], counted: true }),
  resource('apps/v1', 'ReplicaSet', 'replicasets', { short: ['rs'], all: true, sub: ['status', 'scale'], counted: true }),
  resource('apps/v1', 'StatefulSet', 'statefulsets', { short: ['sts'], all: true, sub: ['status', 'scale'], counted: true }),
  resource('apps/v1', 'DaemonSet', 'daemonsets', { short: ['ds'], all: true, sub: ['status'], counted: true }),
  resource('apps/v1', 'ControllerRevision', 'controllerrevisions'),
  resource('batch/v1', 'Job', 'jobs', { all: true, sub: ['status'], counted: true }),
  resource('batch/v1', 'CronJob', 'cronjobs', { short: ['cj'], all: true, sub: ['status'], counted: true }),
  resource('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', { short: ['pdb'], sub: ['status'], counted: true }),
  resource('networking.k8s.io/v1', 'Ingress', 'ingresses', { short: ['ing'], sub: ['status'], counted: true }),
  resource('networking.k8s.io/v1', 'IngressClass', 'ingressclasses', { ...CLUSTER, counted: true }),
  resource('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', { short: ['netpol'], counted: true }),
  resource('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', { short: ['hpa'], all: true, sub: ['status'] }),
  resource(RBAC, 'Role', 'roles'),
  resource(RBAC, 'RoleBinding', 'rolebindings'),
  resource(RBAC, 'ClusterRole', 'clusterroles', CLUSTER),
  resource(RBAC, 'ClusterRoleBinding', 'clusterrolebindings', CLUSTER),
  resource(STORAGE, 'StorageClass', 'storageclasses', { ...CLUSTER, short: ['sc'] }),
  resource(STORAGE, 'CSIDriver', 'csidrivers', CLUSTER),
  resource(STORAGE, 'CSINode', 'csinodes', CLUSTER),
  resource(STORAGE, 'CSIStorageCapacity', 'csistoragecapacities'),
  resource(STORAGE, 'VolumeAttachment', 'volumeattachments', { ...CLUSTER, sub: ['status'] }),
  resource('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', {
    ...CLUSTER,
    short: ['crd', 'crds'],
    sub: ['status'],
    counted: true,
  }),
  resource('coordination.k8s.io/v1', 'Lease', 'leases'),
  resource('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', { counted: true }),
  resource('events.k8s.io/v1', 'Event', 'events', { short: ['ev'], cache: 'events.' }),
  resource('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', { ...CLUSTER, short: ['pc'], counted: true }),
  resource('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', { ...CLUSTER, counted: true }),
  resource('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', { ...CLUSTER, counted: true }),
  resource('apiregistration.k8s.io/v1', 'APIService', 'apiservices', { ...CLUSTER, sub: ['status'] }),
  resource('authorization.k8s.io/v1', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', REVIEW),
  resource('authorization.k8s.io/v1', 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', REVIEW),
  resource('authorization.k8s.io/v1', 'SubjectAccessReview', 'subjectaccessreviews', REVIEW),
  resource('authorization.k8s.io/v1', 'LocalSubjectAccessReview', 'localsubjectaccessreviews', { review: true }),
  resource('authentication.k8s.io/v1', 'SelfSubjectReview', 'selfsubjectreviews', REVIEW),
  resource('authentication.k8s.io/v1', 'TokenReview', 'tokenreviews', REVIEW),
];

/** The resources a CustomResourceDefinition adds, one per served version; they share the definition's storage. */
export function resourcesOf(definition: Doc): readonly Resource[] {
  const spec = definition.spec ?? {};
  const names = spec.names ?? {};
  return (spec.versions ?? [])
    .filter((version: Doc) => version.served)
    .map((version: Doc) => ({
      group: spec.group,
      version: version.name,
      apiVersion: `${spec.group}/${version.name}`,
      kind: names.kind,
      plural: names.plural,
      singular: names.singular ?? String(names.kind).toLowerCase(),
      namespaced: spec.scope === 'Namespaced',
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      subresources: Object.keys(version.subresources ?? {}),
      cache: `${names.plural}.${spec.group}`,
      counted: true,
      review: false,
      custom: version,
    }));
}

export interface Registry {
  all(): readonly Resource[];
  at(group: string, version: string, plural: string): Resource | undefined;
  /** By kind; `apiVersion` (or only its group) resolves ambiguity. Throws for an unknown kind: a programming error. */
  ofKind(kind: string, apiVersion?: string): Resource;
  findKind(kind: string, apiVersion?: string): Resource | undefined;
  /** Replaces the definitions' resources. */
  extend(definitions: readonly Doc[]): void;
}

export function createRegistry(): Registry {
  let known: readonly Resource[] = BUILT_IN;
  const findKind = (kind: string, apiVersion?: string): Resource | undefined => {
    const candidates = known.filter((entry) => entry.kind === kind);
    if (apiVersion === undefined) return candidates[0];
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
    return candidates.find((entry) => entry.apiVersion === apiVersion) ?? candidates.find((entry) => entry.group === group);
  };
  return {
    all: () => known,
    at: (group, version, plural) => known.find((entry) => entry.plural === plural && entry.group === group && entry.version === version),
    findKind,
    ofKind(kind, apiVersion) {
      const found = findKind(kind, apiVersion);
      if (!found) throw new Error(`the sandbox's API server has no kind ${kind}${apiVersion ? ` in ${apiVersion}` : ''}`);
      return found;
    },
    extend(definitions) {
      known = [...BUILT_IN, ...definitions.flatMap(resourcesOf)];
    },
  };
}
