/** One spelling for equal JSON: keys sorted, `undefined` left out. */
import type { Json } from '../engine/types.ts';

/** Equal documents give equal text, whatever the order of their keys. */
export function canonical(value: Json | undefined): string {
  return JSON.stringify(sorted(value ?? null));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => sorted(item));
  if (value === null || typeof value !== 'object') return value;
  const object = value as { readonly [key: string]: Json };
  return Object.fromEntries(
    Object.keys(object)
      .sort()
      .filter((key) => object[key] !== undefined)
      .map((key) => [key, sorted(object[key] as Json)]),
  );
}
