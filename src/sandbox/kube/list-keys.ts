/** Which lists are merged by a key of their items, and which maps are atomic. */
import { isMap } from './document.ts';
import type { Doc } from './document.ts';

const BY_NAME = ['name'] as const;
const KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: BY_NAME,
  initContainers: BY_NAME,
  ephemeralContainers: BY_NAME,
  volumes: BY_NAME,
  env: BY_NAME,
  imagePullSecrets: BY_NAME,
  resourceClaims: BY_NAME,
  secrets: BY_NAME,
  webhooks: BY_NAME,
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  conditions: ['type'],
  ownerReferences: ['uid'],
};

const SETS = new Set(['finalizers']);
const ATOMIC_MAPS = new Set([
  'selector',
  'labelSelector',
  'podSelector',
  'namespaceSelector',
  'nodeSelector',
  'roleRef',
  'scaleTargetRef',
  'secretKeyRef',
  'configMapKeyRef',
  'fieldRef',
  'resourceFieldRef',
  'claimRef',
  'dataSource',
]);

/** Default values of an item's key. */
const KEY_DEFAULTS: Readonly<Record<string, unknown>> = { protocol: 'TCP' };

export type ListKind = { readonly is: 'map'; readonly keys: readonly string[] } | { readonly is: 'set' } | { readonly is: 'atomic' };

const ATOMIC: ListKind = { is: 'atomic' };

/** `field` is the list's name; its items distinguish container ports from service ports. */
export function listKind(field: string, items: readonly unknown[]): ListKind {
  if (SETS.has(field)) return { is: 'set' };
  const keys = field === 'ports' ? portKeys(items) : KEYS[field];
  if (!keys) return ATOMIC;
  const required = keys[0] ?? '';
  return items.every((item) => isMap(item) && item[required] !== undefined) ? { is: 'map', keys } : ATOMIC;
}

function portKeys(items: readonly unknown[]): readonly string[] | undefined {
  const first = items[0];
  if (!isMap(first)) return undefined;
  if (first.containerPort !== undefined) return ['containerPort', 'protocol'];
  return first.port !== undefined ? ['port', 'protocol'] : undefined;
}

/** The identity of the item, with sorted keys as in `managedFields`. */
export function itemKey(item: Doc, keys: readonly string[]): string {
  const named = [...keys].sort().map((key) => [key, item[key] ?? KEY_DEFAULTS[key]]);
  return JSON.stringify(Object.fromEntries(named.filter(([, value]) => value !== undefined)));
}

/** A selector and a reference are always written as a whole. */
export const isAtomicMap = (field: string): boolean => ATOMIC_MAPS.has(field);
