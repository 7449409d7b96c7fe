/** A request to the API, parsed as the real server does: verb, resource, name, subresource, options. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Registry, Resource } from './resources.ts';
import { methodNotAllowed, noSuchPath, PageNotFound } from './status.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface User {
  readonly user: string;
  readonly groups: readonly string[];
}

/** The raw body. */
export interface Incoming {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface ResourceRequest extends Incoming {
  readonly verb: Verb;
  readonly resource: Resource;
  /** Empty when none was given. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** What follows `/proxy`. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly dryRun: boolean;
  readonly user: User;
}

export type Target = Pick<ResourceRequest, 'verb' | 'resource' | 'namespace' | 'name' | 'subresource' | 'rest'>;

const VERBS: Readonly<Record<string, Verb>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** Whether the path is that of an object or a list, not of discovery and the like. */
export const isResourcePath = (path: string): boolean => /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)\/[^/]+/.test(path);

const decoded = (path: string): string[] =>
  path
    .split('/')
    .filter(Boolean)
    .map((part) => decodeURIComponent(part));

function verbOf(method: string, target: { readonly name: string; readonly subresource: string }, query: URLSearchParams): Verb {
  const verb = VERBS[method];
  if (!verb) throw methodNotAllowed();
  if (target.name !== '' && target.subresource !== '') return verb;
  if (verb === 'get' && ['true', '1'].includes(query.get('watch') ?? '')) return 'watch';
  if (target.name !== '') return verb;
  if (verb === 'get') return 'list';
  if (verb === 'delete') return 'deletecollection';
  return verb;
}

/** Throws 404 for resources that are not served. */
export function targetOf(registry: Registry, method: string, url: URL): Target {
  const parts = decoded(url.pathname);
  const [group, version] = parts[0] === 'api' ? ['', parts[1] ?? ''] : [parts[1] ?? '', parts[2] ?? ''];
  let path = parts.slice(parts[0] === 'api' ? 2 : 3);
  let namespace = '';
  const ownSubresource = ['status', 'finalize'].includes(path[2] ?? '') && path.length === 3;
  if (path[0] === 'namespaces' && path.length > 2 && !ownSubresource) {
    namespace = path[1] ?? '';
    path = path.slice(2);
  }
  const [plural = '', name = '', subresource = '', ...rest] = path;
  const resource = registry.at(group, version, plural);
  if (!resource) {
    if (!registry.all().some((served) => served.group === group)) throw new PageNotFound();
    throw noSuchPath();
  }
  if (subresource !== '' && !resource.subresources.includes(subresource)) throw noSuchPath();
  if (rest.length > 0 && subresource !== 'proxy') throw noSuchPath();
  if (resource.kind === 'Namespace' && name !== '') namespace = name;
  const after = url.pathname.split('/proxy').slice(1).join('/proxy');
  return { verb: verbOf(method, { name, subresource }, url.searchParams), resource, namespace, name, subresource, rest: after || '/' };
}
