/** Retries for AWS's eventual consistency: after a creation or next to another change, some codes only mean "not yet". */
import type { Exchanges } from '../exchanges.ts';
import { isCode } from './failures.ts';

export interface Patience {
  /** Error codes that go away by themselves. */
  readonly codes: readonly string[];
  readonly forMs: number;
  readonly firstMs?: number;
  readonly exchanges: Pick<Exchanges, 'pause'>;
}

/** Retries, with growing pauses of at most 15 s, while it throws one of the codes; finally throws the last error. */
export async function patiently<T>({ codes, forMs, firstMs = 500, exchanges }: Patience, call: () => Promise<T>): Promise<T> {
  const until = Date.now() + forMs;
  for (let pause = firstMs; ; pause = Math.min(pause * 2, 15_000)) {
    try {
      return await call();
    } catch (thrown) {
      if (!isCode(thrown, ...codes) || Date.now() + pause > until) throw thrown;
    }
    await exchanges.pause(pause * (0.75 + Math.random() / 2));
  }
}
