/** Kubernetes documents as plain data, and the helpers that every file here shares. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../ports/kubernetes.ts';

/** The API is schemaless data here: a field may hold anything, so no narrower type would be true. */
export type Doc = Record<string, any>;

export const isMap = (value: unknown): value is Doc => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Deep equality, ignoring the order of keys. */
export const same = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);

/** The value at a dotted path, `undefined` when any part of the path is missing. */
export const reach = (doc: unknown, path: string): any => path.split('.').reduce<any>((value, key) => (isMap(value) ? value[key] : undefined), doc);

/** A deep copy without `undefined` fields, as if it had been serialized. */
export const copy = <T>(value: T): T => copied(value) as T;

/** The result of `JSON.parse(JSON.stringify(value))`, several times faster: every write of every object passes through here. */
function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => (item === undefined ? null : copied(item)));
  if (value instanceof Date) return value.toJSON();
  const made: Doc = {};
  for (const key of Object.keys(value)) {
    const item = (value as Doc)[key];
    if (item !== undefined) made[key] = copied(item);
  }
  return made;
}

export const docOf = (object: KubeObject): Doc => object as unknown as Doc;
export const objectOf = (doc: Doc): KubeObject => doc as unknown as KubeObject;

/** Times on the wire have whole seconds. */
export const stamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');
