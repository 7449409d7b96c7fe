/** Reading and writing objects: get, list, create, replace, patch, delete. */
import type { KubeObject, Kubernetes, Query, Ref, Row } from '../../ports/kubernetes.ts';
import { isObjectMissing, type Asked } from './failures.ts';
import { groupPath, openKinds } from './kinds.ts';
import type { Ask, Reply, Rest } from './rest.ts';
import { readItems, readJson, readObject, unreadable } from './answers.ts';

export type Objects = Pick<Kubernetes, 'get' | 'list' | 'table' | 'create' | 'replace' | 'patch' | 'delete'>;

const PAGE = 500;
/** Where memory matters: a page of nodes is some megabytes, and several times that while it is parsed. */
const SMALL_PAGE = 100;
/** Rows are small: fewer round trips. */
const TABLE_PAGE = 1000;
/** Field owners, in managedFields. */
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
  const write = async (verb: string, ref: Ref, ask: Omit<Ask, 'path'>) => {
    const path = await pathOf(ask.method === 'POST' ? { ...ref, name: undefined } : ref);
    return readObject(say(verb, ref), await rest({ ...ask, path: `${path}?${MANAGER}` }));
  };

  return {
    get: async (ref) => {
      const reply = await rest({ method: 'GET', path: await pathOf(ref) });
      return isObjectMissing(reply.status, reply.body) ? undefined : readObject(say('get', ref), reply);
    },
    list: async (query) => {
      const accept = query.metadataOnly ? METADATA_ONLY : undefined;
      return readAll<KubeObject>(rest, query, {
        path: await pathOf(query),
        asked: say('list', query),
        accept,
        page: query.keep ? SMALL_PAGE : PAGE,
        read: (page, { asked, reply }) =>
          readItems(page, { asked, apiVersion: query.apiVersion, kind: query.kind, ...(query.keep && { keep: query.keep }) }, reply),
      });
    },
    table: async (query) => {
      const search = { includeObject: 'None' };
      return readAll<Row>(rest, query, {
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
      if (!isObjectMissing(reply.status, reply.body)) readJson(say('delete', ref), reply);
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

interface How<T> {
  readonly path: string;
  readonly asked: Asked;
  readonly accept: string | undefined;
  readonly search?: Readonly<Record<string, string>>;
  readonly page: number;
  /** What is kept of a page; the page itself is released. */
  readonly read: (page: Readonly<Record<string, unknown>>, of: { readonly asked: Asked; readonly reply: Reply }) => readonly T[];
}

async function readAll<T>(rest: Rest, query: Query, { path, asked, accept, search: more, page, read }: How<T>): Promise<readonly T[]> {
  let items: T[] = [];
  let next: string | undefined;
  let restarted = false;
  for (;;) {
    const search = new URLSearchParams({ ...more, limit: String(Math.min(page, query.limit ?? page)) });
    if (query.labels) search.set('labelSelector', query.labels);
    if (query.fields) search.set('fieldSelector', query.fields);
    if (next) search.set('continue', next);
    const reply = await rest({ method: 'GET', path: `${path}?${search}`, ...(accept && { accept }) });
    // The continue token of a slow reader expires: starts over, once.
    if (reply.status === 410 && next && !restarted) {
      [items, next, restarted] = [[], undefined, true];
      continue;
    }
    const answer = readJson(asked, reply);
    for (const one of read(answer, { asked, reply })) items.push(one);
    const before = next;
    next = (answer as Paged).metadata?.continue || undefined;
    // A server that returns the same page forever is broken.
    if (next !== undefined && (typeof next !== 'string' || next === before)) throw unreadable(asked, { reply, why: 'never ends' });
    if (!next || (query.limit !== undefined && items.length >= query.limit)) return items;
  }
}

/** A server without table support returns the list itself. */
function rowsOf(table: Readonly<Record<string, unknown>>, { asked, reply }: { readonly asked: Asked; readonly reply: Reply }): readonly Row[] {
  const { columnDefinitions, rows } = table as { readonly columnDefinitions?: unknown; readonly rows?: unknown };
  if (!Array.isArray(columnDefinitions) || !Array.isArray(rows ?? [])) throw unreadable(asked, { reply, why: 'is not a Kubernetes table' });
  const names = columnDefinitions.map((column: { readonly name?: unknown } | null) => String(column?.name ?? ''));
  return ((rows ?? []) as readonly ({ readonly cells?: unknown } | null)[]).map((row) => {
    const cells = Array.isArray(row?.cells) ? (row.cells as readonly unknown[]) : [];
    return Object.fromEntries(names.map((name, at) => [name, String(cells[at] ?? '')]));
  });
}
