/** A bundle's data from the cluster: objects without secrets, events, the last lines of logs, counters. */
import { stringify } from 'yaml';
import type { Evidence } from '../analyze/evidence.ts';
import type { Workload } from '../analyze/objects-evidence.ts';
import type { KubeObject } from '../../../ports/kubernetes.ts';
import type { Blanking } from './redaction.ts';
import type { BundleWriter, Source, Sourcing } from './bundle-writer.ts';
import type { Diagnosis } from '../diagnose.ts';
import { each, portOf } from '../collect/objects.ts';

export type With = Sourcing & Diagnosis;
interface Place {
  readonly namespace: string;
  /** `app.kubernetes.io/name` of the pods to include. */
  readonly name: 'loki' | 'alloy';
}

export function clusterSources(of: With): readonly Source[] {
  return [
    ...places(of.seen).flatMap((place) => [
      ...KINDS.map(([apiVersion, kind]): Source => ({
        what: `${kind}s in ${place.namespace}`,
        fill: (writer) => objects(of, { ...place, apiVersion, kind }, writer),
      })),
      { what: `events in ${place.namespace}`, fill: (writer: BundleWriter) => events(of, place, writer) },
    ]),
    { what: 'names of Secrets', fill: (writer) => secrets(of, writer) },
    { what: 'mounted ConfigMaps', fill: (writer) => mounted(of, writer) },
    { what: 'logs', fill: (writer) => logs(of, writer) },
    { what: 'counters', fill: (writer) => counters(of, writer) },
  ];
}

function places({ loki, collectors }: Evidence): readonly Place[] {
  const namespaces = new Set(collectors.map(({ workload: { namespace } }) => namespace));
  return [
    ...(loki ? [{ namespace: loki.namespace, name: 'loki' as const }] : []),
    ...[...namespaces].map((namespace) => ({ namespace, name: 'alloy' as const })),
  ];
}

const KINDS = [
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['v1', 'Pod'],
  ['v1', 'Service'],
  ['discovery.k8s.io/v1', 'EndpointSlice'],
  ['v1', 'ServiceAccount'],
  ['v1', 'PersistentVolumeClaim'],
  ['policy/v1', 'PodDisruptionBudget'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
] as const;
const MOST = 300;

async function objects({ session, blanking }: With, of: Place & { readonly apiVersion: string; readonly kind: string }, { put }: BundleWriter): Promise<void> {
  const { apiVersion, kind, namespace, name } = of;
  const found = await session.kubernetes.list({ apiVersion, kind, namespace, labels: `app.kubernetes.io/name=${name}`, limit: MOST });
  if (found.length > 0) put(`objects/${namespace}/${name}-${kind}.yaml`, found.map((one) => yamlOf(one, blanking)).join('---\n'));
}

const NOISE = new Set(['managedFields', 'selfLink']);
/** Contains the object as last applied, as a string. */
const APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function yamlOf(object: KubeObject, blanking: Blanking): string {
  const { annotations = {}, ...rest } = object.metadata;
  const kept = Object.entries(annotations).filter(([key]) => key !== APPLIED);
  const metadata = {
    ...Object.fromEntries(Object.entries(rest).filter(([key]) => !NOISE.has(key))),
    ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }),
  };
  const secret = object.kind === 'Secret' ? { data: undefined, stringData: undefined } : {};
  return stringify(blanking.document({ ...object, metadata, ...secret }), { lineWidth: 0 });
}

async function mounted({ session: { kubernetes }, seen, blanking }: With, { put, miss }: BundleWriter): Promise<void> {
  const workloads: readonly Workload[] = [...(seen.loki?.workloads ?? []), ...seen.collectors.map(({ workload }) => workload)];
  const names = new Set(
    workloads.flatMap(({ namespace, template }) => (template.volumes ?? []).flatMap(({ configMap }) => (configMap ? [`${namespace}/${configMap.name}`] : []))),
  );
  await each([...names], 5, async (full) => {
    const [namespace = '', name = ''] = full.split('/');
    try {
      const found = await kubernetes.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
      if (found) put(`objects/${namespace}/ConfigMap-${name}.yaml`, yamlOf(found, blanking));
    } catch (error) {
      miss(`ConfigMap ${full}`, error);
    }
  });
}

