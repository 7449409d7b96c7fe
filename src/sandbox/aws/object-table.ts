/** The objects of one bucket in key order: flat records, kept sorted lazily so that a million keys can be listed and emptied. */

export interface ObjectVersion {
  /** `null` for versions written while versioning was off or suspended. */
  readonly versionId: string;
  readonly marker: boolean;
  readonly etag: string;
  readonly size: number;
  readonly modified: number;
  readonly body: Uint8Array;
  /** Content headers and user metadata, absent when there are none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds; object lock keeps the version until then. */
  readonly retainUntil?: number;
  readonly lockMode?: string;
}

/** Newest first. */
export type Versions = readonly ObjectVersion[];

export interface ObjectTable {
  get(key: string): Versions | undefined;
  /** An empty list removes the key. */
  set(key: string, versions: Versions): void;
  /** Keys in order (see `keyOrder`), starting with the first one at or after `from`. */
  keys(from: string): Iterable<string>;
  readonly size: number;
}

export function createObjectTable(): ObjectTable {
  const byKey = new Map<string, Versions>();
  let sorted: string[] = [];
  let fresh: string[] = [];
  let gone = 0;
  const settle = () => {
    if (fresh.length === 0 && gone <= sorted.length / 2) return;
    // A key that was deleted and written again is in both lists once; the map tells what exists, the set removes the duplicate.
    sorted = [...new Set([...sorted, ...fresh])].filter((key) => byKey.has(key)).sort(keyOrder);
    fresh = [];
    gone = 0;
  };
  return {
    get: (key) => byKey.get(key),
    set: (key, versions) => {
      const known = byKey.has(key);
      if (versions.length === 0) {
        if (known) gone += 1;
        byKey.delete(key);
        return;
      }
      byKey.set(key, versions);
      if (!known) fresh.push(key);
    },
    *keys(from) {
      settle();
      const order = sorted;
      for (let at = lowerBound(order, from); at < order.length; at += 1) {
        const key = order[at] as string;
        if (byKey.has(key)) yield key;
      }
    },
    get size() {
      return byKey.size;
    },
  };
}

/** Keys are ordered by their UTF-8 bytes, as in S3: JavaScript orders strings with surrogates differently. */
export function keyOrder(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  return at === end ? a.length - b.length : rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
}

/** Surrogates stand for characters that sort after all others. */
const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2000 : unit >= 0xe000 ? unit - 0x800 : unit);

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOrder(sorted[middle] as string, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
