/** What changes between two documents, leaf by leaf, in a form that may be shown. */
import type { Json } from '../engine/types.ts';
import { hidden, isSecret, isSecretPair, isSecretWord, redactText } from './secrets.ts';

const separator = '\u0000';

/**
 * `- path: old` and `+ path: new` lines, in the order of the paths, the old one first. Maps are compared by key, lists by position.
 * Secret-looking values are hidden, but their change is still reported. Equal documents give no lines.
 */
export function diffLines(before: unknown, after: unknown): readonly string[] {
  const old = leaves(before);
  const now = leaves(after);
  const paths = [...new Set([...old.keys(), ...now.keys()])].toSorted(byPath);
  return paths.flatMap((path) => {
    if (old.has(path) && now.has(path) && old.get(path)!.json === now.get(path)!.json) return [];
    return [...(old.has(path) ? lines('-', path, old.get(path)!) : []), ...(now.has(path) ? lines('+', path, now.get(path)!) : [])];
  });
}

interface Leaf {
  readonly json: string;
  readonly secret: boolean;
}

/** Each leaf's path (segments joined by NUL) and its value as JSON; empty maps and lists are leaves too. */
function leaves(document: unknown): ReadonlyMap<string, Leaf> {
  const found = new Map<string, Leaf>();
  const walk = (node: unknown, path: readonly string[], secret: boolean) => {
    const entries: readonly (readonly [key: string, inner: unknown, secret: boolean])[] = Array.isArray(node)
      ? node.map((item, index) => [`[${index}]`, item, secret || isSecretWord(node, index)] as const)
      : typeof node === 'object' && node !== null
        ? Object.entries(node).flatMap(([key, inner]) =>
            inner === undefined ? [] : [[key, inner, isSecret([...path, key]) || isSecretPair(node as Readonly<Record<string, unknown>>, key)] as const],
          )
        : [];
    if (entries.length > 0) for (const [key, value, hides] of entries) walk(value, [...path, key], hides);
    else if (path.length > 0 || !isNothing(node)) found.set(path.join(separator), { json: JSON.stringify(node) ?? 'null', secret });
  };
  walk(document, [], false);
  return found;
}

/** An absent document has no leaves. */
const isNothing = (node: unknown) => node === undefined || node === null || (typeof node === 'object' && Object.keys(node).length === 0);

function lines(sign: '-' | '+', path: string, { json, secret }: Leaf): readonly string[] {
  const segments = path.split(separator);
  const name = segments.reduce((text, segment) => (segment.startsWith('[') || text === '' ? text + segment : `${text}.${quoted(segment)}`), '');
  const label = name === '' ? '' : `${name}: `;
  if (secret) return [`${sign} ${label}${hidden('named-secret')}`];
  const value = JSON.parse(json) as Json;
  if (typeof value === 'string' && value.includes('\n')) {
    return [
      `${sign} ${label}|`,
      ...redactText(value.replace(/\n$/, ''))
        .split('\n')
        .map((line) => `${sign}   ${line}`),
    ];
  }
  return [`${sign} ${label}${typeof value === 'string' ? plain(redactText(value)) : json}`];
}

const quoted = (segment: string) => (segment.includes('.') ? `"${segment}"` : segment);

/** A string that could be mistaken for another type keeps its quotes. */
const plain = (value: string) => (/^[A-Za-z/][^\r\t]*$/.test(value) && !/^(true|false|null)$/.test(value) ? value : JSON.stringify(value));

/** List positions sort as numbers. */
function byPath(a: string, b: string): number {
  const [left, right] = [a.split(separator), b.split(separator)];
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const [one, other] = [left[index]!, right[index]!];
    if (one === other) continue;
    const [first, second] = [place(one), place(other)];
    if (first !== undefined && second !== undefined) return first - second;
    return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

const place = (segment: string) => (/^\[\d+\]$/.test(segment) ? Number(segment.slice(1, -1)) : undefined);
