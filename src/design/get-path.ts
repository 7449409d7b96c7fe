/** Reading inside parsed documents. */
import type { Json } from '../engine/types.ts';

/** The value at a dotted path; `undefined` where there is none. */
export function getPath(document: Json | undefined, path: string): Json | undefined {
  return path
    .split('.')
    .reduce<Json | undefined>(
      (value, key) => (value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Readonly<Record<string, Json>>)[key] : undefined),
      document,
    );
}
