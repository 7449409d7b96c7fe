/** Paths outside resources: health, version, discovery, OpenAPI. */
import { ok } from './answer.ts';
import type { Answer } from './answer.ts';
import { AGGREGATED_TYPE, aggregatedDiscovery, coreVersions, groupDiscovery, groupList, resourceList, wantsAggregated } from './discovery.ts';
import type { Doc } from './document.ts';
import { OPENAPI_V2_TYPE, OPENAPI_V2_WANTED, openapiDocument, openapiIndex, openapiV2, openapiV2Protobuf } from './openapi.ts';
import type { Incoming } from './request.ts';
import { PageNotFound } from './status.ts';
import type { KubeStore } from './store.ts';

export interface PathParts {
  readonly store: KubeStore;
  readonly version: string;
}

function versionDoc(version: string): Doc {
  const [major = '1', minor = '0'] = version.replace(/^v/, '').split('.');
  const build = { gitCommit: '', gitTreeState: 'clean', buildDate: '1970-01-01T00:00:00Z', goVersion: 'go1.24', compiler: 'gc', platform: 'linux/amd64' };
  return { major, minor, gitVersion: version, ...build };
}

function discovery({ registry }: KubeStore, parts: readonly string[], accept: string): Answer | undefined {
  const [root, group, version] = parts;
  if (parts.length === 1 && wantsAggregated(accept)) {
    return { status: 200, body: aggregatedDiscovery(registry, root === 'api' ? 'core' : 'groups'), type: AGGREGATED_TYPE };
  }
  if (root === 'api') {
    const doc = group === undefined ? coreVersions() : resourceList(registry, '', group);
    return doc && ok(doc);
  }
  const doc = group === undefined ? groupList(registry) : version === undefined ? groupDiscovery(registry, group) : resourceList(registry, group, version);
  return doc && ok(doc);
}

/** Throws 404 for anything else. */
export function answerPath({ store, version }: PathParts, { url, headers, method }: Incoming): Answer {
  const parts = url.pathname.split('/').filter(Boolean);
  const [first = '', second, ...rest] = parts;
  if (method !== 'GET' && method !== 'HEAD') throw new PageNotFound();
  if (['healthz', 'livez', 'readyz'].includes(first)) return { status: 200, body: 'ok', type: 'text/plain; charset=utf-8' };
  if (first === 'version') return ok(versionDoc(version));
  if (first === 'api' || first === 'apis') {
    const found = discovery(store, parts, String(headers.accept ?? ''));
    if (found) return found;
  }
  if (first === 'openapi' && second === 'v2') {
    return String(headers.accept ?? '').includes(OPENAPI_V2_WANTED) ? { status: 200, body: openapiV2Protobuf(), type: OPENAPI_V2_TYPE } : ok(openapiV2());
  }
  if (first === 'openapi' && second === 'v3') {
    const doc = rest.length === 0 ? openapiIndex(store.registry) : openapiDocument(store.registry, rest.slice(1).join('/'));
    if (doc) return ok(doc);
  }
  throw new PageNotFound();
}
