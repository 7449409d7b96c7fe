/** What changes between two documents, leaf by leaf, in words that may be shown. */
import type { Json } from '../engine/types.ts';

/** Names whose values are never shown, and names that only sound like it: they say where a secret lies. */
const secretName = /(passw(or)?d|secret|token|credential|private.?key|access.?key|api.?key|htpasswd|authorization|httpHeaderValue)/i;
const harmlessName = /(secretName|existingSecret|secretKeyRef|password_?file|tokenPath|automountServiceAccountToken|_file|File|Ref|Name)$/;

const hidden = '(hidden)';
const separator = '\u0000';

/**
 * `- path: old` and `+ path: new` lines, in the order of the paths, the old one first. Maps are compared by key, lists by position.
 * Secret-looking values are hidden, but that they changed is still said. Equal documents give no lines.
 */
export function diffLines(before: unknown, after: unknown): readonly string[] {
  const old = leaves(before);
  const now = leaves(after);
  const paths = [...new Set([...old.keys(), ...now.keys()])].toSorted(byPath);
  return paths.flatMap((path) => {
    if (old.has(path) && now.has(path) && old.get(path) === now.get(path)) return [];
    return [...(old.has(path) ? lines('-', path, old.get(path)!) : []), ...(now.has(path) ? lines('+', path, now.get(path)!) : [])];
  });
}

/** Each leaf's path (segments joined by NUL) and its value as JSON; empty maps and lists are leaves too. */
function leaves(document: unknown): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (node: unknown, path: readonly string[]) => {
    const entries: readonly (readonly [string, unknown])[] = Array.isArray(node)
      ? node.map((item, index) => [`[${index}]`, item] as const)
      : typeof node === 'object' && node !== null
        ? Object.entries(node).filter(([, value]) => value !== undefined)
        : [];
    if (entries.length > 0) for (const [key, value] of entries) walk(value, [...path, key]);
    else if (path.length > 0 || !isNothing(node)) found.set(path.join(separator), JSON.stringify(node) ?? 'null');
  };
  walk(document, []);
  return found;
}

/** A document that is not there says nothing about itself. */
const isNothing = (node: unknown) => node === undefined || node === null || (typeof node === 'object' && Object.keys(node).length === 0);

function lines(sign: '-' | '+', path: string, json: string): readonly string[] {
  const segments = path.split(separator);
  const name = segments.reduce((text, segment) => (segment.startsWith('[') || text === '' ? text + segment : `${text}.${quoted(segment)}`), '');
  const label = name === '' ? '' : `${name}: `;
  if (isSecret(segments)) return [`${sign} ${label}${hidden}`];
  const value = JSON.parse(json) as Json;
  if (typeof value === 'string' && value.includes('\n')) {
    return [
      `${sign} ${label}|`,
      ...value
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `${sign}   ${withoutSecret(line)}`),
    ];
  }
  return [`${sign} ${label}${typeof value === 'string' ? plain(value) : json}`];
}

/** A line of a document in another language: what is assigned to a secret's name is hidden there too. */
function withoutSecret(line: string): string {
  const assigned = /^(\s*["']?)([\w.-]+)(["']?\s*[=:]\s*)(\S.*)$/.exec(line);
  const [, start = '', name = '', sign = ''] = assigned ?? [];
  return assigned && isSecret([name]) ? `${start}${name}${sign}${hidden}` : line;
}

/** A name hides what is below it too; only a volume's `secret` is a reference, whatever it holds. */
export function isSecret(path: readonly string[]): boolean {
  const names = path.filter((segment) => !segment.startsWith('['));
  return names.some((name, index) => secretName.test(name) && !harmlessName.test(name) && !(name === 'secret' && index < names.length - 1));
}

const quoted = (segment: string) => (segment.includes('.') ? `"${segment}"` : segment);

/** Text that could be mistaken for another type keeps its quotes. */
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
