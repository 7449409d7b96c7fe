/** What a Grafana sidecar reads: labelled objects of ours with one file each, in a namespace that it watches. */
import type { Blueprint, DeliveryMethod } from '../design/blueprint.ts';
import type { Inspection, Problem, UndoRecord, Removal } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';
import { problem, ProblemError } from '../problems/problem.ts';
import type { Context } from '../context.ts';
import { MARKED, unmark } from './ownership-marks.ts';
import { mayMark, named, isOwnedByLabels } from './ownership.ts';

type Needs = Pick<Context, 'kubernetes' | 'blueprint' | 'adopting'>;
type ObjectWay = Extract<DeliveryMethod, { readonly is: 'object' }>;
export type What = 'datasource' | 'dashboard';

/** A label on our objects, so that they are found in whichever namespace a Grafana needed them. */
const PART = 'loki-eks.dev/grafana';

export async function inspectObject(
  ctx: Needs,
  of: { readonly way: ObjectWay; readonly wanted: string | undefined; readonly what: What },
): Promise<Inspection> {
  const { way, wanted, what } = of;
  const { ownership, grafana } = ctx.blueprint;
  const target = `${way.kind} ${way.namespace}/${way.name}`;
  const found = await ctx.kubernetes.get(reference(way));
  if (!found) {
    const taken = what === 'datasource' ? await lookAlike(ctx, way) : undefined;
    return taken
      ? { is: 'blocked', problem: taken }
      : { is: 'differs', changes: [{ action: 'create', target, detail: `${NAMED[what]} of ${grafana?.where}` }] };
  }
  // Orphaned by us before: it still says what it is.
  const release = ctx.adopting === true && found.metadata.labels?.[PART] === what && mayMark(found.metadata.labels, ownership);
  if (!isOwnedByLabels(found, ownership) && !release) {
    return { is: 'blocked', problem: problem('OBJECT_NOT_OURS', { message: `${named(found)} exists but was not created by loki-eks` }) };
  }
  const labels = labelsOf(ctx.blueprint, way, what);
  const labelled = Object.entries(labels).every(([key, value]) => found.metadata.labels?.[key] === value);
  if (labelled && wanted !== undefined && textOf(found, way) === wanted) return { is: 'matches' };
  return { is: 'differs', changes: [{ action: 'update', target, detail: NAMED[what] }] };
}

const NAMED: Readonly<Record<What, string>> = { datasource: 'data source', dashboard: 'dashboard' };

/**
 * Grafana provisions by name: a foreign file with our data source's name would alternate with ours, and one with its
 * uid makes Grafana reject all of them.
 */
