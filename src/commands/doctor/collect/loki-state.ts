/** Loki's own state: its ring and its counters, read from a few of its pods. */
import { series, total } from '../analyze/counters.ts';
import type { LokiCounters, LokiEvidence } from '../analyze/loki-evidence.ts';
import type { PodEvidence } from '../analyze/objects-evidence.ts';
import { ProblemError } from '../../../problems/problem.ts';
import { isRecord, received, recordIn } from './json.ts';
import { each, inTime, collected, portOf, type CollectContext } from './objects.ts';

const MOST_ASKED = 12;

const httpPort = (pod: PodEvidence) =>
  portOf(
    pod.spec.containers.find(({ ports }) => ports?.some(({ name }) => /http/.test(name ?? ''))),
    /^http/,
  ) ?? 3100;
const oneOf = (pods: readonly PodEvidence[], ...components: readonly string[]) =>
  components.map((component) => pods.find((pod) => pod.component === component && pod.ready)).find(Boolean);

const RING_MS = 10_000;

export async function ringOf({ session: { kubernetes }, miss }: CollectContext, pods: readonly PodEvidence[]): Promise<LokiEvidence['ring']> {
  const pod = oneOf(pods, 'distributor', 'write', 'single-binary', 'querier', 'read');
  if (!pod) return undefined;
  const request = { method: 'GET', path: '/ring', headers: { accept: 'application/json' }, timeoutMs: RING_MS } as const;
  const answer = await collected(miss, "Loki's ring", kubernetes.forward({ namespace: pod.namespace, pod: pod.name, port: httpPort(pod) }, request));
  if (answer?.status !== 200) return undefined;
  const shards = shardsIn(answer.body);
  if (!shards) {
    miss.say("Loki's ring", `pod ${pod.name} returned ${received(answer.body)} for GET /ring`);
    return undefined;
  }
  return { active: shards.filter(({ state }) => state === 'ACTIVE').length, states: shards.map(({ id, state }) => `${id}: ${state}`) };
}

/** In a ring without instances, `shards` is null. */
function shardsIn(body: string): readonly { readonly id: string; readonly state: string }[] | undefined {
  const ring = recordIn(body);
  if (!ring || !('shards' in ring)) return undefined;
  const { shards } = ring;
  if (shards === null) return [];
  if (!Array.isArray(shards)) return undefined;
  return shards.filter(isRecord).map(({ id, state }) => ({ id: String(id), state: String(state) }));
}

/** Longer than a healthy pod takes: its metrics arrive in milliseconds. */
const ANSWER_MS = 6000;

/**
 * From the pods that write and read, and the one that deletes, as far as the pod proxy may be used; and which of them do not respond
 * although they should be up.
 */
export async function stateOf(looking: CollectContext, pods: readonly PodEvidence[]): Promise<Pick<LokiEvidence, 'counters' | 'asked' | 'mute'>> {
  const { session, miss, run } = looking;
  const of = (...components: readonly string[]) => pods.filter(({ component }) => components.includes(component));
  // Pods that have responded before are queried again: a process that was stopped is not ready any more.
  const up = (all: readonly PodEvidence[]) => all.filter(({ ready, containers }) => ready || containers.some(({ startedAt }) => startedAt !== undefined));
  const writing = up(of('distributor', 'ingester', 'write', 'single-binary'));
  if (writing.length > MOST_ASKED) miss.say(`metrics of ${writing.length - MOST_ASKED} of ${writing.length} Loki pods`, `limited to ${MOST_ASKED}`);
  const byTurns = [...up(of('distributor', 'write', 'single-binary')).slice(0, MOST_ASKED / 2), ...up(of('ingester'))].slice(0, MOST_ASKED);
  const others = [...up(of('compactor', 'backend')).slice(0, 3), ...up(of('querier', 'read')).slice(0, 2), ...up(of('query-frontend')).slice(0, 2)];
  const asked = [...byTurns, ...others];
  const answers = await each(asked, 8, async (pod) => {
    const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}:${httpPort(pod)}/proxy/metrics`;
    const answer = await inTime(run, ANSWER_MS, session.kubernetes.raw(path)).catch((error: unknown) => {
      const mute = !isForbidden(error);
      miss(`metrics of pod ${pod.name}`, error);
      return mute ? ('late' as const) : undefined;
    });
    return { pod, answer };
  });
  const mute = answers.flatMap(({ pod, answer }) => {
    const why =
      answer === 'late'
        ? `no response within ${ANSWER_MS / 1000} s`
        : answer && answer.status >= 500
          ? `HTTP ${answer.status} ${answer.body.slice(0, 160)}`
          : '';
    return why ? [{ pod: pod.name, why }] : [];
  });
  for (const { pod, why } of mute) miss.say(`metrics of pod ${pod}`, why);
  const texts = answers.flatMap(({ pod, answer }) => (answer !== undefined && answer !== 'late' && answer.status === 200 ? [{ pod, text: answer.body }] : []));
  const read = texts.filter(({ pod, text }) => {
    if (METRICS.test(text)) return true;
    miss.say(`metrics of pod ${pod.name}`, `GET /metrics returned ${received(text)}`);
    return false;
  });
  return {
    asked: asked.map(({ name }) => name),
    ...(mute.length > 0 && { mute }),
    ...(read.length > 0 && { counters: countersIn(read.map(({ text }) => text).join('\n')) }),
  };
}

/** A line of a Prometheus exposition, anywhere in the text. */
const METRICS = /^[a-zA-Z_:][\w:]*(?:\{[^\n]*\})? \S+$/m;

const isForbidden = (error: unknown): boolean =>
  error instanceof ProblemError && ['KUBE_FORBIDDEN', 'KUBE_UNAUTHORIZED', 'KUBE_KUBELET_UNREACHABLE', 'COLLECT_TIMED_OUT'].includes(error.problem.code);

function countersIn(all: string): LokiCounters {
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
