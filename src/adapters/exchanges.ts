/** Every exchange with something outside has a name and an end: its deadline, or a little while after the run's signal. */

export interface Exchange {
  /** As a reader knows it: `eks:DescribeCluster`, `GET /api/v1/nodes`, `helm version`. */
  readonly name: string;
  /** Who is asked. One that was silent is not waited for as long the next time. */
  readonly of: string;
  /** Until the whole answer is there, repetitions included. */
  readonly ms: number;
  /** It may take this long before anyone is told of it. */
  readonly usualMs?: number;
}

export interface Exchanges {
  /**
   * What `call` gives, or at the deadline a Late, or soon after the run's signal its reason. A call that does not heed the signal it is given
   * is left behind. Calls that begin after the run's signal take something back: they have their deadline only.
   */
  run<T>(exchange: Exchange, call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Between two calls: ends early, with the signal's reason, as they would. */
  pause(ms: number): Promise<void>;
}

export interface ExchangesOptions {
  /** The run's. */
  readonly signal?: AbortSignal;
  /** Told of what keeps the run waiting, from time to time. */
  readonly late?: (call: string, seconds: number) => void;
  /** For tests. */
  readonly graceMs?: number;
  readonly tellMs?: number;
}

/** What is under way when the signal comes mostly ends by itself in this time, and then nobody has to wonder whether it happened. */
const GRACE_MS = 3_000;
/** A little before a silent run says that it is still at work. */
const TELL_MS = 12_000;
/** A failure that took this long was silence. */
const SILENCE_MS = 4_000;
/** What is waited for one that was silent once, and for one that was so again. */
const SILENT_MS = [5_000, 2_000] as const;

/** No answer in time. Its code is that of a connection that is never made, so that it is told as one. */
export class Late extends Error {
  readonly code = 'ETIMEDOUT';
  constructor(ms: number) {
    super(`no response within ${Math.round(ms / 100) / 10} s`);
    // The SDK knows it as one of its own.
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
  const letGo = () => {
    const before = [...pending];
    setTimeout(() => before.forEach(({ stop }) => stop(signal?.reason)), graceMs);
  };
  signal?.addEventListener('abort', letGo, { once: true });
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
