/** Reading and writing objects: get, list, create, replace, patch, delete. */
import type { KubeObject, Kubernetes, Query, Ref, Row } from '../../ports/kubernetes.ts';
import { answerFailure, isObjectMissing, type Asked } from './failures.ts';
import { groupPath, openKinds } from './kinds.ts';
import type { Ask, Reply, Rest } from './rest.ts';

export type Objects = Pick<Kubernetes, 'get' | 'list' | 'table' | 'create' | 'replace' | 'patch' | 'delete'>;

const PAGE = 500;
/** Where memory counts: a page of nodes is some megabytes, and several times that while it is parsed. */
const SMALL_PAGE = 100;
/** Rows are small: fewer round trips. */
const TABLE_PAGE = 1000;
/** Who wrote what, in managedFields. */
const MANAGER = 'fieldManager=loki-eks';
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
const AS_TABLE = 'application/json;as=Table;g=meta.k8s.io;v=v1';

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
    list: async (query) => {
      const accept = query.metadataOnly ? METADATA_ONLY : undefined;
      return readAll<Page, KubeObject>(rest, query, {
        path: await pathOf(query),
        asked: say('list', query),
        accept,
        page: query.keep ? SMALL_PAGE : PAGE,
        read: itemsOf(query),
      });
    },
    table: async (query) => {
      const search = { includeObject: 'None' };
      return readAll<Table, Row>(rest, query, {
        path: await pathOf(query),
        asked: say('list', query),
        accept: AS_TABLE,
        search,
        page: TABLE_PAGE,
        read: rowsOf,
      });
    },
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

interface Paged {
  readonly metadata?: { readonly continue?: string };
}
interface Page extends Paged {
  readonly items?: readonly KubeObject[] | null;
}
interface Table extends Paged {
  readonly columnDefinitions?: readonly { readonly name: string }[];
  readonly rows?: readonly { readonly cells: readonly unknown[] }[] | null;
}

interface How<P, T> {
  readonly path: string;
  readonly asked: Asked;
  readonly accept: string | undefined;
  readonly search?: Readonly<Record<string, string>>;
  readonly page: number;
  /** What is kept of a page; the page itself is forgotten. */
  readonly read: (page: P) => readonly T[];
}

async function readAll<P extends Paged, T>(rest: Rest, query: Query, { path, asked, accept, search: more, page, read }: How<P, T>): Promise<readonly T[]> {
  let items: T[] = [];
  let next: string | undefined;
  let restarted = false;
  for (;;) {
    const search = new URLSearchParams({ ...more, limit: String(Math.min(page, query.limit ?? page)) });
    if (query.labels) search.set('labelSelector', query.labels);
    if (query.fields) search.set('fieldSelector', query.fields);
    if (next) search.set('continue', next);
    const reply = await rest({ method: 'GET', path: `${path}?${search}`, ...(accept && { accept }) });
    // The server forgets where a slow reader was: from the start again, once.
    if (reply.status === 410 && next && !restarted) {
      [items, next, restarted] = [[], undefined, true];
      continue;
    }
    if (reply.status >= 400) throw answerFailure(asked, reply);
    const answer = JSON.parse(reply.body) as P;
    for (const one of read(answer)) items.push(one);
    next = answer.metadata?.continue || undefined;
    if (!next || (query.limit !== undefined && items.length >= query.limit)) return items;
  }
}

/** Items of a list carry neither kind nor apiVersion. */
const itemsOf =
  ({ apiVersion, kind, keep = (object) => object }: Query) =>
  ({ items }: Page): readonly KubeObject[] =>
    (items ?? []).map((item) => keep({ ...item, apiVersion, kind }));

function rowsOf({ columnDefinitions = [], rows }: Table): readonly Row[] {
  const names = columnDefinitions.map(({ name }) => name);
  return (rows ?? []).map(({ cells }) => Object.fromEntries(names.map((name, at) => [name, String(cells[at] ?? '')])));
}
