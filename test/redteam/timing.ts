/** How long a pattern takes on hard texts; the first that takes too long is told. */
import { Worker } from 'node:worker_threads';
import { hardTexts } from './pattern-texts.ts';

/** Up to the 100 kB that a log line, an answer or a file can have; what is worse than linear shows itself before. */
const LENGTHS = [16, 64, 256, 1024, 4096, 16_384, 100_000];
/** A linear pattern takes a millisecond or two; a quadratic one seconds. */
const MOST_MS = 250;
const HANGS_MS = 10_000;

export interface Timing {
  /** Absent when all texts were gone through in time. */
  readonly slow: string | undefined;
  readonly texts: number;
}

export interface Timer {
  time(pattern: Pick<RegExp, 'source' | 'flags'>): Promise<Timing>;
  close(): Promise<void>;
}

export function timer(): Timer {
  const place = new SharedArrayBuffer(8);
  const open = () => new Worker(new URL('timing-worker.mjs', import.meta.url), { workerData: { place, lengths: LENGTHS, mostMs: MOST_MS } });
  let worker = open();
  return {
    async time({ source, flags }) {
      const texts = hardTexts({ source, flags });
      const told = (index: number, length: number, ms: string) => {
        const { before, pump, after } = texts[index]!;
        return `${JSON.stringify(before)} + ${JSON.stringify(pump)} to ${length} characters + ${JSON.stringify(after)}: ${ms}`;
      };
      const slow = await new Promise<string | undefined>((resolve) => {
        let watch: NodeJS.Timeout;
        let seen = '';
        const look = () => {
          const [index = 0, length = 0] = new Int32Array(place);
          if (seen !== `${index} ${length}`) {
            seen = `${index} ${length}`;
            watch = setTimeout(look, HANGS_MS);
            return;
          }
          void worker.terminate();
          worker = open();
          resolve(told(index, length, `no end in ${HANGS_MS} ms`));
        };
        watch = setTimeout(look, HANGS_MS);
        worker.removeAllListeners('message');
        worker.once('message', ({ index, length, ms }: { readonly index?: number; readonly length?: number; readonly ms?: number }) => {
          clearTimeout(watch);
          resolve(index === undefined ? undefined : told(index, length ?? 0, `${ms} ms`));
        });
        worker.postMessage({ source, flags, texts });
      });
      return { slow, texts: texts.length };
    },
    close: async () => void (await worker.terminate()),
  };
}