/** Names, keys and sizes. The contents are read only to be redacted wherever else they appear. */
async function secrets({ session: { kubernetes }, seen, blanking }: With, { put, miss }: BundleWriter): Promise<void> {
  const told: object[] = [];
  for (const namespace of new Set(places(seen).map((place) => place.namespace))) {
    try {
      const found = await kubernetes.list({ apiVersion: 'v1', kind: 'Secret', namespace, fields: 'type!=helm.sh/release.v1', limit: MOST });
      for (const { metadata, type, data } of found) {
        if (type === 'helm.sh/release.v1') continue;
        const entries = Object.entries((data ?? {}) as Readonly<Record<string, string>>).map(
          ([key, value]) => [key, Buffer.from(value, 'base64').toString()] as const,
        );
        // An installation record is not secret; redacting its words would blank half of the bundle.
        if (type !== 'loki-eks.dev/installation')
          for (const [key, value] of entries) for (const line of [value, ...value.split('\n')]) blanking.learn(line, key);
        told.push({
          namespace,
          name: metadata.name,
          type: String(type ?? ''),
          keys: entries.map(([key, value]) => ({ key, bytes: Buffer.byteLength(value) })),
        });
      }
    } catch (error) {
      miss(`Secrets in ${namespace}`, error);
    }
  }
  if (told.length > 0) put('secrets.yaml', stringify(told));
}

interface EventBody {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
}

async function events({ session: { kubernetes } }: With, { namespace, name }: Place, { put }: BundleWriter): Promise<void> {
  const found = await kubernetes.list({ apiVersion: 'v1', kind: 'Event', namespace, limit: 1000 });
  const lines = found.map((object) => {
    const { type = '', reason = '', message = '', count = 1, lastTimestamp, eventTime, involvedObject = {} } = object as KubeObject & EventBody;
    const at = lastTimestamp ?? eventTime ?? object.metadata.creationTimestamp ?? '';
    return `${at} ${type} ${reason} ${involvedObject.kind}/${involvedObject.name} (${count}x): ${message.replace(/\s+/g, ' ')}`;
  });
  put(`events/${namespace}-${name}.txt`, lines.toSorted().concat('').join('\n'));
}

const TAIL = 500;
const PODS = 40;

/** Pods that are not ready first: they matter most. */
async function logs({ session: { kubernetes }, seen }: With, { put, miss }: BundleWriter): Promise<void> {
  const all = [...(seen.loki?.pods ?? []), ...seen.collectors.flatMap(({ pods }) => pods)].filter(({ node }) => node !== undefined);
  const chosen = all.toSorted((a, b) => Number(a.ready) - Number(b.ready)).slice(0, PODS);
  if (all.length > PODS) miss(`logs of ${all.length - PODS} of ${all.length} pods`, `limited to ${PODS} pods, unready ones first`);
  await each(chosen, 5, async ({ namespace, name: pod, containers }) => {
    for (const { name: container, restarts } of containers) {
      for (const previous of restarts > 0 ? [false, true] : [false]) {
        try {
          const lines = await kubernetes.logs({ namespace, pod, container, tail: TAIL, previous });
          if (lines.length > 0) put(`logs/${namespace}/${pod}/${container}${previous ? '.previous' : ''}.log`, `${lines.join('\n')}\n`);
        } catch (error) {
          miss(`log of ${namespace}/${pod}, container ${container}${previous ? ', previous run' : ''}`, error);
        }
      }
    }
  });
}

const METERED = 14;

/** One pod per component represents the others. */
async function counters({ session: { kubernetes }, seen }: With, { put, miss }: BundleWriter): Promise<void> {
  const pods = [...(seen.loki?.pods ?? []), ...seen.collectors.flatMap(({ pods }) => pods.slice(0, 3))].filter(({ ready }) => ready);
  const first = pods.filter((pod, index) => pod.component === '' || pods.findIndex(({ component }) => component === pod.component) === index);
  await each(first.slice(0, METERED), 4, async ({ namespace, name, spec, component }) => {
    const container = spec.containers.find(({ ports = [] }) => ports.some((port) => port.name?.startsWith('http')));
    const port = container && portOf(container, /^http/);
    if (port === undefined) return;
    try {
      const { status, body } = await kubernetes.raw(`/api/v1/namespaces/${namespace}/pods/${name}:${port}/proxy/metrics`);
      if (status === 200) put(`metrics/${namespace}/${name}.txt`, body);
      // nginx and the caches serve no metrics of their own there.
      else if (component !== 'gateway' && status !== 404) miss(`metrics of pod ${namespace}/${name}`, `the pod proxy returns HTTP ${status}`);
    } catch (error) {
      miss(`metrics of pod ${namespace}/${name}`, error);
    }
  });
}
