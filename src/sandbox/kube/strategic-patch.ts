/** Strategic merge patch: lists merged by key, and the `$` directives. */
import { copy, isMap } from './document.ts';
import type { Doc } from './document.ts';
import { listKind } from './list-keys.ts';

const ORDER = '$setElementOrder/';
const DELETE = '$deleteFromPrimitiveList/';

/** Strategic patches identify ports by number alone and spread constraints by topology alone. */
const mergeKey = (field: string, items: readonly unknown[]): string | undefined => {
  const kind = listKind(field, items);
  return kind.is === 'map' ? kind.keys[0] : undefined;
};

function ordered(items: readonly unknown[], order: readonly unknown[], key: string | undefined): unknown[] {
  const idOf = (item: unknown): string => JSON.stringify(key === undefined ? item : isMap(item) ? item[key] : item);
  const places = new Map(order.map((item, index) => [idOf(item), index]));
  const known = items.filter((item) => places.has(idOf(item))).sort((a, b) => (places.get(idOf(a)) ?? 0) - (places.get(idOf(b)) ?? 0));
  return [...known, ...items.filter((item) => !places.has(idOf(item)))];
}

function mergeItems(items: readonly Doc[], patches: readonly Doc[], key: string): Doc[] {
  let merged = [...items];
  for (const { $patch: directive, ...patch } of patches) {
    const index = merged.findIndex((item) => item[key] === patch[key]);
    if (directive === 'delete') merged = merged.filter((item) => item[key] !== patch[key]);
    else if (index < 0) merged.push(strategicPatch({}, patch));
    else merged[index] = directive === 'replace' ? copy(patch) : strategicPatch(merged[index] ?? {}, patch);
  }
  return merged;
}

function patchedList(field: string, live: unknown, patch: readonly unknown[]): unknown[] {
  const items = Array.isArray(live) ? live : [];
  if (patch.some((item) => isMap(item) && item.$patch === 'replace' && Object.keys(item).length === 1)) {
    return copy(patch.filter((item) => !(isMap(item) && item.$patch === 'replace')));
  }
  const key = mergeKey(field, [...patch, ...items]) ?? mergeKey(field, patch);
  if (key !== undefined) return mergeItems(items as Doc[], patch as Doc[], key);
  if (listKind(field, patch).is === 'set') return [...new Set([...items, ...patch])];
  return copy([...patch]);
}

export function strategicPatch(target: Doc, patch: Doc): Doc {
  if (patch.$patch === 'replace') {
    const { $patch: _directive, ...whole } = patch;
    return copy(whole);
  }
  const merged: Doc = { ...target };
  const retained: readonly string[] | undefined = patch.$retainKeys;
  if (retained) for (const key of Object.keys(merged)) if (!retained.includes(key)) delete merged[key];
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    if (value === null) delete merged[key];
    else if (isMap(value) && value.$patch === 'delete') delete merged[key];
    else if (isMap(value)) merged[key] = strategicPatch(isMap(merged[key]) ? merged[key] : {}, value);
    else merged[key] = Array.isArray(value) ? patchedList(key, merged[key], value) : value;
  }
  for (const [key, value] of Object.entries(patch)) {
    const field = key.slice(key.indexOf('/') + 1);
    if (!Array.isArray(merged[field])) continue;
    if (key.startsWith(DELETE)) merged[field] = merged[field].filter((item: unknown) => !value.includes(item));
    if (key.startsWith(ORDER)) merged[field] = ordered(merged[field], value, mergeKey(field, merged[field]));
  }
  return merged;
}
