/**
 * Before ingesters stop, their data is flushed to S3, and it is verified that nothing is left. `POST /flush` responds before anything is
 * written: only the ingester's own counters show the outcome. `prepare_shutdown` covers what arrives between that verification and the stop.
 */
import type { StepIO } from '../engine/types.ts';
import type { PodRequest, PodResponse } from '../ports/kubernetes.ts';
import { ProblemError, stop } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { isRunning, neverHeld, stateOf, type Ingester } from './ingesters.ts';

const LOKI_PORT = 3100;

type Needs = Pick<Context, 'kubernetes' | 'clock' | 'timeoutMs'>;

/** An ingester whose lines could not be flushed to S3. */
export interface Unflushed {
  readonly ingester: string;
  /** If it responds. */
  readonly chunks?: number;
  readonly streams?: number;
  readonly why: string;
  /** Its own error message. */
  readonly log?: string;
}

export interface FlushOptions extends StepIO {
  /** What arrives later is flushed when they shut down, and they leave the ring then. */
  readonly ending: boolean;
}

/** Those that could not be flushed. An ingester that never received a line has nothing to flush. */
export async function flushAll(ctx: Needs, ingesters: readonly Ingester[], { ending, say, signal }: FlushOptions): Promise<readonly Unflushed[]> {
  if (ingesters.length === 0) return [];
  const left = new Map<string, number>();
  const tell = () => {
    const chunks = [...left.values()].reduce((sum, n) => sum + n, 0);
    say(`flushing ${ingesters.length} ingester${ingesters.length === 1 ? '' : 's'} to S3${chunks > 0 ? `: ${chunks} chunks left` : ''}`);
  };
  tell();
  const results = await Promise.all(
    ingesters.map((ingester) => flushOne(ctx, ingester, { ending, signal, left: (n) => (left.set(ingester.pod.metadata.name, n), tell()) })),
  );
  return results.filter((result) => result !== undefined);
}

/** From now on they flush at shutdown. An old Loki that does not support this at least flushes now. */
export async function prepare(ctx: Needs, ingesters: readonly Ingester[]): Promise<void> {
  await Promise.all(
    ingesters.map(async (ingester) => {
      if (!isRunning(ingester.pod)) return;
      const { status } = await ask(ctx, ingester, { method: 'POST', path: '/ingester/prepare_shutdown' });
      if (status >= 300) await ask(ctx, ingester, { method: 'POST', path: '/flush' });
    }),
  );
}

/** Cancels the prepared shutdown. Best effort: at worst they flush at their next shutdown. */
export async function resume(ctx: Needs, ingesters: readonly Ingester[]): Promise<void> {
  const running = ingesters.filter(({ pod }) => isRunning(pod));
  await Promise.all(running.map((ingester) => ask(ctx, ingester, { method: 'DELETE', path: '/ingester/prepare_shutdown' }).catch(() => undefined)));
}

/** For one response, over a port-forward. */
const ANSWER_MS = 20_000;
const POLL_MS = 1000;
/** Flushes are retried after up to a minute, so one that fails now may be left over from an outage that has ended. */
const STALLED_MS = 120_000;
/** After this long with nothing but failures, give up. */
const FAILING_MS = 30_000;
/** Flushed chunks leave memory at the next flush, or half a minute later on their own: a flush is requested soon where none is pending. */
const AGAIN_MS = 15_000;
const AGAIN_IDLE_MS = 2_000;

interface OneOptions {
  readonly ending: boolean;
  readonly signal: AbortSignal;
  readonly left: (chunks: number) => void;
}

