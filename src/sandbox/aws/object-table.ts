/** The objects of one bucket in key order: flat records, kept sorted lazily so that a million keys can be listed and emptied. */

export interface ObjectVersion {
  /** `null` for what was written while versioning was off or suspended. */
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
  /** An empty list takes the key away. */
  set(key: string, versions: Versions): void;
  /** Keys in order, from the first one that is at or after `from`. */
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
    // A key that went and came back is in both lists once; the map tells what is there, the set removes the double.
    sorted = [...new Set([...sorted, ...fresh])].filter((key) => byKey.has(key)).sort(byCode);
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

function byCode(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
