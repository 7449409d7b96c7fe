/** Tables as `kubectl get` prints them. */
import { columnsOf } from './columns.ts';
import type { Column } from './column.ts';
import type { Doc } from './document.ts';
import type { Resource } from './resources.ts';

export interface TableOptions {
  readonly list: Doc;
  /** `None`, `Metadata` (default) or `Object`. */
  readonly include: string | null;
  readonly now: Date;
}

function included(doc: Doc, include: string | null): Doc {
  if (include === 'None') return {};
  if (include === 'Object') return { object: doc };
  return { object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: doc.metadata } };
}

const definition = ({ name, type, wide }: Column): Doc => ({
  name,
  type: type ?? 'string',
  format: name === 'Name' ? 'name' : '',
  description: '',
  priority: wide ? 1 : 0,
});

export function tableOf(resource: Resource, docs: readonly Doc[], options: TableOptions): Doc {
  const columns = columnsOf(resource);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.list,
    columnDefinitions: columns.map(definition),
    rows: docs.map((doc) => ({ cells: columns.map((column) => column.cell(doc, options.now) ?? '<none>'), ...included(doc, options.include) })),
  };
}
