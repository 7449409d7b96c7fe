/** Watches: changes since a revision, then every further change, one JSON line each. */
import type { ServerResponse } from 'node:http';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { SandboxClock } from '../types.ts';
import type { ResourceRequest } from './request.ts';
import { fieldTest, labelTest } from './selectors.ts';
import { shapeObject, shapeOf } from './shape.ts';
import type { Change, WatchCache } from './watch-cache.ts';
import { failure, Refusal } from './status.ts';

const BOOKMARK_EVERY_MS = 60_000;
const DEFAULT_TIMEOUT_S = 1800;

type Type = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** A change as a watcher with a selector sees it. */
function seenAs(change: Change, matches: (object: KubeObject) => boolean): Type | undefined {
  const now = change.type !== 'DELETED' && matches(change.object);
  const before = change.before !== undefined && matches(change.before);
  if (now) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : undefined;
}

export interface WatchParts {
  readonly cache: WatchCache;
  readonly clock: SandboxClock;
}

export function serveWatch(request: ResourceRequest, response: ServerResponse, { cache, clock }: WatchParts): void {
  const { resource, namespace, name, query } = request;
  const labels = labelTest(query.get('labelSelector'));
  const fields = fieldTest(query.get('fieldSelector'));
  const inside = resource.namespaced && namespace !== '' ? namespace : undefined;
  const matches = (object: KubeObject): boolean =>
    (inside === undefined || object.metadata.namespace === inside) &&
    (name === '' || object.metadata.name === name) &&
    labels(object.metadata.labels) &&
    fields(object);
  const options = { shape: shapeOf(request.headers.accept), include: query.get('includeObject') };

  const since = query.get('resourceVersion') ?? '';
  if (!/^\d*$/.test(since)) {
    const message = `resourceVersion: Invalid value: ${JSON.stringify(since)}: strconv.ParseUint: parsing ${JSON.stringify(since)}: invalid syntax`;
    throw new Refusal({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });
  }
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const line = (type: Type, object: unknown): void => void response.write(`${JSON.stringify({ type, object })}\n`);
  const show = (type: Type, object: KubeObject): void => line(type, shapeObject(resource, object, { ...options, now: clock.now() }));
  const bookmark = (annotations?: Record<string, string>): void =>
    line('BOOKMARK', {
      kind: resource.kind,
      apiVersion: resource.apiVersion,
      metadata: { resourceVersion: String(cache.revision()), creationTimestamp: null, ...(annotations && { annotations }) },
    });
  const tell = (change: Change): void => {
    const type = change.cache === resource.cache ? seenAs(change, matches) : undefined;
    if (type) show(type, change.object);
  };

  const initial = query.get('sendInitialEvents') === 'true';
  if (initial || since === '' || since === '0') {
    for (const object of cache.items(resource, inside)) if (matches(object)) show('ADDED', object);
    if (initial) bookmark({ 'k8s.io/initial-events-end': 'true' });
  } else {
    const missed = cache.since(Number(since));
    if (!missed) {
      line('ERROR', failure(410, 'Expired', `too old resource version: ${since} (${cache.revision()})`));
      response.end();
      return;
    }
    missed.forEach(tell);
  }

  const cancels = new Set<() => void>([cache.subscribe(tell)]);
  const bookmarks = query.get('allowWatchBookmarks') === 'true';
  const close = (): void => {
    for (const cancel of cancels) cancel();
    cancels.clear();
  };
  const remind = (): void => {
    bookmark();
    cancels.add(clock.after(BOOKMARK_EVERY_MS, remind));
  };
  if (bookmarks) cancels.add(clock.after(BOOKMARK_EVERY_MS, remind));
  const seconds = Number(query.get('timeoutSeconds')) || DEFAULT_TIMEOUT_S;
  cancels.add(
    clock.after(seconds * 1000, () => {
      if (bookmarks) bookmark();
      close();
      response.end();
    }),
  );
  response.on('close', close);
}
