/** Parses responses of the Kubernetes API: throws KUBE_ANSWER_UNREADABLE for invalid ones, and fills in optional fields of objects. */
import { stop, type ProblemError } from '../../problems/problem.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { answerFailure, type Asked } from './failures.ts';
import type { Reply } from './rest.ts';

/** The JSON of a 2xx response. Throws what a status of 400 and above means, and KUBE_ANSWER_UNREADABLE for everything else. */
export function readJson(asked: Asked, reply: Reply): Readonly<Record<string, unknown>> {
  if (reply.status >= 400) throw answerFailure(asked, reply);
  let parsed: unknown;
  try {
    parsed = reply.status >= 200 && reply.status < 300 ? JSON.parse(reply.body) : undefined;
  } catch {
    // Reported below, with what was received.
  }
  if (!isMap(parsed)) throw unreadable(asked, { reply, why: 'does not come from the Kubernetes API' });
  return parsed;
}

/** One object. */
export function readObject(asked: Asked, reply: Reply): KubeObject {
  const object = readJson(asked, reply);
  const { metadata, kind } = object as { readonly metadata?: { readonly name?: unknown }; readonly kind?: unknown };
  if (!isMap(metadata) || typeof metadata.name !== 'string' || typeof (kind ?? '') !== 'string')
    throw unreadable(asked, { reply, why: 'is not a Kubernetes object' });
  return wellFormed(object, (why) => unreadable(asked, { reply, why })) as KubeObject;
}

export interface ReadItems {
  readonly asked: Asked;
  readonly apiVersion: string;
  readonly kind: string;
  readonly keep?: (object: KubeObject) => KubeObject;
}

/** The items of a list, which omit kind and apiVersion. */
export function readItems(list: Readonly<Record<string, unknown>>, { asked, apiVersion, kind, keep }: ReadItems, reply: Reply): readonly KubeObject[] {
  const { items } = list as { readonly items?: unknown };
  const refuse = (why: string) => unreadable(asked, { reply, why });
  // Go writes a list without items as null.
  if (!Array.isArray(items) && !((items === null || items === undefined) && String(list['kind']).endsWith('List'))) throw refuse('is not a Kubernetes list');
  return ((items ?? []) as readonly unknown[]).map((item, index) => {
    const { metadata } = (item ?? {}) as Partial<KubeObject>;
    if (!isMap(item) || typeof metadata?.name !== 'string') throw refuse(`has no object at items[${index}]`);
    const object = { ...item, apiVersion, kind } as KubeObject;
    if (!keep) return wellFormed(object, refuse) as KubeObject;
    // What is kept of a long list is small; the original is checked only if something is missing in it.
    return wellFormed(kept(object, { keep, refuse }), refuse) as KubeObject;
  });
}

function kept(
  object: KubeObject,
  { keep, refuse }: { readonly keep: (object: KubeObject) => KubeObject; readonly refuse: (why: string) => ProblemError },
): KubeObject {
  try {
    return keep(object);
  } catch {
    return keep(wellFormed(object, refuse) as KubeObject);
  }
}

