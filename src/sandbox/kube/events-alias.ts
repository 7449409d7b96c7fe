/** Events have two API groups, core and events.k8s.io, over one storage: this translates between them. */
import type { Doc } from './document.ts';

const NAMES: readonly (readonly [core: string, group: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

function renamed(event: Doc, apiVersion: string, names: readonly (readonly [string, string])[]): Doc {
  const map = new Map(names);
  return { ...Object.fromEntries(Object.entries(event).map(([key, value]) => [map.get(key) ?? key, value])), apiVersion };
}

export const toEventsGroup = (event: Doc): Doc => renamed(event, 'events.k8s.io/v1', NAMES);
export const toCoreEvent = (event: Doc): Doc =>
  renamed(
    event,
    'v1',
    NAMES.map(([core, group]) => [group, core] as const),
  );
