/** The collectors in the cluster: their pipelines, where they write, their pods and counters. */
import { blocksNamed, readAlloy } from '../../../design/alloy-reading.ts';
import { countersIn } from '../analyze/counters.ts';
import type { CollectorCounters, CollectorEvidence, Software } from '../analyze/collectors-evidence.ts';
import type { Container, PodEvidence, Workload } from '../analyze/objects-evidence.ts';
import type { KubeObject } from '../../../ports/kubernetes.ts';
import { warningsIn } from './events.ts';
import { workloadsLabelled } from './loki.ts';
import { parsed } from './loki-config.ts';
import { each, linesOf, collected, mountedFile, podOf, portOf, slimPod, workloadOf, type CollectContext } from './objects.ts';
import { alloyWriters, promtailWriters } from './writers.ts';

/** Collectors do the same on every node, so a sample is enough. */
const SAMPLE = 10;
const TAIL = 200;
/** Per workload: nodes beyond that are not distinguished. */
const MOST_PODS = 5000;
const JUDGED = ['alloy', 'alloy-logs', 'alloy-singleton', 'alloy-receiver', 'grafana-agent', 'grafana-agent-logs', 'promtail'];
const OTHERS = ['fluent-bit', 'fluentd', 'fluentbit', 'vector', 'opentelemetry-collector', 'otel-collector', 'logstash', 'filebeat'];
const LABELS = [`app.kubernetes.io/name in (${[...JUDGED, ...OTHERS].join(',')})`, 'app in (promtail,alloy,fluent-bit,vector)'];

/**
 * Those in the expected namespace, else those of all namespaces. `elsewhere` are the rest: they matter only
 * if they write to the same Loki.
 */
export async function surveyCollectors(
  looking: CollectContext,
): Promise<{ readonly expected: readonly CollectorEvidence[]; readonly elsewhere: readonly CollectorEvidence[] }> {
  const { run, session, miss } = looking;
  const { collectorNamespace: namespace } = run.settings;
  const found = await workloadsLabelled(looking, { labels: LABELS, namespace });
  const mine = found.filter(({ metadata }) => metadata.namespace === namespace);
  const [first = ''] = LABELS;
  const daemons =
    mine.length > 0
      ? await collected(miss, 'DaemonSets of all namespaces', session.kubernetes.list({ apiVersion: 'apps/v1', kind: 'DaemonSet', labels: first, limit: 200 }))
      : [];
  const others = (daemons ?? []).filter(({ metadata }) => metadata.namespace !== namespace);
  const see = async (objects: readonly KubeObject[]) =>
    (await each(objects, 4, (object) => collected(miss, `collector ${object.metadata?.name}`, collectorOf(looking, object))))
      .filter((one) => one !== undefined)
      .filter(collectsLogs);
  const expected = await see(found);
  return { expected: tell(looking, expected), elsewhere: (await see(others)).filter(({ software }) => software !== 'other') };
}

/** Alloy also collects metrics and traces; one without any log component is not relevant here. */
const collectsLogs = ({ software, text, blocks }: CollectorEvidence): boolean =>
  software !== 'alloy' || text === undefined || blocksNamed(blocks, /^(loki|otelcol|faro)\./).length > 0 || !/^[ \t]*(prometheus|pyroscope)\./m.test(text);

function tell({ miss }: CollectContext, found: readonly CollectorEvidence[]): readonly CollectorEvidence[] {
  for (const { software, workload } of found)
    if (software === 'other') miss.say(`${workload.kind} ${workload.namespace}/${workload.name}`, 'only Alloy and Promtail are supported');
  return found;
}

