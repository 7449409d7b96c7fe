/** The whole cluster as sorted JSON without identities and times: if two snapshots are equal, nothing is left behind. */
import type { Json } from '../../engine/types.ts';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { isMap } from './document.ts';
import type { Doc } from './document.ts';
import type { Registry } from './resources.ts';
import type { WatchCache } from './watch-cache.ts';

/** Traces of activity, not of an installation: a real cluster expires them by itself. */
const FLEETING = new Set(['events.', 'leases.coordination.k8s.io']);
const IDENTITY = new Set(['uid', 'resourceVersion', 'generation', 'observedGeneration', 'managedFields', 'startedAt', 'finishedAt', 'containerID']);
const isTime = (key: string): boolean => /(?:Time|Timestamp)$/.test(key);

function timeless(value: unknown): Json {
  if (Array.isArray(value)) return value.map(timeless);
  if (!isMap(value)) return value as Json;
  const kept = Object.keys(value)
    .filter((key) => !IDENTITY.has(key) && !isTime(key))
    .sort();
  return Object.fromEntries(kept.map((key) => [key, timeless(value[key])]));
}

export function snapshotOf(cache: WatchCache, registry: Registry): Json {
  const caches = new Map<string, Doc>();
  for (const resource of registry.all()) {
    if (FLEETING.has(resource.cache) || caches.has(resource.cache)) continue;
    const objects = cache.items(resource).map((object: KubeObject) => [`${object.metadata.namespace ?? ''}/${object.metadata.name}`, timeless(object)]);
    if (objects.length > 0) caches.set(resource.cache, Object.fromEntries(objects));
  }
  return Object.fromEntries([...caches].sort(([a], [b]) => (a < b ? -1 : 1))) as Json;
}
