/** Which handler answers a request for a resource. */
import type { ServerResponse } from 'node:http';
import type { PodRuntime } from '../types.ts';
import { STREAMED } from './answer.ts';
import type { Outcome } from './answer.ts';
import { answerList } from './lists.ts';
import { answerLog } from './logs.ts';
import { answerObject, create, existing, patch, remove, removeAll, replace } from './objects.ts';
import { answerProxy } from './proxy.ts';
import type { ResourceRequest } from './request.ts';
import { requestToken, review, type ReviewParts } from './reviews.ts';
import { badRequest, failure, methodNotAllowed, Refusal } from './status.ts';
import { bind, evict, scale } from './subresources.ts';
import { serveWatch } from './watch.ts';

async function answerSubresource(parts: KubeServerParts, request: ResourceRequest, response: ServerResponse): Promise<Outcome> {
  const { subresource, verb } = request;
  if (subresource === 'log') return answerLog(parts, request, response);
  if (subresource === 'proxy') return answerProxy(parts, request);
  if (subresource === 'scale') return scale(parts, request);
  if (subresource === 'portforward' || subresource === 'exec') throw badRequest('Upgrade request required');
  if (subresource === 'attach') throw new Refusal(failure(501, 'NotImplemented', `the sandbox runs no processes: there is no attach into pod ${request.name}`));
  if (verb === 'create' && subresource === 'token') return requestToken(parts, request);
  if (verb === 'create' && subresource === 'eviction') return evict(parts, request);
  if (verb === 'create' && subresource === 'binding') return bind(parts, request);
  if (verb === 'get') return answerObject(parts, request, { object: existing(parts, request) });
  if (verb === 'update') return replace(parts, request);
  if (verb === 'patch') return patch(parts, request);
  throw methodNotAllowed();
}

export async function answerResource(parts: KubeServerParts, request: ResourceRequest, response: ServerResponse): Promise<Outcome> {
  const { resource, verb, name, subresource } = request;
  if (resource.review) {
    if (verb !== 'create') throw methodNotAllowed();
    return review(parts, request);
  }
  if (subresource !== '') return answerSubresource(parts, request, response);
  if (verb === 'watch') {
    serveWatch(request, response, { cache: parts.store.cache, clock: parts.clock });
    return STREAMED;
  }
  if (verb === 'list') return answerList(parts.store, request, parts.clock.now());
  if (verb === 'deletecollection') return removeAll(parts, request);
  if (verb === 'create') {
    if (name !== '') throw methodNotAllowed();
    return create(parts, request);
  }
  if (verb === 'get') return answerObject(parts, request, { object: existing(parts, request) });
  if (name === '') throw methodNotAllowed();
  if (verb === 'update') return replace(parts, request);
  if (verb === 'patch') return patch(parts, request);
  return remove(parts, request);
}

/** What all request handlers share. */
export interface KubeServerParts extends ReviewParts {
  readonly runtime: PodRuntime;
  readonly version: string;
}