async function collectorOf(looking: CollectContext, object: KubeObject): Promise<CollectorEvidence> {
  const { session, miss } = looking;
  const { kubernetes, releases } = session;
  const workload = workloadOf(object);
  const { namespace } = workload;
  const instance = object.metadata.labels?.['app.kubernetes.io/instance'] ?? object.metadata.labels?.['release'];
  const software = softwareOf(object, workload);
  const labels = Object.entries(workload.selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const container = collectorIn(workload);
  const [file, release, objects, events] = await Promise.all([
    container && software !== 'other' ? configOf(looking, workload, container) : undefined,
    instance ? collected(miss, `Helm release ${instance}`, releases.find(instance, namespace)) : undefined,
    collected(
      miss,
      `pods of ${workload.kind} ${namespace}/${workload.name}`,
      kubernetes.list({ apiVersion: 'v1', kind: 'Pod', namespace, labels, limit: MOST_PODS, keep: slimPod }),
    ),
    warningsIn(looking, namespace),
  ]);
  if (objects && objects.length >= MOST_PODS) miss.say(`collectors beyond the first ${MOST_PODS}`, 'too many to check all');
  const pods = (objects ?? []).map(podOf).filter(({ ending }) => !ending);
  const blocks = software === 'alloy' ? readAlloy(file?.text ?? '') : [];
  const scrapes = software === 'promtail' && file ? parsed(file.text) : undefined;
  const [read, writers] = await Promise.all([
    software === 'other' ? { pods, counters: [] } : sampled(looking, pods, container),
    scrapes === undefined ? alloyWriters(looking, { blocks, workload, container }) : promtailWriters(looking, { config: scrapes, workload, container }),
  ]);
  return {
    software,
    workload,
    ...(release && { release }),
    configFrom: file?.from ?? `${workload.kind} ${namespace}/${workload.name}`,
    ...(file && { text: file.text }),
    blocks,
    ...(scrapes !== undefined && { scrapes }),
    writers,
    pods: read.pods,
    counters: read.counters,
    pushing: [],
    events,
    stuck: [],
  };
}

function softwareOf({ metadata }: KubeObject, workload: Workload): Software {
  const words = workload.template.containers.flatMap(({ args = [], command = [] }) => [...command, ...args]);
  const text = `${metadata.labels?.['app.kubernetes.io/name'] ?? metadata.labels?.['app'] ?? ''} ${workload.template.containers.map(({ image }) => image).join(' ')}`;
  if (/promtail/.test(text)) return 'promtail';
  return /alloy|grafana\/agent|grafana-agent/.test(text) && words.includes('run') ? 'alloy' : /alloy/.test(text) ? 'alloy' : 'other';
}

const wordsOf = ({ command = [], args = [] }: Container): readonly string[] => [...command, ...args];

/** Among sidecars, the container that has the configuration argument. */
const collectorIn = ({ template }: Workload): Container | undefined =>
  template.containers.find((one) => wordsOf(one).some((word) => word === 'run' || /^--?config\.file=/.test(word))) ?? template.containers[0];

async function configOf({ session, miss }: CollectContext, workload: Workload, container: Container) {
  const words = wordsOf(container);
  const flag = words.map((word) => /^--?config\.file=(.+)$/.exec(word)?.[1]).find(Boolean);
  const path = flag ?? words.slice(words.indexOf('run') + 1).find((word) => !word.startsWith('-'));
  if (!path) return undefined;
  const { namespace, template } = workload;
  return collected(miss, 'collector configuration', mountedFile(session.kubernetes, { namespace, template, container, path }));
}

/** Pods in trouble first, and then a spread over the whole cluster. */
function chosenOf(pods: readonly PodEvidence[]): readonly PodEvidence[] {
  const placed = pods.filter(({ node }) => node !== undefined);
  const troubled = placed.filter(({ ready }) => !ready).slice(0, SAMPLE);
  const ready = placed.filter(({ ready: is }) => is);
  const left = SAMPLE - troubled.length;
  const stride = Math.max(1, Math.floor(ready.length / Math.max(1, left)));
  return [...troubled, ...ready.filter((_, index) => index % stride === 0).slice(0, left)];
}

async function sampled(
  looking: CollectContext,
  pods: readonly PodEvidence[],
  container: Container | undefined,
): Promise<{ readonly pods: readonly PodEvidence[]; readonly counters: readonly CollectorCounters[] }> {
  const {
    session: { kubernetes },
    miss,
  } = looking;
  if (pods.length > SAMPLE) miss.say(`${pods.length - SAMPLE} of ${pods.length} collector pods`, `logs and metrics are sampled from ${SAMPLE}`);
  const seen = await each(chosenOf(pods), 5, async (pod) => {
    const lines = container && (await collected(miss, `log of pod ${pod.name}`, linesOf(kubernetes, pod, { container: container.name, tail: TAIL })));
    return { pod, lines, counters: pod.ready ? await countersOf(looking, pod) : undefined };
  });
  const lines = new Map(seen.map(({ pod, lines: read }) => [pod.name, read]));
  return {
    pods: pods.map((pod) => ({ ...pod, ...(lines.get(pod.name) && { lines: lines.get(pod.name)! }) })),
    counters: seen.flatMap(({ counters }) => counters ?? []),
  };
}

/** Through the API server's proxy; one that does not respond is reported. */
export async function countersOf({ session: { kubernetes }, miss }: CollectContext, pod: PodEvidence): Promise<CollectorCounters | undefined> {
  const container = pod.spec.containers.find((one) => wordsOf(one).some((word) => word === 'run' || /^--?config\.file=/.test(word))) ?? pod.spec.containers[0];
  const port = portOf(container, /^http/) ?? 12345;
  const answer = await collected(
    miss,
    `metrics of pod ${pod.name}`,
    kubernetes.raw(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}:${port}/proxy/metrics`),
  );
  if (!answer) return undefined;
  if (answer.status !== 200) {
    miss.say(`metrics of pod ${pod.name}`, `the pod proxy returns HTTP ${answer.status}`);
    return undefined;
  }
  return countersIn(answer.body, pod);
}
