import { describe, expect, it } from 'vitest';
import type { Kubernetes, KubeObject } from '../ports/kubernetes.ts';
import { stop } from '../problems/problem.ts';
import { flushAll } from './flush.ts';

const at = (seconds: number) => new Date(seconds * 1000).toISOString();

interface Part {
  readonly chunks: number;
  /** What happens to the queued chunks after a second. */
  readonly s3?: (second: number) => 'takes' | 'fails' | 'hangs';
  /** New chunks per second. */
  readonly arriving?: number;
  /** Seconds that a flushed chunk stays in memory. */
  readonly retained?: number;
  readonly forward?: 'fails';
  readonly pod?: object;
}

/** An ingester as Loki 3.7 counts: a flush only fills the queue, and flushed chunks leave memory at the next flush. */
function world(part: Part) {
  let second = 1000;
  let made = part.chunks;
  const [held, flushed]: [number[], number[]] = [Array.from({ length: part.chunks }, () => 1000), []];
  let queue = 0;
  const counters = { requests: 0, failures: 0 };
  const asked: string[] = [];
  const tick = () => {
    second++;
    held.push(...Array.from({ length: part.arriving ?? 0 }, () => (made++, second)));
    const fate = part.s3?.(second - 1000) ?? 'takes';
    if (fate === 'hangs' || queue === 0) return;
    counters.requests += queue;
    if (fate === 'fails') counters.failures += queue;
    else {
      flushed.push(...held.splice(0, queue).map(() => second));
      queue = 0;
    }
  };
  const answers: Readonly<Record<string, () => string>> = {
    'POST /ingester/prepare_shutdown': () => '',
    'DELETE /ingester/prepare_shutdown': () => '',
    'POST /flush': () => {
      queue = held.length;
      flushed.splice(0, flushed.length, ...flushed.filter((when) => second - when < (part.retained ?? 0)));
      return '';
    },
    'GET /config': () => `ingester:\n  chunk_retain_period: ${part.retained ?? 0}s\n`,
    'GET /metrics': () =>
      [
        `loki_ingester_memory_chunks ${held.length + flushed.length}`,
        `loki_ingester_memory_streams{tenant="a"} ${held.length}`,
        `loki_ingester_flush_queue_length ${queue}`,
        `loki_ingester_chunks_flush_requests_total ${counters.requests}`,
        `loki_ingester_chunks_flush_failures_total ${counters.failures}`,
        `loki_ingester_chunks_created_total ${made}`,
      ].join('\n'),
  };
  const kubernetes = {
    forward: async (_: unknown, { method, path }: { readonly method: string; readonly path: string }) => {
      asked.push(`${method} ${path}`);
      if (part.forward === 'fails') throw stop('KUBE_FORWARD_FAILED', { message: 'the connection broke off' });
      return { status: 200, headers: {}, body: answers[`${method} ${path}`]?.() ?? '' };
    },
    logs: async () => ['level=error msg="failed to flush" err="store put chunk: AccessDenied"'],
  } as unknown as Kubernetes;
  const clock = { now: () => new Date(second * 1000), sleep: async () => tick() };
  const running = {
    startTime: at(10),
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(20) }],
    containerStatuses: [{ name: 'loki', state: { running: {} } }],
  };
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'loki-ingester-0', namespace: 'loki', creationTimestamp: at(10) },
    status: part.pod ?? running,
  };
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', creationTimestamp: at(10) }, status: { phase: 'Bound' } };
  const { signal } = new AbortController();
  const flush = (claimed = at(10)) =>
    flushAll({ kubernetes, clock, timeoutMs: 900_000 }, [{ pod, claims: [{ ...claim, metadata: { ...claim.metadata, creationTimestamp: claimed } }] }], {
      ending: true,
      signal,
      say: () => {},
    });
  return { flush, asked, seconds: () => second - 1000, inMemory: () => held.length };
}

describe('what an ingester holds', () => {
  it.each([
    ['nothing', { chunks: 0 }, 0],
    ['a few chunks', { chunks: 50 }, 2],
    ['chunks that stay in memory for a while', { chunks: 50, retained: 20 }, 40],
    ['what S3 takes after a while', { chunks: 50, s3: (second) => (second < 25 ? 'fails' : 'takes') }, 40],
    ['what S3 takes after a minute without a word', { chunks: 50, s3: (second) => (second < 60 ? 'hangs' : 'takes') }, 90],
    ['what others go on writing', { chunks: 50, arriving: 3 }, 5],
    ['chunks that stay in memory for hours', { chunks: 50, retained: 7200 }, 200],
  ] satisfies readonly (readonly [string, Part, number])[])('%s: is in S3 then', async (_, part, within) => {
    const { flush, seconds, asked, inMemory } = world(part);
    expect(await flush()).toEqual([]);
    expect(seconds()).toBeLessThanOrEqual(within);
    expect(asked[0]).toBe('POST /ingester/prepare_shutdown');
    expect(inMemory()).toBeLessThanOrEqual(10);
  });

  it.each([
    ['S3 refuses', { chunks: 50, s3: () => 'fails' }, /flushes failed in \d+ s/, 50],
    ['S3 does not answer', { chunks: 50, s3: () => 'hangs' }, /nothing was written/, 50],
    ['no way leads to it', { chunks: 50, forward: 'fails' }, /broke off/, undefined],
  ] satisfies readonly (readonly [string, Part, RegExp, number | undefined])[])('%s: it is told, with what would be lost', async (_, part, why, chunks) => {
    const { flush, seconds } = world(part);
    const [left] = await flush();
    expect(left).toMatchObject({ ingester: 'loki-ingester-0', why: expect.stringMatching(why) });
    expect(left?.chunks).toBe(chunks);
    expect(seconds()).toBeLessThan(150);
  });
});

describe('an ingester that does not run', () => {
  const down = (more: object = {}) => ({
    startTime: at(10),
    conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(10) }],
    containerStatuses: [{ name: 'loki', restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
    ...more,
  });
  const killed = [{ name: 'loki', state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { reason: 'OOMKilled' } } }];
  it.each([
    ['was never ready, and its volume is as old as it', down(), at(10), 0],
    ['was never ready, and its volume is older', down(), at(-5000), 1],
    ['was ready once', down({ conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(600) }] }), at(10), 1],
    ['is killed for its memory', down({ containerStatuses: killed }), at(10), 1],
    ['waits for a node', { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False' }] }, at(10), 0],
    ['waits for a node, with a volume of before', { phase: 'Pending' }, at(-5000), 1],
  ])('%s', async (_, pod, claimed, left) => {
    expect(await world({ chunks: 0, pod }).flush(claimed)).toHaveLength(left);
  });
});
