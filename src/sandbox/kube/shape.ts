/** The requested form of an answer: whole objects, metadata only, or a table. */
import type { KubeObject } from '../../ports/kubernetes.ts';
import { docOf } from './document.ts';
import type { Doc } from './document.ts';
import { toEventsGroup } from './events-alias.ts';
import type { Resource } from './resources.ts';
import { tableOf } from './table.ts';

export type Shape = 'object' | 'metadata' | 'table';

/** From the Accept header: its first supported form. */
export function shapeOf(accept: string | undefined): Shape {
  for (const entry of (accept ?? '').split(',')) {
    if (/as=Table\b/.test(entry) && entry.includes('json')) return 'table';
    if (/as=PartialObjectMetadata(?:List)?\b/.test(entry) && entry.includes('json')) return 'metadata';
    if (/^\s*(?:application\/json|\*\/\*)\s*(?:;q=[\d.]+)?$/.test(entry)) return 'object';
  }
  return 'object';
}

/** An object as this resource's version presents it: versions may share a storage. */
function presented(resource: Resource, object: KubeObject): Doc {
  if (object.apiVersion === resource.apiVersion) return docOf(object);
  if (resource.group === 'events.k8s.io') return toEventsGroup(docOf(object));
  return { ...docOf(object), apiVersion: resource.apiVersion };
}

const metadataOf = (doc: Doc): Doc => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: doc.metadata });

export interface ShapeOptions {
  readonly shape: Shape;
  /** `includeObject` of tables. */
  readonly include: string | null;
  readonly now: Date;
}

export function shapeObject(resource: Resource, object: KubeObject, options: ShapeOptions): Doc {
  const doc = presented(resource, object);
  if (options.shape === 'metadata') return metadataOf(doc);
  if (options.shape === 'table') return tableOf(resource, [doc], { ...options, list: { resourceVersion: doc.metadata.resourceVersion } });
  return doc;
}

export interface ListPart {
  readonly objects: readonly KubeObject[];
  /** ListMeta: resourceVersion, continue, remainingItemCount. */
  readonly list: Doc;
}

export function shapeList(resource: Resource, part: ListPart, options: ShapeOptions): Doc {
  const docs = part.objects.map((object) => presented(resource, object));
  if (options.shape === 'table') return tableOf(resource, docs, { ...options, list: part.list });
  if (options.shape === 'metadata')
    return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: part.list, items: docs.map(metadataOf) };
  // Items of built-in kinds do not repeat the list's type in JSON.
  const items = resource.custom ? docs : docs.map(({ kind: _kind, apiVersion: _version, ...rest }) => rest);
  return { kind: `${resource.kind}List`, apiVersion: resource.apiVersion, metadata: part.list, items };
}
