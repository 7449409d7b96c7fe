/** Field ownership: reads `metadata.managedFields`, updates it on ordinary writes, and writes it back. */
import { same } from './document.ts';
import type { Doc } from './document.ts';
import { fromFieldsV1, leavesOf, toFieldsV1 } from './fields.ts';
import type { Path } from './fields.ts';
import type { Track } from './writes.ts';

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource: string;
  readonly apiVersion: string;
  readonly time: string;
  readonly fields: ReadonlySet<Path>;
}

export interface Writer {
  readonly manager: string;
  readonly subresource: string;
  readonly apiVersion: string;
  readonly now: string;
  readonly custom: boolean;
  /** Kept apart from the rest: only writes to the status subresource own it. */
  readonly hasStatus: boolean;
}

export const managersOf = (entries: readonly Doc[] | undefined): readonly Manager[] =>
  (entries ?? [])
    .filter((entry) => entry.manager !== undefined)
    .map((entry) => ({
      name: entry.manager,
      operation: entry.operation,
      subresource: entry.subresource ?? '',
      apiVersion: entry.apiVersion,
      time: entry.time ?? '',
      fields: fromFieldsV1(entry.fieldsV1 ?? {}),
    }));

export const entriesOf = (managers: readonly Manager[]): readonly Doc[] =>
  managers
    .filter((manager) => manager.fields.size > 0)
    .map((manager) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      ...(manager.time && { time: manager.time }),
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(manager.fields),
      ...(manager.subresource && { subresource: manager.subresource }),
    }));

export const without = (fields: ReadonlySet<Path>, gone: ReadonlySet<Path>): ReadonlySet<Path> => new Set([...fields].filter((path) => !gone.has(path)));

/** A client may edit the list itself: an empty entry clears it, another list replaces it. */
function former(before: Doc | undefined, after: Doc): readonly Doc[] {
  const given: readonly Doc[] | undefined = after.metadata.managedFields;
  if (!before) return [];
  if (given === undefined || given.length === 0) return before.metadata.managedFields ?? [];
  return given;
}

export function ownable(doc: Doc, writer: Pick<Writer, 'custom' | 'hasStatus' | 'subresource'>): Map<Path, unknown> {
  if (!writer.hasStatus || writer.subresource === 'status') return leavesOf(doc, { custom: writer.custom });
  const { status: _status, ...rest } = doc;
  return leavesOf(rest, { custom: writer.custom });
}

/** Ownership after a create, replace or patch: the writer becomes the only owner of what it changed. */
export function trackUpdate(writer: Writer): Track {
  return (before, after) => {
    const old = before ? ownable(before, writer) : new Map<Path, unknown>();
    const now = ownable(after, writer);
    const changed = new Set([...now].filter(([path, value]) => !old.has(path) || !same(old.get(path), value)).map(([path]) => path));
    const lost = new Set([...old.keys()].filter((path) => !now.has(path)));
    const managers = managersOf(former(before, after));
    if (changed.size === 0 && lost.size === 0) return entriesOf(managers);
    const taken = new Set([...changed, ...lost]);
    const isWriter = (manager: Manager): boolean =>
      manager.name === writer.manager &&
      manager.operation === 'Update' &&
      manager.subresource === writer.subresource &&
      manager.apiVersion === writer.apiVersion;
    const own = managers.find(isWriter);
    const others = managers.filter((manager) => !isWriter(manager)).map((manager) => ({ ...manager, fields: without(manager.fields, taken) }));
    const fields = new Set([...(own ? without(own.fields, lost) : []), ...changed]);
    const { manager: name, subresource, apiVersion, now: time } = writer;
    return entriesOf([...others, { name, operation: 'Update', subresource, apiVersion, time, fields }]);
  };
}
