/** Reading inside parsed documents. */
import type { Json } from '../engine/types.ts';

/** The value at a dotted path; `undefined` if it does not exist. */
export function getPath(document: unknown, path: string): Json | undefined {
  const step = (value: unknown, key: string): unknown =>
    value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
  return path.split('.').reduce(step, document) as Json | undefined;
}
