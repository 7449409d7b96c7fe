/** Lists: selected, paged, in the requested form. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { Answer } from './answer.ts';
import { ok } from './answer.ts';
import type { ResourceRequest } from './request.ts';
import { fieldTest, labelTest } from './selectors.ts';
import { shapeList, shapeOf } from './shape.ts';
import type { KubeStore } from './store.ts';
import { badRequest } from './status.ts';

/** The objects of a list, watch or collection delete. */
export function selected(store: KubeStore, request: ResourceRequest): readonly KubeObject[] {
  const { resource, namespace, query } = request;
  const labels = labelTest(query.get('labelSelector'));
  const fields = fieldTest(query.get('fieldSelector'));
  const all = store.cache.items(resource, resource.namespaced && namespace !== '' ? namespace : undefined);
  return all.filter((object) => labels(object.metadata.labels) && fields(object));
}

const placeOf = (object: KubeObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
const toToken = (after: string): string => Buffer.from(JSON.stringify({ after })).toString('base64url');

function fromToken(token: string): string {
  try {
    return String((JSON.parse(Buffer.from(token, 'base64url').toString()) as { after: unknown }).after);
  } catch {
    throw badRequest('continue key is not valid: illegal base64 data or JSON');
  }
}

export function answerList(store: KubeStore, request: ResourceRequest, now: Date): Answer {
  const { resource, query } = request;
  const limit = Number(query.get('limit') ?? 0);
  const token = query.get('continue');
  const all = selected(store, request);
  const start = token ? all.findIndex((object) => placeOf(object) > fromToken(token)) : 0;
  const rest = start < 0 ? [] : all.slice(start);
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const last = page.at(-1);
  const more = last !== undefined && page.length < rest.length;
  const counted = more && !query.get('labelSelector') && !query.get('fieldSelector');
  const list = {
    resourceVersion: String(store.cache.revision()),
    ...(more && { continue: toToken(placeOf(last)) }),
    ...(counted && { remainingItemCount: rest.length - page.length }),
  };
  return ok(shapeList(resource, { objects: page, list }, { shape: shapeOf(request.headers.accept), include: query.get('includeObject'), now }));
}
