/** Every exchange with an external service has a name and a time limit: its deadline, or a short grace period after the run's signal. */

export interface Exchange {
  /** For humans: `eks:DescribeCluster`, `GET /api/v1/nodes`, `helm version`. */
  readonly name: string;
  /** The service. One that did not respond gets less time on the next call. */
  readonly of: string;
  /** Until the response is complete, retries included. */
  readonly ms: number;
  /** How long it may take before the user is told. */
  readonly usualMs?: number;
}

export interface Exchanges {
  /**
   * The result of `call`, or a Late at the deadline, or the signal's reason soon after the run's signal. A call that ignores its signal
   * is abandoned. Calls that begin after the run's signal are part of a rollback: they have only their deadline.
   */
  run<T>(exchange: Exchange, call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Between two calls: ends early, with the signal's reason, as calls would. */
  pause(ms: number): Promise<void>;
}

export interface ExchangesOptions {
  /** The run's. */
  readonly signal?: AbortSignal;
  /** Reports from time to time what the run is waiting for. */
  readonly late?: (call: string, seconds: number) => void;
  /** For tests. */
  readonly graceMs?: number;
  readonly tellMs?: number;
}

/** Most calls in flight finish within this time after the signal, so that their outcome is known. */
const GRACE_MS = 3_000;
/** Shortly before a silent run reports that it is still working. */
const TELL_MS = 12_000;
/** A failure that took this long counts as no response. */
const SILENCE_MS = 4_000;
/** The timeout of a service that has not responded once, and twice or more. */
const SILENT_MS = [5_000, 2_000] as const;

/** No response in time. It has the error code of a failed connection, so that it is reported as one. */
export class Late extends Error {
  readonly code = 'ETIMEDOUT';
  constructor(ms: number) {
    super(`no response within ${Math.round(ms / 100) / 10} s`);
    // The SDK recognizes it as one of its own.
    this.name = 'TimeoutError';
  }
}

interface Pending {
  readonly exchange: Exchange | undefined;
  readonly began: number;
  told: number;
  readonly stop: (reason: unknown) => void;
}

export function openExchanges({ signal, late, graceMs = GRACE_MS, tellMs = TELL_MS }: ExchangesOptions = {}): Exchanges {
  const pending = new Set<Pending>();
  const silent = new Map<string, number>();
  const release = () => {
    const before = [...pending];
    setTimeout(() => before.forEach(({ stop }) => stop(signal?.reason)), graceMs);
  };
  signal?.addEventListener('abort', release, { once: true });
  let telling: NodeJS.Timeout | undefined;
  const tell = () => {
    const now = Date.now();
    const waited = ({ exchange, began }: Pending) => now - began - (exchange?.usualMs ?? 0);
    const [longest] = [...pending].filter((one) => one.exchange && waited(one) >= tellMs).sort((a, b) => waited(b) - waited(a));
    if (!longest || now - longest.told < tellMs) return;
    longest.told = now;
    late?.(longest.exchange!.name, Math.round((now - longest.began) / 1000));
  };

  const bounded = async <T>(exchange: Exchange | undefined, ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const ending = new AbortController();
    let stop!: (reason: unknown) => void;
    const stopped = new Promise<never>((_, reject) => {
      stop = (reason) => {
        reject(reason as Error);
        ending.abort(reason);
      };
    });
    const one: Pending = { exchange, began: Date.now(), told: 0, stop };
    const timer = setTimeout(() => stop(new Late(ms)), ms);
    pending.add(one);
    if (late) telling ??= setInterval(tell, Math.min(1_000, tellMs)).unref();
    try {
      return await Promise.race([call(ending.signal), stopped]);
    } finally {
      clearTimeout(timer);
      pending.delete(one);
      if (pending.size === 0) {
        clearInterval(telling);
        telling = undefined;
      }
    }
  };

  return {
    run: async (exchange, call) => {
      const times = silent.get(exchange.of) ?? 0;
      const ms = times === 0 ? exchange.ms : Math.min(exchange.ms, SILENT_MS[Math.min(times, SILENT_MS.length) - 1]!);
      const began = Date.now();
      try {
        const answer = await bounded(exchange, ms, call);
        silent.delete(exchange.of);
        return answer;
      } catch (error) {
        const answered = (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode !== undefined;
        if (!answered && Date.now() - began >= Math.min(SILENCE_MS, ms)) silent.set(exchange.of, times + 1);
        else silent.delete(exchange.of);
        throw error;
      }
    },
    pause: (ms) => bounded(undefined, ms + graceMs, () => new Promise((done) => void setTimeout(done, ms))),
  };
}
