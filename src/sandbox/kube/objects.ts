/** One object at a time: get, create, replace, patch, delete. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { SandboxClock } from '../types.ts';
import { ok } from './answer.ts';
import type { Answer } from './answer.ts';
import { applyOver } from './apply.ts';
import { deleteOptions, documentOf, parseBody } from './body.ts';
import type { Propagation } from './deletes.ts';
import { copy, docOf, isMap, stamp } from './document.ts';
import type { Doc } from './document.ts';
import { toCoreEvent } from './events-alias.ts';
import { selected } from './lists.ts';
import { trackUpdate } from './managed-fields.ts';
import type { Writer } from './managed-fields.ts';
import { jsonPatch, mergePatch } from './patch.ts';
import type { ResourceRequest } from './request.ts';
import { shapeList, shapeObject, shapeOf } from './shape.ts';
import { badRequest, conflict, failure, notFound, Refusal, success, unsupportedMedia } from './status.ts';
import type { KubeStore } from './store.ts';
import { strategicPatch } from './strategic-patch.ts';

export interface Api {
  readonly store: KubeStore;
  readonly clock: SandboxClock;
}

/** Throws 404. */
export function existing({ store }: Pick<Api, 'store'>, request: ResourceRequest): KubeObject {
  const found = store.cache.get(request.resource, request.namespace, request.name);
  if (!found) throw notFound(request.resource, request.name);
  return found;
}

