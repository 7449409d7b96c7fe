/** Reading and writing objects: get, list, create, replace, patch, delete. */
import type { KubeObject, Kubernetes, Query, Ref } from '../../ports/kubernetes.ts';
import { answerFailure, isObjectMissing, type Asked } from './failures.ts';
import { groupPath, openKinds } from './kinds.ts';
import type { Ask, Reply, Rest } from './rest.ts';

export type Objects = Pick<Kubernetes, 'get' | 'list' | 'create' | 'replace' | 'patch' | 'delete'>;

const PAGE = 500;
/** Who wrote what, in managedFields. */
const MANAGER = 'fieldManager=loki-eks';
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

export function openObjects(rest: Rest, server: string): Objects {
  const kindOf = openKinds(rest, server);

  const pathOf = async ({ apiVersion, kind, namespace, name }: Omit<Ref, 'name'> & { readonly name?: string }) => {
    const { plural, namespaced } = await kindOf(apiVersion, kind);
    const scope = namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
    return `${groupPath(apiVersion)}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
  };
  const say = (verb: string, ref: Omit<Ref, 'name' | 'apiVersion'> & { readonly name?: string }): Asked => ({
    verb,
    target:
      ref.name === undefined
        ? `${ref.kind}s${ref.namespace ? ` in ${ref.namespace}` : ''}`
        : `${ref.kind} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`,
    server,
  });
  const object = (asked: Asked, reply: Reply): KubeObject => {
    if (reply.status >= 400) throw answerFailure(asked, reply);
    return JSON.parse(reply.body) as KubeObject;
  };
  const write = async (verb: string, ref: Ref, ask: Omit<Ask, 'path'>) => {
    const path = await pathOf(ask.method === 'POST' ? { ...ref, name: undefined } : ref);
    return object(say(verb, ref), await rest({ ...ask, path: `${path}?${MANAGER}` }));
  };

  return {
    get: async (ref) => {
      const reply = await rest({ method: 'GET', path: await pathOf(ref) });
      return isObjectMissing(reply.status, reply.body) ? undefined : object(say('get', ref), reply);
    },
    list: async (query) => listAll(rest, query, { path: await pathOf(query), asked: say('list', query) }),
    create: (body) => write('create', refOf(body), { method: 'POST', body }),
    replace: (body) => write('update', refOf(body), { method: 'PUT', body }),
    patch: (ref, body) => write('patch', ref, { method: 'PATCH', body, contentType: 'application/merge-patch+json' }),
    delete: async (ref, { propagation = 'Background', ifVersion } = {}) => {
      const guard = ifVersion !== undefined && { preconditions: { resourceVersion: ifVersion } };
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: propagation, ...guard };
      const reply = await rest({ method: 'DELETE', path: await pathOf(ref), body });
      if (reply.status >= 400 && !isObjectMissing(reply.status, reply.body)) throw answerFailure(say('delete', ref), reply);
    },
  };
}

const refOf = ({ apiVersion, kind, metadata }: KubeObject): Ref => ({
  apiVersion,
  kind,
  name: metadata.name,
  ...(metadata.namespace && { namespace: metadata.namespace }),
});

interface Page {
  readonly metadata?: { readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

async function listAll(rest: Rest, query: Query, { path, asked }: { readonly path: string; readonly asked: Asked }): Promise<readonly KubeObject[]> {
  let items: KubeObject[] = [];
  let next: string | undefined;
  let restarted = false;
  for (;;) {
    const search = new URLSearchParams({ limit: String(Math.min(PAGE, query.limit ?? PAGE)) });
    if (query.labels) search.set('labelSelector', query.labels);
    if (query.fields) search.set('fieldSelector', query.fields);
    if (next) search.set('continue', next);
    const reply = await rest({ method: 'GET', path: `${path}?${search}`, ...(query.metadataOnly && { accept: METADATA_ONLY }) });
    // The server forgets where a slow reader was: from the start again, once.
    if (reply.status === 410 && next && !restarted) {
      [items, next, restarted] = [[], undefined, true];
      continue;
    }
    if (reply.status >= 400) throw answerFailure(asked, reply);
    const page = JSON.parse(reply.body) as Page;
    // Items of a list carry neither kind nor apiVersion.
    for (const item of page.items ?? []) items.push({ ...item, apiVersion: query.apiVersion, kind: query.kind });
    next = page.metadata?.continue || undefined;
    if (!next || (query.limit !== undefined && items.length >= query.limit)) return items;
  }
}