export function unreadable(asked: Asked, { reply, why }: { readonly reply: Reply; readonly why: string }): ProblemError {
  const { status, headers, body } = reply;
  const type = headers['content-type'] ?? 'no content type';
  const to = headers['location'] && ` and points to ${headers['location']}`;
  const start = body.slice(0, 200).replace(/\s+/g, ' ').trim();
  return stop('KUBE_ANSWER_UNREADABLE', {
    message: `The response of ${asked.server} to ${asked.verb} ${asked.target} ${why}`,
    evidence: [`HTTP ${status}, ${type}${to ?? ''}: ${start === '' ? 'no body' : start}`],
  });
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

type Shape = 'text' | 'number' | 'flag' | 'map' | 'texts' | 'maps';

/** In all Kubernetes kinds a field of this name has this type. */
const shapes = new Map<string, Shape>(
  Object.entries({
    text:
      'name namespace uid resourceVersion creationTimestamp deletionTimestamp generateName reason message phase nodeName image imageID imagePullPolicy mountPath subPath ' +
      'serviceAccountName priorityClassName schedulerName hostname nodeSelectorTerm claimName secretName storageClassName volumeName volumeMode key effect operator ' +
      'topologyKey clusterIP provisioner reclaimPolicy volumeBindingMode holderIdentity acquireTime renewTime apiGroup roleName firstTimestamp lastTimestamp eventTime ' +
      'lastTransitionTime startedAt finishedAt podIP hostIP providerID kubeletVersion osImage architecture operatingSystem containerRuntimeVersion ' +
      'podManagementPolicy currentRevision updateRevision updatedRevision ingressClassName restartPolicy path',
    number:
      'replicas readyReplicas availableReplicas updatedReplicas currentReplicas unavailableReplicas observedGeneration generation desiredNumberScheduled ' +
      'currentNumberScheduled updatedNumberScheduled numberAvailable numberReady numberUnavailable numberMisscheduled restartCount exitCode containerPort hostPort ' +
      'terminationGracePeriodSeconds count leaseDurationSeconds leaseTransitions minReadySeconds progressDeadlineSeconds revisionHistoryLimit expectedPods currentHealthy ' +
      'desiredHealthy disruptionsAllowed runAsUser runAsGroup fsGroup priority',
    flag: 'unschedulable hostNetwork hostPID hostIPC readOnly privileged controller blockOwnerDeletion automountServiceAccountToken allowVolumeExpansion publishNotReadyAddresses started',
    map:
      'metadata spec template labels annotations matchLabels nodeSelector data binaryData stringData securityContext resources limits requests capacity allocatable ' +
      'nodeInfo state lastState waiting running terminated emptyDir configMap hostPath persistentVolumeClaim affinity nodeAffinity strategy updateStrategy rollingUpdate ' +
      'involvedObject source claimRef targetRef csi nodeRef valueFrom secretKeyRef configMapKeyRef fieldRef livenessProbe readinessProbe startupProbe lifecycle httpGet ' +
      'selector podSelector namespaceSelector roleRef jobTemplate volumeClaimTemplate loadBalancer daemonEndpoints kubeletEndpoint hard used ipBlock',
    texts:
      'finalizers command accessModes mountOptions clusterIPs externalIPs loadBalancerSourceRanges verbs apiGroups resourceNames nonResourceURLs policyTypes podCIDRs',
    maps:
      'ownerReferences containers initContainers ephemeralContainers volumes volumeMounts env envFrom taints tolerations conditions containerStatuses initContainerStatuses ' +
      'imagePullSecrets addresses endpoints subjects volumeClaimTemplates topologySpreadConstraints matchExpressions nodeSelectorTerms webhooks ingress egress podIPs hostIPs secrets',
  }).flatMap(([shape, names]) => names.split(' ').map((name) => [name, shape as Shape] as const)),
);

/** Their fields are user-defined, or unused here. */
const UNTOUCHED = new Set(['managedFields', 'fieldsV1', 'images', 'parameters', 'openAPIV3Schema', 'schema', 'versions', 'names']);
/** Kubernetes kinds that contain arbitrary foreign data. */
const FREE = new Set(['CustomResourceDefinition', 'ControllerRevision']);
const MAPS_OF_TEXT = new Set(['labels', 'annotations', 'matchLabels', 'nodeSelector', 'data', 'binaryData', 'stringData']);

/** Required fields of an element of such a list. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  ownerReferences: ['apiVersion', 'kind', 'name', 'uid'],
  containers: ['name', 'image'],
  initContainers: ['name', 'image'],
  containerStatuses: ['name'],
  initContainerStatuses: ['name'],
  volumes: ['name'],
  volumeMounts: ['name', 'mountPath'],
  env: ['name'],
  taints: ['key', 'effect'],
  conditions: ['type', 'status'],
  addresses: ['type', 'address'],
  subjects: ['kind', 'name'],
};

type Loose = Record<string, unknown>;
const podSpec = (spec: Loose) => ({ ...spec, containers: spec['containers'] ?? [] });
const podTemplate = (template: Loose) => ({ ...template, metadata: template['metadata'] ?? {}, spec: podSpec((template['spec'] ?? {}) as Loose) });
const workload = (object: Loose): Loose => {
  const spec = (object['spec'] ?? {}) as Loose;
  return {
    ...object,
    spec: { ...spec, selector: spec['selector'] ?? {}, template: podTemplate((spec['template'] ?? {}) as Loose) },
    status: object['status'] ?? {},
  };
};
/** The parts without which an object of that kind is meaningless; a real server never omits them. */
const WHOLE: Readonly<Record<string, (object: Loose) => Loose>> = {
  Pod: (object) => ({ ...object, spec: podSpec((object['spec'] ?? {}) as Loose), status: object['status'] ?? {} }),
  Node: (object) => ({ ...object, spec: object['spec'] ?? {}, status: object['status'] ?? {} }),
  Deployment: workload,
  StatefulSet: workload,
  DaemonSet: workload,
  ReplicaSet: workload,
  Service: (object) => ({ ...object, spec: { ...(object['spec'] as Loose | undefined), ports: (object['spec'] as Loose | undefined)?.['ports'] ?? [] } }),
};

/**
 * The object without its nulls, with required fields; the same object if nothing is wrong. Throws what `refuse` returns for a field
 * of another type. Only for built-in Kubernetes kinds: custom ones may use any name for anything.
 */
function wellFormed(object: Readonly<Record<string, unknown>>, refuse: (why: string) => Error): Readonly<Record<string, unknown>> {
  const { apiVersion, kind, metadata } = object as { readonly apiVersion?: unknown; readonly kind?: unknown; readonly metadata?: unknown };
  const own = typeof apiVersion !== 'string' || !/\.[a-z]+\//.test(apiVersion) || /\.k8s\.io\//.test(apiVersion);
  if (!own || FREE.has(String(kind))) return { ...object, metadata: tidy(metadata, { path: 'metadata', name: 'metadata', refuse }) };
  const tidied = tidy(object, { path: '', name: '', refuse }) as Loose;
  const complete = WHOLE[String(kind)];
  return complete && lacks(tidied, String(kind)) ? complete(tidied) : tidied;
}

function lacks(object: Loose, kind: string): boolean {
  const spec = object['spec'] as Loose | undefined;
  if (spec === undefined) return true;
  if (kind === 'Service') return spec['ports'] === undefined;
  if (object['status'] === undefined) return true;
  if (kind === 'Node') return false;
  if (kind === 'Pod') return spec['containers'] === undefined;
  const template = spec['template'] as Loose | undefined;
  return spec['selector'] === undefined || template?.['metadata'] === undefined || (template?.['spec'] as Loose | undefined)?.['containers'] === undefined;
}

interface At {
  readonly path: string;
  /** The field's own type; an element has that of its list. */
  readonly name: string;
  readonly refuse: (why: string) => Error;
}

/** Copies only what it has to change. */
function tidy(value: unknown, at: At): unknown {
  if (Array.isArray(value)) return tidyList(value, at);
  if (!isMap(value)) return value;
  const ofText = MAPS_OF_TEXT.has(at.name);
  let copy: Loose | undefined;
  for (const key of Object.keys(value)) {
    if (!ofText && UNTOUCHED.has(key)) continue;
    const before = value[key];
    if (before === undefined) continue;
    const path = at.path === '' ? key : `${at.path}.${key}`;
    if (before === null) {
      copy ??= { ...value };
      delete copy[key];
      continue;
    }
    if (ofText) {
      if (typeof before !== 'string') throw at.refuse(`has a ${typeOf(before)} at ${path}, where a string is expected`);
      continue;
    }
    expectShape(before, key, { path, within: at.name, refuse: at.refuse });
    const after = typeof before === 'object' ? tidy(before, { path, name: key, refuse: at.refuse }) : before;
    if (after !== before) (copy ??= { ...value })[key] = after;
  }
  return copy ?? value;
}

function tidyList(value: readonly unknown[], at: At): readonly unknown[] {
  const needed = NEEDED[at.name] ?? [];
  let copy: unknown[] | undefined;
  value.forEach((before, index) => {
    const path = `${at.path}[${index}]`;
    let after = before !== null && typeof before === 'object' ? tidy(before, { ...at, path }) : before;
    if (isMap(after)) {
      const { ...element } = after;
      const missing = needed.filter((key) => typeof element[key] !== 'string');
      if (missing.length > 0) after = { ...element, ...Object.fromEntries(missing.map((key) => [key, ''])) };
    }
    if (after !== before) (copy ??= [...value])[index] = after;
  });
  return copy ?? value;
}

const LISTS: Readonly<Partial<Record<Shape, string>>> = { texts: 'list of strings', maps: 'list of maps' };

function expectShape(
  value: unknown,
  key: string,
  { path, within, refuse }: { readonly path: string; readonly within: string; readonly refuse: At['refuse'] },
): void {
  const shape = shapeOf(key, within);
  if (shape === undefined || fits(value, shape)) return;
  throw refuse(`has a ${typeOf(value)} at ${path}, where a ${LISTS[shape] ?? shape} is expected`);
}

/** The few names with two meanings. */
function shapeOf(key: string, within: string): Shape | undefined {
  if (key === 'status') return within === '' ? 'map' : within === 'conditions' ? 'text' : undefined;
  if (key === 'type') return 'text';
  // An EndpointSlice has addresses as texts and conditions as a map; elsewhere both are lists of maps.
  if (within === 'endpoints' && (key === 'addresses' || key === 'conditions')) return key === 'addresses' ? 'texts' : 'map';
  if (key === 'args') return 'texts';
  if (key === 'ports') return 'maps';
  if (key === 'rules') return 'maps';
  if (key === 'limits' || key === 'requests') return within === 'resources' ? 'map' : undefined;
  if (key === 'ingress') return within === 'spec' ? 'maps' : undefined;
  if (key === 'resources')
    return within === 'rules' ? 'texts' : within === 'containers' || within === 'initContainers' || within === 'spec' ? 'map' : undefined;
  if (key === 'path' || key === 'key' || key === 'operator') return 'text';
  return shapes.get(key);
}

function fits(value: unknown, shape: Shape): boolean {
  switch (shape) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'flag':
      return typeof value === 'boolean';
    case 'map':
      return isMap(value);
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
    case 'maps':
      return Array.isArray(value) && value.every(isMap);
  }
}

const typeOf = (value: unknown): string =>
  Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value === 'object' ? 'map' : typeof value === 'string' ? 'text' : typeof value;