/** The field manager of this request: `fieldManager`, or the client program's name. */
export function writerOf({ clock }: Pick<Api, 'clock'>, request: ResourceRequest): Writer {
  const program = String(request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
  return {
    manager: request.query.get('fieldManager') || program,
    subresource: request.subresource,
    apiVersion: request.resource.apiVersion,
    now: stamp(clock.now()),
    custom: request.resource.custom !== undefined,
    hasStatus: request.resource.subresources.includes('status'),
  };
}

export function answerObject(
  { clock }: Pick<Api, 'clock'>,
  request: ResourceRequest,
  answer: { readonly object: KubeObject; readonly status?: number },
): Answer {
  const options = { shape: shapeOf(request.headers.accept), include: request.query.get('includeObject'), now: clock.now() };
  return ok(shapeObject(request.resource, answer.object, options), answer.status);
}

/** The body as this resource's storage keeps it. */
function draftOf(request: ResourceRequest): Doc {
  const draft = documentOf(request);
  const { kind, apiVersion } = request.resource;
  if (draft.kind !== undefined && draft.kind !== kind) throw badRequest(`${draft.kind} in version "${draft.apiVersion}" cannot be handled as a ${kind}`);
  if (draft.apiVersion !== undefined && draft.apiVersion !== apiVersion) {
    throw badRequest(`the API version in the data (${draft.apiVersion}) does not match the expected API version (${apiVersion})`);
  }
  draft.metadata ??= {};
  return request.resource.group === 'events.k8s.io' ? toCoreEvent(draft) : draft;
}

const homeOf = (request: ResourceRequest): { namespace?: string } => (request.resource.namespaced ? { namespace: request.namespace } : {});

export function create(api: Api, request: ResourceRequest): Answer {
  const draft = draftOf(request);
  const track = trackUpdate(writerOf(api, request));
  const object = api.store.insert(request.resource, draft, { ...homeOf(request), dryRun: request.dryRun, track });
  return answerObject(api, request, { object, status: 201 });
}

const partOf = (request: ResourceRequest): 'main' | 'status' => (request.subresource === 'status' ? 'status' : 'main');

function guardRevision(request: ResourceRequest, draft: Doc, before: KubeObject): void {
  const wanted: unknown = draft.metadata?.resourceVersion;
  if (wanted && wanted !== before.metadata.resourceVersion) throw conflict(request.resource, request.name);
}

export function replace(api: Api, request: ResourceRequest): Answer {
  const before = existing(api, request);
  const draft = draftOf(request);
  if (draft.metadata.name && draft.metadata.name !== request.name) {
    throw badRequest(`the name of the object (${draft.metadata.name}) does not match the name on the URL (${request.name})`);
  }
  guardRevision(request, draft, before);
  const track = trackUpdate(writerOf(api, request));
  const object = api.store.write(request.resource, before, draft, { part: partOf(request), dryRun: request.dryRun, track });
  return answerObject(api, request, { object });
}

/** The patched document. Throws 415 for a patch type the resource does not support. */
export function patched(request: ResourceRequest, before: Doc): Doc {
  const type = String(request.headers['content-type'] ?? '')
    .split(';')[0]
    ?.trim();
  const body = parseBody(request);
  if (type === 'application/json-patch+json') return jsonPatch(before, body as Parameters<typeof jsonPatch>[1]);
  if (!isMap(body)) throw badRequest('the patch is not an object');
  if (type === 'application/merge-patch+json') return mergePatch(before, body) as Doc;
  if (type === 'application/strategic-merge-patch+json' && !request.resource.custom) return strategicPatch(before, body);
  const types = ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'];
  throw unsupportedMedia(`the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}`);
}

export const isApply = (request: ResourceRequest): boolean => String(request.headers['content-type'] ?? '').startsWith('application/apply-patch');

export function patch(api: Api, request: ResourceRequest): Answer {
  if (isApply(request)) return apply(api, request);
  const before = existing(api, request);
  const draft = patched(request, copy(docOf(before)));
  guardRevision(request, draft, before);
  const track = trackUpdate(writerOf(api, request));
  const object = api.store.write(request.resource, before, draft, { part: partOf(request), dryRun: request.dryRun, track });
  return answerObject(api, request, { object });
}

/** `stringData` is another way to write `data`, and only the latter is stored and owned. */
function withoutStringData(config: Doc): Doc {
  if (config.kind !== 'Secret' || !isMap(config.stringData)) return config;
  const { stringData, ...rest } = config;
  const encoded = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
  return { ...rest, data: { ...rest.data, ...Object.fromEntries(encoded) } };
}

function apply(api: Api, request: ResourceRequest): Answer {
  if (!request.query.get('fieldManager')) {
    throw new Refusal(failure(422, 'Invalid', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'));
  }
  const config = withoutStringData(draftOf(request));
  if (config.metadata.managedFields?.length) throw badRequest('metadata.managedFields must be nil');
  const { store } = api;
  const before = store.cache.get(request.resource, request.namespace, request.name);
  if (before) guardRevision(request, config, before);
  const writer = writerOf(api, request);
  const applied = applyOver(before && docOf(before), config, { writer, force: request.query.get('force') === 'true' });
  const track = (): readonly Doc[] => applied.managers;
  if (before) {
    const object = store.write(request.resource, before, applied.object, { part: partOf(request), dryRun: request.dryRun, track });
    return answerObject(api, request, { object });
  }
  if (request.subresource) throw notFound(request.resource, request.name);
  applied.object.metadata = { ...applied.object.metadata, name: request.name };
  const object = store.insert(request.resource, applied.object, { ...homeOf(request), dryRun: request.dryRun, track });
  return answerObject(api, request, { object, status: 201 });
}

function propagationOf(request: ResourceRequest, options: Doc): Propagation {
  const asked = options.propagationPolicy ?? request.query.get('propagationPolicy');
  if (asked === 'Orphan' || asked === 'Foreground' || asked === 'Background') return asked;
  const orphans = options.orphanDependents ?? request.query.get('orphanDependents') === 'true';
  return orphans ? 'Orphan' : 'Background';
}

const isDry = (request: ResourceRequest, options: Doc): boolean => request.dryRun || (options.dryRun ?? []).includes('All');

export function remove(api: Api, request: ResourceRequest): Answer {
  const { resource, name } = request;
  const object = existing(api, request);
  const options = deleteOptions(request);
  for (const [field, label] of [
    ['uid', 'UID'],
    ['resourceVersion', 'ResourceVersion'],
  ] as const) {
    const wanted = options.preconditions?.[field];
    if (wanted && wanted !== object.metadata[field]) {
      throw conflict(resource, name, `Precondition failed: ${label} in precondition: ${wanted}, ${label} in object meta: ${object.metadata[field]}`);
    }
  }
  const details = { name, ...(resource.group && { group: resource.group }), kind: resource.plural, uid: object.metadata.uid };
  if (isDry(request, options)) return ok(success(details));
  const erased = api.store.erase(resource, object, propagationOf(request, options));
  return erased.gone ? ok(success(details)) : answerObject(api, request, { object: erased.object });
}

export function removeAll(api: Api, request: ResourceRequest): Answer {
  const options = deleteOptions(request);
  const objects = selected(api.store, request);
  for (const { metadata } of isDry(request, options) ? [] : objects) {
    const current = api.store.cache.get(request.resource, metadata.namespace, metadata.name);
    if (current) api.store.erase(request.resource, current, propagationOf(request, options));
  }
  const list = { resourceVersion: String(api.store.cache.revision()) };
  return ok(shapeList(request.resource, { objects, list }, { shape: shapeOf(request.headers.accept), include: null, now: api.clock.now() }));
}
