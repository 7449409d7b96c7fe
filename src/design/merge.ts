/** Merges values the way Helm does. */

export type Values = Readonly<Record<string, unknown>>;

export const isMap = (value: unknown): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Maps merge key by key, everything else is replaced. A `null` stays in the result: passed to Helm, it removes the chart's own default.
 * Neither argument is changed, and the result shares no map or list with them.
 */
export function mergeValues(below: Values, above: Values): Values {
  const merged = new Map<string, unknown>(Object.entries(below).map(([key, value]) => [key, structuredClone(value)]));
  for (const [key, value] of Object.entries(above)) {
    const former = merged.get(key);
    merged.set(key, isMap(former) && isMap(value) ? mergeValues(former, value) : structuredClone(value));
  }
  return Object.fromEntries(merged);
}
