/** Scans a whole bucket with several listers: the keys ahead of a long listing are divided among the idle ones. */
import { inOrder, type Entry, type Marker, type Page, type ReadPage } from './bucket-page.ts';
import { splitPoints } from './bucket-split.ts';

export interface Walk {
  /** The maximum number of concurrent listings. */
  readonly listers: number;
  /** Called with every entry once. A listing continues when it resolves; `stop` ends the scan. */
  readonly take: (entries: readonly Entry[]) => Promise<'more' | 'stop'>;
  readonly signal?: AbortSignal;
}

/** The keys after `after` up to and including `upTo`; to the bucket's end without one. */
interface Range {
  after: Marker;
  upTo: string | undefined;
  /** First key seen in it. */
  first?: string;
  /** Full pages since it began or was divided. */
  pages: number;
}

/** A range of this many pages is worth the calls that dividing it costs. */
const WORTH_DIVIDING = 8;

/**
 * Resolves when every range has been listed or `take` returned `stop`; throws the first failure, after every lister has stopped.
 * What is written or deleted in the meantime may or may not be included.
 */
export async function walkBucket(read: ReadPage, { listers, take, signal }: Walk): Promise<void> {
  const running = new Set<Promise<void>>();
  let ended = false;
  let failure: { readonly thrown: unknown } | undefined;
  let divided = false;

  const list = async (range: Range): Promise<void> => {
    while (!ended) {
      signal?.throwIfAborted();
      const { taken, next } = handOver(await read({ after: range.after }), range);
      if ((await taken) === 'stop') ended = true;
      if (ended || next === undefined) return;
      range.after = next;
      if (listers > running.size && (!divided || range.pages >= WORTH_DIVIDING)) await divide(range);
    }
  };
  /** Separate, so that no page is kept in memory while waiting for the next one. */
  const handOver = (page: Page, range: Range) => {
    const { entries, whole } = within(page, range.upTo);
    range.first ??= entries[0]?.key;
    range.pages += 1;
    return { taken: entries.length > 0 ? take(entries) : undefined, next: whole ? page.next : undefined };
  };
  const begin = (range: Range): void => {
    const work: Promise<void> = list(range)
      .catch((thrown: unknown) => {
        failure ??= { thrown };
        ended = true;
      })
      .finally(() => running.delete(work));
    running.add(work);
  };
  const divide = async (range: Range): Promise<void> => {
    divided = true;
    range.pages = 0;
    const { after, first, upTo } = range;
    const points = await splitPoints(read, { first: first ?? '', cursor: after.key ?? '', upTo, most: listers - running.size });
    // The last part continues to the end of the range.
    const ends = [...points.slice(1), upTo];
    for (const [at, point] of points.entries()) {
      if (at === 0) range.upTo = point;
      begin({ after: { key: point }, upTo: ends[at], pages: 0 });
    }
  };

  begin({ after: {}, upTo: undefined, pages: 0 });
  while (running.size > 0) await Promise.race(running);
  if (failure !== undefined) throw failure.thrown;
}

/** The entries that belong to the range; `whole` if none was beyond it. */
function within({ entries }: Page, upTo: string | undefined): { readonly entries: readonly Entry[]; readonly whole: boolean } {
  const last = entries.at(-1);
  if (upTo === undefined || last === undefined || inOrder(last.key, upTo) <= 0) return { entries, whole: true };
  return { entries: entries.filter(({ key }) => inOrder(key, upTo) <= 0), whole: false };
}