async function lookAlike({ kubernetes, blueprint }: Needs, way: ObjectWay): Promise<Problem | undefined> {
  const { uid = '', name = '' } = blueprint.grafana?.datasource ?? {};
  const labels = Object.keys(way.labels).join(',');
  const lists = await Promise.all(
    ['ConfigMap', 'Secret'].map((kind) =>
      kubernetes.list({ apiVersion: 'v1', kind, namespace: way.namespace, labels }).then((all) => all.map((one) => ({ ...one, kind }))),
    ),
  );
  for (const object of lists.flat() as readonly KubeObject[]) {
    if (isOwnedByLabels(object, blueprint.ownership)) continue;
    const text = Object.values((object['data'] ?? {}) as Readonly<Record<string, string>>)
      .map((value) => (object.kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value))
      .join('\n');
    const same = [`uid: ${uid}`, `name: ${name}`].find((line) => text.replaceAll(/["']/g, '').includes(line));
    if (same)
      return problem('GRAFANA_DATASOURCE_EXISTS', {
        message: `${named(object)} already provisions a data source with ${same}`,
        fix: 'Rename it, or add `--grafana none`',
      });
  }
  return undefined;
}

export async function undoObject({ kubernetes, blueprint }: Needs, receipt: UndoRecord, former: () => Promise<string | undefined>): Promise<void> {
  if (receipt.did === MARKED) return unmark(kubernetes, receipt);
  const { kind, namespace, name, key } = receipt as unknown as Pick<ObjectWay, 'kind' | 'namespace' | 'name' | 'key'>;
  const way = { kind, namespace, name };
  const found = await kubernetes.get(reference(way));
  if (!found || !isOwnedByLabels(found, blueprint.ownership)) return;
  if (receipt.did === 'create-object') return kubernetes.delete(reference(way));
  // Still the version from before: the update never happened.
  if (found.metadata.resourceVersion === receipt['version']) return;
  const text = await former();
  const labels = receipt['labels'] as Readonly<Record<string, string>>;
  const added = Object.keys(found.metadata.labels ?? {}).filter((label) => !(label in labels));
  const metadata = { labels: { ...labels, ...Object.fromEntries(added.map((label) => [label, null])) } };
  await kubernetes.patch(reference(way), { metadata, ...(text !== undefined && { data: { [key]: encode(way, text) } }) });
}

/** Finds our objects wherever they were put for a Grafana, even if that Grafana is gone or another one is used now. */
export async function removeObjects(ctx: Needs, what: What): Promise<Removal> {
  const objects = (await Promise.all((['Secret', 'ConfigMap'] as const).map((kind) => ours(ctx, { kind, what })))).flat();
  for (const { kind, metadata } of objects) await ctx.kubernetes.delete({ apiVersion: 'v1', kind, namespace: metadata.namespace ?? '', name: metadata.name });
  return objects.length > 0 ? { is: 'removed' } : { is: 'absent' };
}

export async function ours(
  { kubernetes, blueprint }: Needs,
  { kind, what }: { readonly kind: 'Secret' | 'ConfigMap'; readonly what: What },
): Promise<readonly KubeObject[]> {
  const { ownership, loki, grafana } = blueprint;
  const labels = Object.entries({ ...ownership.labels, [PART]: what })
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  const all = (namespace?: string) => kubernetes.list({ apiVersion: 'v1', kind, labels, ...(namespace && { namespace }) });
  try {
    return (await all()).map((object) => ({ ...object, kind }));
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'KUBE_FORBIDDEN') throw error;
    const way = grafana?.[what]?.way;
    const where = new Set([loki.namespace, ...(way?.is === 'object' ? [way.namespace] : [])]);
    return (await Promise.all([...where].map(all))).flat().map((object) => ({ ...object, kind }));
  }
}

export const reference = ({ kind, namespace, name }: Pick<ObjectWay, 'kind' | 'namespace' | 'name'>) => ({ apiVersion: 'v1', kind, namespace, name });
export const placeOf = ({ kind, namespace, name, key }: ObjectWay) => ({ kind, namespace, name, key });
const labelsOf = ({ ownership }: Pick<Blueprint, 'ownership'>, way: ObjectWay, what: What) => ({ ...ownership.labels, ...way.labels, [PART]: what });

interface Content {
  readonly what: What;
  readonly text: string;
}

export async function createObject({ kubernetes, blueprint }: Needs, way: ObjectWay, { what, text }: Content): Promise<void> {
  const { kind, namespace, name } = way;
  await kubernetes.create({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace, labels: labelsOf(blueprint, way, what), annotations: blueprint.ownership.annotations },
    ...(kind === 'Secret' && { type: 'Opaque' }),
    data: { [way.key]: encode(way, text) },
  });
}

export async function updateObject({ kubernetes, blueprint }: Needs, way: ObjectWay, { what, text }: Content): Promise<void> {
  await kubernetes.patch(reference(way), { metadata: { labels: labelsOf(blueprint, way, what) }, data: { [way.key]: encode(way, text) } });
}

export async function setText({ kubernetes }: Pick<Needs, 'kubernetes'>, way: ObjectWay, text: string): Promise<void> {
  await kubernetes.patch(reference(way), { data: { [way.key]: encode(way, text) } });
}

export const encoded = (kind: string, text: string): string => (kind === 'Secret' ? Buffer.from(text).toString('base64') : text);
const encode = ({ kind }: Pick<ObjectWay, 'kind'>, text: string) => encoded(kind, text);

/** The one file of our object. */
export function contentOf(object: KubeObject): { readonly key: string; readonly text: string } {
  const [[key, value] = ['', '']] = Object.entries((object['data'] ?? {}) as Readonly<Record<string, string>>);
  return { key, text: object.kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value };
}

export function textOf(object: KubeObject, { kind, key }: ObjectWay): string {
  const value = (object['data'] as Readonly<Record<string, string>> | undefined)?.[key] ?? '';
  return kind === 'Secret' ? Buffer.from(value, 'base64').toString() : value;
}
