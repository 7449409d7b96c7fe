/** Server-side apply: conflicts with other managers, merging, and pruning what a manager no longer applies. */
import { copy, isMap, same } from './document.ts';
import type { Doc } from './document.ts';
import { printed, removeAt, valueAt, withParents } from './fields.ts';
import type { Path } from './fields.ts';
import { isAtomicMap, itemKey, listKind } from './list-keys.ts';
import { entriesOf, managersOf, ownable, without } from './managed-fields.ts';
import type { Manager, Writer } from './managed-fields.ts';
import { applyConflict } from './status.ts';

export interface Applied {
  readonly object: Doc;
  /** For `metadata.managedFields`. */
  readonly managers: readonly Doc[];
}

const isItself = (manager: Manager, writer: Writer): boolean =>
  manager.operation === 'Apply' && manager.name === writer.manager && manager.subresource === writer.subresource;

/** An empty map agrees with any map: it only says that the map exists. */
const agrees = (applied: unknown, live: unknown): boolean => same(applied, live) || (isMap(applied) && Object.keys(applied).length === 0 && isMap(live));

function mergeList(field: string, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
  const kind = listKind(field, applied.length > 0 ? applied : live);
  if (kind.is === 'atomic' || listKind(field, live).is !== kind.is) return copy([...applied]);
  if (kind.is === 'set') return [...new Set([...live, ...applied])];
  const keyed = new Map((live as Doc[]).map((item) => [itemKey(item, kind.keys), item]));
  const wanted = (applied as Doc[]).map((item) => {
    const former = keyed.get(itemKey(item, kind.keys));
    return former ? merge(former, item) : copy(item);
  });
  const named = new Set((applied as Doc[]).map((item) => itemKey(item, kind.keys)));
  return [...wanted, ...[...keyed].filter(([key]) => !named.has(key)).map(([, item]) => item)];
}

function merge(live: Doc, applied: Doc, custom = false): Doc {
  const merged: Doc = { ...live };
  for (const [key, value] of Object.entries(applied)) {
    const former = live[key];
    if (isMap(value) && isMap(former) && (custom || !isAtomicMap(key))) merged[key] = merge(former, value, custom);
    else if (Array.isArray(value) && Array.isArray(former) && (!custom || key === 'finalizers' || key === 'ownerReferences'))
      merged[key] = mergeList(key, former, value);
    else merged[key] = copy(value);
  }
  return merged;
}

/** Nulls in an applied document are ignored. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null)
      .map(([key, child]) => [key, withoutNulls(child)]),
  );
}

function refuse(conflicts: readonly (readonly [Manager, Path])[]): never {
  const name = ({ name, operation, subresource, apiVersion }: Manager): string =>
    `${JSON.stringify(name)}${subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
  const causes = conflicts.map(([manager, path]) => ({
    reason: 'FieldManagerConflict' as const,
    message: `conflict with ${name(manager)}`,
    field: printed(path),
  }));
  const [only] = causes;
  if (causes.length === 1 && only) throw applyConflict(`Apply failed with 1 conflict: ${only.message}: ${only.field}`, causes);
  const owners = [...new Set(causes.map((cause) => cause.message))].sort();
  const lines = owners.flatMap((owner) => [
    `${owner.replace('conflict', 'conflicts')}:`,
    ...causes.filter((cause) => cause.message === owner).map((cause) => `- ${cause.field}`),
  ]);
  throw applyConflict(`Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`, causes);
}

/** Fields of an object without managers belong to the manager before the first apply. */
function formerManagers(live: Doc, writer: Writer): readonly Manager[] {
  const known = managersOf(live.metadata.managedFields);
  if (known.length > 0) return known;
  const fields = new Set(ownable(live, writer).keys());
  return [{ name: 'before-first-apply', operation: 'Update', subresource: '', apiVersion: writer.apiVersion, time: writer.now, fields }];
}

/**
 * What the object becomes when `config` is applied over `live`. Defaults are not filled in. Throws 409 when another manager owns a field with another
 * value, unless forced.
 */
export function applyOver(live: Doc | undefined, config: Doc, options: { readonly writer: Writer; readonly force: boolean }): Applied {
  const { writer, force } = options;
  const wanted = withoutNulls(config) as Doc;
  delete wanted.metadata?.managedFields;
  const leaves = ownable(wanted, writer);
  const fields = new Set(leaves.keys());
  const self: Manager = { name: writer.manager, operation: 'Apply', subresource: writer.subresource, apiVersion: writer.apiVersion, time: writer.now, fields };
  if (!live) return { object: wanted, managers: entriesOf([self]) };

  const managers = formerManagers(live, writer);
  const others = managers.filter((manager) => !isItself(manager, writer));
  const current = ownable(live, writer);
  const differs = new Set(
    [...leaves]
      .filter(([path, value]) =>
        current.has(path) ? !agrees(value, current.get(path)) : valueAt(live, path) !== undefined && !agrees(value, valueAt(live, path)),
      )
      .map(([path]) => path),
  );
  const conflicts = others.flatMap((manager) => [...differs].filter((path) => manager.fields.has(path)).map((path) => [manager, path] as const));
  if (conflicts.length > 0 && !force) refuse(conflicts);

  const object = merge(live, wanted, writer.custom);
  const remaining = others.map((manager) => ({ ...manager, fields: without(manager.fields, differs) }));
  const before = managers.find((manager) => isItself(manager, writer))?.fields ?? new Set<Path>();
  const kept = withParents([...fields, ...remaining.flatMap((manager) => [...manager.fields])]);
  const pruned = copy(object);
  for (const path of withParents(before)) if (!kept.has(path)) removeAt(pruned, path);
  const former = managers.find((manager) => isItself(manager, writer));
  const unchanged = former && same([...former.fields].sort(), [...fields].sort()) && same(pruned, live);
  return { object: pruned, managers: entriesOf([...remaining, unchanged ? former : self]) };
}
