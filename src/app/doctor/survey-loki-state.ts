/** What Loki says of itself: its ring and its counters, asked of a few of its pods. */
import type { LokiCounters, LokiSeen } from '../../checks/doctor/loki-seen.ts';
import type { PodSeen } from '../../checks/doctor/objects-seen.ts';
import { each, portOf, series, total, type Looking } from './survey-objects.ts';

const MOST_ASKED = 12;

const httpPort = (pod: PodSeen) =>
  portOf(
    pod.spec.containers.find(({ ports }) => ports?.some(({ name }) => /http/.test(name ?? ''))),
    /^http/,
  ) ?? 3100;
const oneOf = (pods: readonly PodSeen[], ...components: readonly string[]) =>
  components.map((component) => pods.find((pod) => pod.component === component && pod.ready)).find(Boolean);

export async function ringOf({ reached: { kubernetes }, miss }: Looking, pods: readonly PodSeen[]): Promise<LokiSeen['ring']> {
  const pod = oneOf(pods, 'distributor', 'write', 'single-binary', 'querier', 'read');
  if (!pod) return undefined;
  try {
    const request = { method: 'GET', path: '/ring', headers: { accept: 'application/json' }, timeoutMs: 10_000 } as const;
    const answer = await kubernetes.forward({ namespace: pod.namespace, pod: pod.name, port: httpPort(pod) }, request);
    if (answer.status !== 200) return undefined;
    const shards = (JSON.parse(answer.body) as { shards?: readonly { id?: string; state?: string }[] }).shards ?? [];
    return { active: shards.filter(({ state }) => state === 'ACTIVE').length, states: shards.map(({ id, state }) => `${id}: ${state}`) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    miss("Loki's ring", error);
    return undefined;
  }
}

/** Of the pods that write, and of the one that deletes, as far as the pod proxy may be used. */
export async function countersOf({ reached: { kubernetes }, miss }: Looking, pods: readonly PodSeen[]): Promise<LokiCounters | undefined> {
  const writing = pods.filter(({ component, ready }) => ready && ['distributor', 'ingester', 'write', 'single-binary'].includes(component));
  if (writing.length > MOST_ASKED) miss.say(`counters of ${writing.length - MOST_ASKED} of ${writing.length} pods of Loki`, `${MOST_ASKED} are asked`);
  const deleting = pods.filter(({ component, ready }) => ready && ['compactor', 'backend'].includes(component)).slice(0, 3);
  const asked = [...writing.slice(0, MOST_ASKED), ...deleting];
  const texts = await each(asked, 6, async (pod) => {
    const answer = await kubernetes.raw(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}:${httpPort(pod)}/proxy/metrics`);
    return answer.status === 200 ? answer.body : '';
  }).catch((error: unknown) => {
    miss("Loki's counters", error);
    return [];
  });
  if (texts.every((text) => text === '')) return undefined;
  const all = texts.join('\n');
  const discarded = new Map<string, { reason: string; tenant: string; lines: number }>();
  for (const { labels, value } of series(all, 'loki_discarded_samples_total')) {
    const key = `${labels['reason']} ${labels['tenant']}`;
    discarded.set(key, { reason: labels['reason'] ?? '', tenant: labels['tenant'] ?? '', lines: (discarded.get(key)?.lines ?? 0) + value });
  }
  const ran = series(all, 'loki_compactor_apply_retention_last_successful_run_timestamp_seconds').map(({ value }) => value);
  return {
    received: total(all, 'loki_distributor_lines_received_total'),
    discarded: [...discarded.values()].filter(({ lines }) => lines > 0),
    flushFailures: total(all, 'loki_ingester_chunks_flush_failures_total'),
    ...(ran.length > 0 && { retentionRan: new Date(Math.max(...ran) * 1000) }),
  };
}
