/** OpenAPI v3, as far as clients read it: which kinds exist, that they support server-side validation, and free-form schemas. */
import { createHash } from 'node:crypto';
import type { Doc } from './document.ts';
import type { Registry, Resource } from './resources.ts';

const pathOf = (apiVersion: string): string => (apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`);

const versionsOf = (registry: Registry): string[] => [...new Set(registry.all().map((resource) => resource.apiVersion))];

/** The index: one document per group-version, with a URL that depends on its content so that clients may cache. */
export function openapiIndex(registry: Registry): Doc {
  const paths = versionsOf(registry).map((apiVersion) => {
    const kinds = registry
      .all()
      .filter((resource) => resource.apiVersion === apiVersion)
      .map((resource) => resource.kind);
    const hash = createHash('sha256').update(JSON.stringify(kinds)).digest('hex').toUpperCase();
    return [pathOf(apiVersion), { serverRelativeURL: `/openapi/v3/${pathOf(apiVersion)}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(paths) };
}

const query = (name: string): Doc => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } });
const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map(query);
/** Without strategic merge: if it were listed here, kubectl would compute such patches from the schemas below instead of its own. */
const PATCH_TYPES = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];

const schemaName = (resource: Resource): string => `${resource.apiVersion.replaceAll('/', '.')}.${resource.kind}`;

function operations(resource: Resource): Doc {
  const { group, version, kind } = resource;
  const about = { 'x-kubernetes-group-version-kind': { group, version, kind }, responses: { 200: { description: 'OK' } } };
  const body = { schema: { $ref: `#/components/schemas/${schemaName(resource)}` } };
  const json = { content: { 'application/json': body } };
  const prefix = `/${pathOf(resource.apiVersion)}/${resource.namespaced ? 'namespaces/{namespace}/' : ''}${resource.plural}`;
  const create = { ...about, 'x-kubernetes-action': 'post', parameters: WRITE_PARAMETERS, requestBody: json };
  if (resource.review) return { [prefix]: { post: create } };
  const patch = {
    ...about,
    'x-kubernetes-action': 'patch',
    parameters: [...WRITE_PARAMETERS, query('force')],
    requestBody: { content: Object.fromEntries(PATCH_TYPES.map((type) => [type, { schema: { type: 'object' } }])) },
  };
  return {
    [prefix]: { get: { ...about, 'x-kubernetes-action': 'list' }, post: create },
    [`${prefix}/{name}`]: {
      get: { ...about, 'x-kubernetes-action': 'get' },
      put: { ...about, 'x-kubernetes-action': 'put', parameters: WRITE_PARAMETERS, requestBody: json },
      patch,
      delete: { ...about, 'x-kubernetes-action': 'delete', parameters: [query('dryRun')] },
    },
  };
}

/** Free-form: any field is accepted, as this server validates by its own rules. */
const schemaOf = ({ group, version, kind, custom }: Resource): Doc => ({
  type: 'object',
  ...(custom?.schema?.openAPIV3Schema ?? { 'x-kubernetes-preserve-unknown-fields': true }),
  'x-kubernetes-group-version-kind': [{ group, version, kind }],
});

/** `undefined` when nothing has that version. `apiVersion` is `v1`, `apps/v1`, ... */
export function openapiDocument(registry: Registry, apiVersion: string): Doc | undefined {
  const own = registry.all().filter((resource) => resource.apiVersion === apiVersion);
  if (own.length === 0) return undefined;
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'unversioned' },
    paths: Object.assign({}, ...own.map(operations)),
    components: { schemas: Object.fromEntries(own.map((resource) => [schemaName(resource), schemaOf(resource)])) },
  };
}

export const openapiV2 = (): Doc => ({ swagger: '2.0', info: { title: 'Kubernetes', version: 'unversioned' }, paths: {}, definitions: {} });

/** Requested with an `@`, which Go's media type parser rejects in an answer. */
export const OPENAPI_V2_WANTED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
export const OPENAPI_V2_TYPE = OPENAPI_V2_WANTED.replace('@', '.');

/**
 * The same in the only encoding Go clients read. They fall back to version 2 for a kind they did not find in version 3, and only when they can read
 * this do they report that its CRD is missing.
 */
export function openapiV2Protobuf(): Buffer {
  const field = (number: number, content: Buffer): Buffer => Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
  const info = Buffer.concat([field(1, Buffer.from('Kubernetes')), field(2, Buffer.from('unversioned'))]);
  return Buffer.concat([field(1, Buffer.from('2.0')), field(2, info)]);
}
