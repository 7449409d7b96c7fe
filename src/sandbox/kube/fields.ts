/** The leaves of a document as field paths, in the segments of `FieldsV1` (`f:spec`, `k:{"name":"x"}`, `v:"x"`, `.`). */
import { isMap } from './document.ts';
import type { Doc } from './document.ts';
import { isAtomicMap, itemKey, listKind } from './list-keys.ts';

const SEPARATOR = '\u0000';

/** A path as one string, so that sets and maps can hold it. */
export type Path = string;
const segmentsOf = (path: Path): readonly string[] => path.split(SEPARATOR);
const join = (parent: Path, segment: string): Path => (parent === '' ? segment : `${parent}${SEPARATOR}${segment}`);

/** Never owned by a manager: the server sets them. */
const UNOWNED = new Set(
  ['apiVersion', 'kind']
    .map((name) => `f:${name}`)
    .concat(
      [
        'name',
        'namespace',
        'uid',
        'generateName',
        'selfLink',
        'creationTimestamp',
        'deletionTimestamp',
        'deletionGracePeriodSeconds',
        'resourceVersion',
        'generation',
        'managedFields',
      ].map((name) => join('f:metadata', `f:${name}`)),
    ),
);

/** Every leaf with its value. Custom resources have no schema here: their lists are single values, their maps never are. */
export function leavesOf(doc: Doc, options: { readonly custom?: boolean } = {}): Map<Path, unknown> {
  const leaves = new Map<Path, unknown>();
  const visit = (value: unknown, path: Path, name: string): void => {
    if (UNOWNED.has(path)) return;
    if (isMap(value) && Object.keys(value).length > 0 && (options.custom || !isAtomicMap(name))) {
      for (const [key, child] of Object.entries(value)) visit(child, join(path, `f:${key}`), key);
      return;
    }
    if (!Array.isArray(value) || value.length === 0) {
      leaves.set(path, value);
      return;
    }
    const kind = options.custom && !path.startsWith('f:metadata') ? ({ is: 'atomic' } as const) : listKind(name, value);
    if (kind.is === 'atomic') leaves.set(path, value);
    if (kind.is === 'set') for (const item of value) leaves.set(join(path, `v:${JSON.stringify(item)}`), item);
    if (kind.is === 'map') {
      for (const item of value as Doc[]) {
        const here = join(path, `k:${itemKey(item, kind.keys)}`);
        leaves.set(join(here, '.'), undefined);
        for (const [key, child] of Object.entries(item)) visit(child, join(here, `f:${key}`), key);
      }
    }
  };
  visit(doc, '', '');
  leaves.delete('');
  return leaves;
}

export function toFieldsV1(paths: Iterable<Path>): Doc {
  const root: Doc = {};
  for (const path of [...paths].sort()) {
    let node = root;
    for (const segment of segmentsOf(path)) node = node[segment] ??= {};
  }
  return root;
}

export function fromFieldsV1(tree: Doc): Set<Path> {
  const paths = new Set<Path>();
  const visit = (node: Doc, path: Path): void => {
    const entries = Object.entries(node);
    if (entries.length === 0 && path !== '') paths.add(path);
    for (const [segment, child] of entries) visit(child, join(path, segment));
  };
  visit(tree, '');
  return paths;
}

/** The paths and all their parents. */
export function withParents(paths: Iterable<Path>): Set<Path> {
  const all = new Set<Path>();
  for (const path of paths) {
    let parent: Path = '';
    for (const segment of segmentsOf(path)) all.add((parent = join(parent, segment)));
  }
  return all;
}

/** As error messages print it: `.spec.template.spec.containers[name="x"].image`. */
export function printed(path: Path): string {
  return segmentsOf(path)
    .map((segment) => {
      const body = segment.slice(2);
      if (segment.startsWith('f:')) return `.${body}`;
      if (segment.startsWith('v:')) return `[=${body}]`;
      if (!segment.startsWith('k:')) return '';
      const keys = Object.entries(JSON.parse(body) as Doc).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      return `[${keys.join(',')}]`;
    })
    .join('');
}

/** What a segment refers to: an index in a list, or a key of a map. */
function step(value: unknown, segment: string): { readonly key: string | number; readonly found: unknown } | undefined {
  const body = segment.slice(2);
  if (segment.startsWith('f:')) return isMap(value) && body in value ? { key: body, found: value[body] } : undefined;
  if (!Array.isArray(value)) return undefined;
  const index = segment.startsWith('v:')
    ? value.findIndex((item) => JSON.stringify(item) === body)
    : value.findIndex((item) => isMap(item) && itemKey(item, Object.keys(JSON.parse(body) as Doc)) === body);
  return index < 0 ? undefined : { key: index, found: value[index] };
}

export function valueAt(doc: Doc, path: Path): unknown {
  let value: unknown = doc;
  for (const segment of segmentsOf(path)) {
    if (segment === '.') return undefined;
    value = step(value, segment)?.found;
    if (value === undefined) return undefined;
  }
  return value;
}

/** Removes the field or list item in place. It may already be missing. */
export function removeAt(doc: Doc, path: Path): void {
  const segments = segmentsOf(path);
  const last = segments.at(-1) ?? '';
  if (last === '.') return;
  let parent: unknown = doc;
  for (const segment of segments.slice(0, -1)) parent = step(parent, segment)?.found;
  const target = step(parent, last);
  if (!target) return;
  if (Array.isArray(parent)) parent.splice(target.key as number, 1);
  else delete (parent as Doc)[target.key];
}
