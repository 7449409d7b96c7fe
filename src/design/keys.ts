/** Which values each chart knows: Helm silently accepts any other key, which then has no effect. */
import alloyKeys from './chart-keys/alloy-1.11.1.json' with { type: 'json' };
import lokiKeys from './chart-keys/loki-18.11.0.json' with { type: 'json' };
import { isMap, type Values } from './merge.ts';
import { nearest } from './nearest.ts';

/** A map of known keys; a string is the type of a leaf, `*` means anything. */
type Known = string | { readonly [key: string]: Known };

export interface UnknownKey {
  readonly path: string;
  /** The full path that was probably meant. */
  readonly nearest?: string;
}

const charts = { loki: lokiKeys, alloy: alloyKeys } as const;

/**
 * The paths in `values` that the chart does not know. A chart version other than the one whose keys are recorded is not checked.
 * A known key at another place is suggested before a similar one at the same place: wrong nesting is the common mistake.
 */
export function unknownKeys(values: Values, chart: { readonly name: 'loki' | 'alloy'; readonly version: string }): readonly UnknownKey[] {
  const { version, keys } = charts[chart.name];
  if (chart.version !== version) return [];
  const found: UnknownKey[] = [];
  const walk = (node: Values, known: Known, path: readonly string[]) => {
    if (known === '*') return;
    for (const [key, value] of Object.entries(node)) {
      const here = [...path, key];
      const below = typeof known === 'object' && Object.hasOwn(known, key) ? known[key] : undefined;
      if (below === undefined) found.push({ path: here.join('.'), nearest: suggestion(keys, known, here) });
      else if (isMap(value) && typeof below === 'object') walk(value, below, here);
      else if (isMap(value) && below !== '*') found.push(...Object.keys(value).map((inner) => ({ path: [...here, inner].join('.'), nearest: here.join('.') })));
    }
  };
  walk(values, keys, []);
  return found;
}

/** Paths whose value has another type than in the chart, by the same list of keys. A `null` removes a default and fits everywhere. */
export function wrongTypes(values: Values, name: 'loki' | 'alloy'): readonly { readonly path: string; readonly wanted: string; readonly given: string }[] {
  const found: { path: string; wanted: string; given: string }[] = [];
  const walk = (node: Values, known: Known, path: readonly string[]) => {
    for (const [key, value] of Object.entries(node)) {
      const below = typeof known === 'object' && Object.hasOwn(known, key) ? known[key] : undefined;
      if (below === undefined || below === '*' || value === null || value === undefined) continue;
      const here = [...path, key];
      const given = Array.isArray(value) ? 'list' : isMap(value) ? 'map' : typeof value;
      if (typeof below === 'object') {
        if (isMap(value)) walk(value, below, here);
        else found.push({ path: here.join('.'), wanted: 'map', given });
      } else if (!fits(below, value))
        found.push({ path: here.join('.'), wanted: below, given: given === 'string' ? `the text "${String(value)}"` : `a ${given}` });
    }
  };
  walk(values, charts[name].keys, []);
  return found;
}

/** Templates print numbers as strings and parse strings as numbers; but the string "false" is truthy to them. */
function fits(wanted: string, value: unknown): boolean {
  if (wanted === 'boolean') return typeof value === 'boolean';
  if (wanted === 'number') return typeof value === 'number' || (typeof value === 'string' && value !== '' && !Number.isNaN(Number(value)));
  return typeof value !== 'object';
}

/** Which chart these values are for, recognized by top-level keys that only one of them has. */
export function chartOf(values: Values): 'loki' | 'alloy' | undefined {
  const count = (name: 'loki' | 'alloy') =>
    Object.keys(values).filter((key) => Object.hasOwn(charts[name].keys, key) && !Object.hasOwn(charts[name === 'loki' ? 'alloy' : 'loki'].keys, key)).length;
  const [loki, alloy] = [count('loki'), count('alloy')];
  return loki === alloy ? undefined : loki > alloy ? 'loki' : 'alloy';
}

export const recordedVersion = (name: 'loki' | 'alloy'): string => charts[name].version;

/** Keys that people write from memory, and what the charts call them. */
const aliases: Readonly<Record<string, string>> = {
  'alloy.extraVolumeMounts': 'alloy.mounts.extra',
  'alloy.extraVolumes': 'controller.volumes.extra',
  extraVolumeMounts: 'alloy.mounts.extra',
  extraVolumes: 'controller.volumes.extra',
  'alloy.tolerations': 'controller.tolerations',
  'loki.ruler': 'loki.rulerConfig',
  'loki.schema_config': 'loki.schemaConfig',
};

function suggestion(root: Known, siblings: Known, path: readonly string[]): string | undefined {
  const key = path.at(-1)!;
  const dotted = path.join('.');
  const alias = Object.hasOwn(aliases, dotted) ? aliases[dotted] : undefined;
  if (alias !== undefined && has(root, alias.split('.'))) return alias;
  const outward = path
    .slice(1)
    .map((_, index) => path.slice(index + 1))
    .find((tail) => has(root, tail));
  if (outward !== undefined) return outward.join('.');
  const similar = typeof siblings === 'object' ? nearest(key, Object.keys(siblings)) : undefined;
  if (similar !== undefined) return [...path.slice(0, -1), similar].join('.');
  const inward = typeof root === 'object' ? Object.keys(root).find((top) => has(root, [top, key])) : undefined;
  return inward === undefined ? undefined : `${inward}.${key}`;
}

function has(known: Known, path: readonly string[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  return typeof known === 'object' && Object.hasOwn(known, key) && has(known[key]!, rest);
}
