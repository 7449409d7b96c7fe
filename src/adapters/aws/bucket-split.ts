/** Where the keys ahead of a listing can be divided: at existing folders, or, if those are too many, by the characters of the keys. */
import { inOrder, type ReadPage } from './bucket-page.ts';

export interface Ahead {
  /** First key of the range that is being listed. */
  readonly first: string;
  /** The current key. */
  readonly cursor: string;
  /** Last key that belongs to it. */
  readonly upTo: string | undefined;
  readonly most: number;
}

const DELIMITER = '/';
/** Loki writes `<tenant>/<stream>/<chunk>` and `index/<table>/<tenant>/<file>`. */
const LEVELS = 2;

const HALF_A_PAIR = /\p{Surrogate}/u;

/** At most `most` strings after the cursor and before `upTo`, sorted. Takes at most two concurrent calls; none of the strings needs to be a key. */
export async function splitPoints(read: ReadPage, ahead: Ahead): Promise<readonly string[]> {
  const { cursor, upTo, most } = ahead;
  const folders = foldersOf(cursor);
  const levels = await Promise.all(
    folders.map(async (folder) => {
      const page = await read({ after: { key: cursor }, prefix: folder, delimiter: DELIMITER });
      const last = page.next && [page.prefixes.at(-1) ?? '', page.entries.at(-1)?.key ?? ''].sort(inOrder).at(-1);
      return { folder, names: page.prefixes, last };
    }),
  );
  const signs = signsOf([ahead.first, cursor, ...levels.flatMap(({ names }) => names)]);
  const guessed = levels.flatMap(({ folder, last }) =>
    last === undefined ? [] : guesses(last, { signs, from: folder.length, to: Math.max(folder.length, varies(ahead.first, last)) }),
  );
  const inside = (point: string) => inOrder(point, cursor) > 0 && (upTo === undefined || inOrder(point, upTo) < 0) && !HALF_A_PAIR.test(point);
  const points = [...new Set([...levels.flatMap(({ names }) => names), ...guessed])].filter(inside).sort(inOrder);
  return evenly(points, most);
}

/** `a/b/c`: the root, and `a/`. */
function foldersOf(key: string): readonly string[] {
  const folders = [''];
  for (let at = key.indexOf(DELIMITER); at >= 0 && folders.length < LEVELS; at = key.indexOf(DELIMITER, at + 1)) folders.push(key.slice(0, at + 1));
  return folders;
}

/** Candidates after the last name that could be listed: its prefixes, each with a later one of the characters seen. */
function guesses(last: string, { signs, from, to }: { readonly signs: readonly string[]; readonly from: number; readonly to: number }): readonly string[] {
  const found: string[] = [];
  for (let at = from; at <= to; at += 1) {
    for (const sign of signs) if (inOrder(sign, last.slice(at, at + 1)) > 0) found.push(last.slice(0, at) + sign);
  }
  return found;
}

/** Index of the first character that differs. */
function varies(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

const signsOf = (keys: readonly string[]): readonly string[] => [...new Set(keys.flatMap((key) => [...key]))].sort(inOrder);

function evenly(points: readonly string[], most: number): readonly string[] {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, at) => points[Math.floor(((at + 0.5) * points.length) / most)]!);
}
