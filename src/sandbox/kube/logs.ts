/** `pods/NAME/log`: a container's output, limited and followed as requested. */
import type { ServerResponse } from 'node:http';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { ObjectStore, PodRuntime } from '../types.ts';
import { STREAMED } from './answer.ts';
import type { Outcome } from './answer.ts';
import { docOf } from './document.ts';
import type { Doc } from './document.ts';
import { existing } from './objects.ts';
import type { Api } from './objects.ts';
import type { ResourceRequest } from './request.ts';
import { badRequest } from './status.ts';

export interface LogParts extends Api {
  readonly runtime: PodRuntime;
}

interface Entry {
  readonly time: Date;
  readonly line: string;
}

const namesOf = (containers: readonly Doc[] | undefined): string[] => (containers ?? []).map((container) => container.name);

/** Throws 400 when the container is ambiguous. */
export function containerOf(pod: Doc, asked: string | null): string {
  const main = namesOf(pod.spec?.containers);
  const init = namesOf(pod.spec?.initContainers);
  if (asked) {
    if ([...main, ...init].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
  }
  const [only] = main;
  if (main.length === 1 && init.length === 0 && only) return only;
  const annotated = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (annotated && main.includes(annotated)) return annotated;
  if (main.length === 1 && only) return only;
  const inits = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '';
  throw badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${main.join(' ')}]${inits}`);
}

const statusOf = (pod: Doc, container: string): Doc | undefined =>
  [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find((status: Doc) => status.name === container);

/** Throws 400 with the kubelet's message when there is nothing to read yet, or no longer. */
function guardStarted(pod: Doc, container: string, previous: boolean): void {
  const status = statusOf(pod, container);
  if (previous) {
    if (!status?.lastState?.terminated) throw badRequest(`previous terminated container "${container}" in pod "${pod.metadata.name}" not found`);
    return;
  }
  const waiting = status?.state?.waiting;
  if (waiting && !status?.lastState?.terminated) {
    const why = ['ErrImagePull', 'ImagePullBackOff'].includes(waiting.reason) ? 'trying and failing to pull image' : (waiting.reason ?? 'ContainerCreating');
    throw badRequest(`container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${why}`);
  }
}

const isOver = (pod: Doc, container: string): boolean =>
  ['Succeeded', 'Failed'].includes(pod.status?.phase) || statusOf(pod, container)?.state?.terminated !== undefined;

function cut(entries: readonly Entry[], query: URLSearchParams, now: Date): readonly Entry[] {
  const seconds = query.get('sinceSeconds');
  const from = seconds ? now.getTime() - Number(seconds) * 1000 : Date.parse(query.get('sinceTime') ?? '');
  const recent = Number.isNaN(from) ? entries : entries.filter((entry) => entry.time.getTime() >= from);
  const tail = query.get('tailLines');
  if (tail === null) return recent;
  if (!/^\d+$/.test(tail)) throw badRequest(`tailLines must be a whole number that is not negative, not "${tail}"`);
  return tail === '0' ? [] : recent.slice(-Number(tail));
}

export function answerLog(parts: LogParts, request: ResourceRequest, response: ServerResponse): Outcome {
  const pod = existing(parts, request);
  const container = containerOf(docOf(pod), request.query.get('container'));
  return answerContainerLog(parts, { pod, container, query: request.query }, response);
}

export interface ContainerLog {
  readonly pod: KubeObject;
  readonly container: string;
  readonly query: URLSearchParams;
}

/** A kubelet's answer for one of its containers. Throws 400 while there is nothing to read. */
export function answerContainerLog(
  parts: Pick<LogParts, 'runtime' | 'clock'> & { readonly store: Pick<ObjectStore, 'subscribe'> },
  { pod, container, query }: ContainerLog,
  response: ServerResponse,
): Outcome {
  const previous = query.get('previous') === 'true';
  guardStarted(docOf(pod), container, previous);
  const stamped = query.get('timestamps') === 'true';
  const render = (entry: Entry): string => `${stamped ? `${entry.time.toISOString().replace('Z', '000000Z')} ` : ''}${entry.line}\n`;
  const text = cut(parts.runtime.logs(pod, container, { previous }), query, parts.clock.now())
    .map(render)
    .join('');
  const limit = Number(query.get('limitBytes') ?? 0);
  const body = limit > 0 ? Buffer.from(text).subarray(0, limit) : text;
  if (query.get('follow') !== 'true' || previous || isOver(docOf(pod), container)) return { status: 200, body, type: 'text/plain' };
  follow(parts, { pod, container, render, first: body }, response);
  return STREAMED;
}

interface Followed {
  readonly pod: KubeObject;
  readonly container: string;
  readonly render: (entry: Entry) => string;
  readonly first: string | Uint8Array;
}

/** Until the container ends, the pod is deleted, or the client disconnects. */
function follow(
  { runtime, store }: Pick<LogParts, 'runtime'> & { readonly store: Pick<ObjectStore, 'subscribe'> },
  { pod, container, render, first }: Followed,
  response: ServerResponse,
): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  if (first.length > 0) response.write(first);
  const stop = runtime.follow(pod, container, (entry) => void response.write(render(entry)));
  const forget = store.subscribe(({ type, object }) => {
    if (object.metadata.uid !== pod.metadata.uid) return;
    if (type === 'DELETED' || isOver(docOf(object), container)) response.end();
  });
  response.on('close', () => {
    stop();
    forget();
  });
}
