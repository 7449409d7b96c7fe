/** What the cluster is to remember of an installation, so that a later command needs no more than the cluster's name. */
import type { Json } from '../engine/types.ts';
import type { Settings } from './settings-type.ts';

/** Where one happens to stand and how one run is to go: not part of what was installed. */
const passing: ReadonlySet<keyof Settings> = new Set<keyof Settings>([
  'profile',
  'kubeconfig',
  'context',
  'helm',
  'passwordFile',
  'grafanaTokenFile',
  'grafanaAdmin',
  'lokiChart',
  'alloyChart',
  'chartRepo',
  'lokiValues',
  'alloyValues',
  'existingBuckets',
  'confirmRecreate',
  'timeoutSeconds',
  'onFailure',
  'onUnfinished',
  'verify',
  'output',
]);

export function recordedSettings(settings: Settings): Json {
  const kept = Object.entries(settings).filter(([key, value]) => value !== undefined && !passing.has(key as keyof Settings));
  return Object.fromEntries(kept.toSorted(([a], [b]) => (a < b ? -1 : 1))) as Json;
}
