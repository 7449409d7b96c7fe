/** Finds the known word that was probably meant. */

/** Levenshtein distance: single-character insertions, deletions and replacements. */
export function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[b.length]!;
}

/** The closest of `known`, or nothing if none is close enough to be a typo (case and `-`, `_` do not count). */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const wanted = plain(word);
  let best: { readonly word: string; readonly cost: number } | undefined;
  for (const candidate of known) {
    const other = plain(candidate);
    const limit = Math.max(2, Math.floor(Math.max(wanted.length, other.length) / 3));
    if (Math.abs(other.length - wanted.length) > limit) continue;
    const cost = distance(wanted, other);
    if (cost <= limit && (best === undefined || cost < best.cost)) best = { word: candidate, cost };
  }
  return best?.word;
}

const plain = (word: string) => word.toLowerCase().replace(/[-_]/g, '');