async function flushOne(ctx: Needs, ingester: Ingester, { ending, signal, left }: OneOptions): Promise<Unflushed | undefined> {
  const { name } = ingester.pod.metadata;
  if (!isRunning(ingester.pod)) return neverHeld(ingester) ? undefined : { ingester: name, why: stateOf(ingester.pod) };
  const now = () => ctx.clock.now().getTime();
  const began = now();
  try {
    // A Loki without a path for its marker, or an old one, does not support it; it is flushed all the same.
    if (ending) await ask(ctx, ingester, { method: 'POST', path: '/ingester/prepare_shutdown' });
    const flush = async () => {
      await must(ctx, ingester, { method: 'POST', path: '/flush' });
      return { ...(await countersOf(ctx, ingester)), at: now() };
    };
    let round = await flush();
    let best = { chunks: round.chunks, at: began, failures: round.failures };
    for (let seen: Counters = round; ; seen = await countersOf(ctx, ingester)) {
      left(seen.chunks);
      if (seen.chunks === 0) return undefined;
      const written = seen.requests - round.requests - (seen.failures - round.failures);
      if (seen.queued === 0 && written >= round.chunks) {
        // Everything held before is in S3. What is counted now came from writers that are still running.
        const after = await flush();
        return after.chunks === 0 || after.failures === seen.failures ? undefined : unflushed(ctx, ingester, after, 'new flushes fail');
      }
      if (seen.chunks < best.chunks) best = { chunks: seen.chunks, at: now(), failures: seen.failures };
      const idle = now() - Math.max(best.at, began);
      const failures = seen.failures - best.failures;
      if (failures === 0 && idle > STALLED_MS && seen.queued === 0 && seen.requests === round.requests && (await retains(ctx, ingester))) return undefined;
      if ((failures > 0 && idle > FAILING_MS) || idle > STALLED_MS || now() - began > ctx.timeoutMs) {
        const words = failures > 0 ? `${failures} flushes failed` : 'nothing was written';
        return await unflushed(ctx, ingester, seen, `${words} in ${Math.round(idle / 1000)} s`);
      }
      if (now() - round.at > (seen.queued === 0 ? AGAIN_IDLE_MS : AGAIN_MS)) round = await flush();
      await ctx.clock.sleep(POLL_MS, signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ProblemError)) throw error;
    return neverHeld(ingester) ? undefined : { ingester: name, why: error.problem.message };
  }
}

async function unflushed(ctx: Needs, { pod }: Ingester, { chunks, streams }: Counters, why: string): Promise<Unflushed> {
  const { name, namespace = '' } = pod.metadata;
  const lines = await ctx.kubernetes.logs({ namespace, pod: name, tail: 200 }).catch(() => []);
  const log = lines.findLast((line) => /failed to flush|store put chunk/.test(line));
  return { ingester: name, chunks, streams, why, ...(log && { log: log.slice(0, 400) }) };
}

interface Counters {
  /** In memory: chunks that are not in S3, and flushed ones that have not been dropped yet. */
  readonly chunks: number;
  readonly streams: number;
  readonly queued: number;
  readonly requests: number;
  readonly failures: number;
}

async function countersOf(ctx: Needs, ingester: Ingester): Promise<Counters> {
  const { body } = await must(ctx, ingester, { method: 'GET', path: '/metrics' });
  const of = (metric: string): number | undefined => {
    const values = [...body.matchAll(new RegExp(`^${metric}(?:\\{[^}\\n]*\\})? ([^\\s]+)`, 'gm'))].map(([, value]) => Number(value));
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  };
  const chunks = of('loki_ingester_memory_chunks');
  // Without the counters the flush can't be verified.
  if (chunks === undefined || Number.isNaN(chunks)) throw stop('INGESTERS_UNFLUSHED', { message: 'its metrics have no loki_ingester_memory_chunks' });
  return {
    chunks,
    streams: of('loki_ingester_memory_streams') ?? 0,
    queued: of('loki_ingester_flush_queue_length') ?? 0,
    requests: of('loki_ingester_chunks_flush_requests_total') ?? 0,
    failures: of('loki_ingester_chunks_flush_failures_total') ?? 0,
  };
}

/** Flushed chunks may be kept in memory for a while: `chunk_retain_period`, 0 by default. */
async function retains(ctx: Needs, ingester: Ingester): Promise<boolean> {
  const { body } = await must(ctx, ingester, { method: 'GET', path: '/config' });
  const period = /^[ \t]*chunk_retain_period: (\S+)$/m.exec(body)?.[1];
  return period !== undefined && !/^0[a-z]*$/.test(period);
}

type Asked = Pick<PodRequest, 'method' | 'path'>;

const ask = ({ kubernetes }: Needs, { pod: { metadata } }: Ingester, asked: Asked): Promise<PodResponse> =>
  kubernetes.forward({ namespace: metadata.namespace ?? '', pod: metadata.name, port: LOKI_PORT }, { ...asked, timeoutMs: ANSWER_MS });

async function must(ctx: Needs, ingester: Ingester, asked: Asked): Promise<PodResponse> {
  const answer = await ask(ctx, ingester, asked);
  if (answer.status < 200 || answer.status > 299)
    throw stop('INGESTERS_UNFLUSHED', { message: `${asked.method} ${asked.path} returns HTTP ${answer.status} ${answer.body.trim().slice(0, 200)}` });
  return answer;
}
