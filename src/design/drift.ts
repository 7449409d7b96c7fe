/** How objects in the cluster differ from their rendered manifest: pure comparison that ignores what the server adds. */
import { parseAllDocuments, type ScalarTag } from 'yaml';
import type { Change } from '../engine/types.ts';
import type { KubeObject, Ref } from '../ports/kubernetes.ts';
import { diffLines } from './diff.ts';
import { isMap } from './merge.ts';

/** helm treats what overflows a number as a string: `3e552630` is an id, not infinity. */
const finite: NonNullable<ParseOptions['customTags']> = (tags) =>
  tags.map((tag) => {
    if (typeof tag !== 'object' || !('resolve' in tag) || tag.tag !== 'tag:yaml.org,2002:float') return tag;
    const { resolve } = tag as ScalarTag;
    return { ...tag, resolve: (text: string, ...rest: [never, never]) => (Number.isFinite(Number(text)) ? resolve(text, ...rest) : text) } as ScalarTag;
  });

type ParseOptions = NonNullable<Parameters<typeof parseAllDocuments>[1]>;

/** The objects of a manifest, as helm writes it: documents separated by `---`. Throws if it is not YAML. */
export function objectsIn(manifest: string): readonly KubeObject[] {
  return parseAllDocuments(manifest, { uniqueKeys: false, customTags: finite }).flatMap((document) => {
    const object = 'toJS' in document ? (document.toJS() as KubeObject | null) : null;
    return object?.kind && object.metadata?.name ? [object] : [];
  });
}

/** Cluster-scoped kinds that charts contain. */
const CLUSTERS_OWN = /^(Cluster|StorageClass|CustomResourceDefinition|PriorityClass|Namespace|PersistentVolume$|\w+WebhookConfiguration|CSIDriver)/;

/** `release`: the namespace of the release, where an object names none. */
export const refIn = ({ apiVersion, kind, metadata }: KubeObject, release: string): Ref => ({
  apiVersion,
  kind,
  ...(!CLUSTERS_OWN.test(kind) && { namespace: metadata.namespace ?? release }),
  name: metadata.name,
});

export const targetOf = ({ kind, namespace, name }: Ref): string => `${kind} ${namespace ? `${namespace}/` : ''}${name}`;

/** `undefined` if every rendered field has its rendered value. */
export function driftOf(wanted: KubeObject, found: KubeObject | undefined, target: string): Change | undefined {
  if (!found) return { action: 'create', target, detail: 'it is gone' };
  const rendered = comparable(wanted);
  const diff = diffLines(projected(rendered, byName(found)), rendered);
  return diff.length > 0 ? { action: 'update', target, detail: 'it was changed by hand', diff } : undefined;
}

/** Differences of two renderings outside the release's namespace: cluster-wide permissions, objects in other namespaces. */
export function apartBeyond(before: string, after: string, release: string): readonly Change[] {
  const within = new Set(
    [before, after].flatMap((manifest) =>
      objectsIn(manifest)
        .map((one) => refIn(one, release))
        .filter(({ namespace }) => namespace === release)
        .map(targetOf),
    ),
  );
  return renderedApart(before, after, release).filter(({ target }) => !within.has(target));
}

/** Two renderings of a chart, compared object by object; hooks and CRDs are not part of a release. */
export function renderedApart(before: string, after: string, release: string): readonly Change[] {
  const [old, now] = [before, after].map(
    (manifest) =>
      new Map(
        objectsIn(manifest)
          .filter(isReleased)
          .map((one) => [targetOf(refIn(one, release)), one]),
      ),
  );
  return [...new Set([...old!.keys(), ...now!.keys()])].flatMap((target): readonly Change[] => {
    const [a, b] = [old!.get(target), now!.get(target)];
    if (!a) return [{ action: 'create', target }];
    if (!b) return [{ action: 'delete', target }];
    const diff = diffLines(comparable(a), comparable(b));
    return diff.length > 0 ? [{ action: 'update', target, diff }] : [];
  });
}

const isReleased = ({ kind, metadata }: KubeObject): boolean => kind !== 'CustomResourceDefinition' && metadata.annotations?.['helm.sh/hook'] === undefined;

/** Salted hashes differ each time, and the contents of Secrets must not be compared. */
const comparable = (object: KubeObject): unknown => byName(object.kind === 'Secret' ? { ...object, data: {}, stringData: {} } : object);

/** Lists of named items become maps, as the server merges them: their order is meaningless, and items added by others are ignored. */
function byName(value: unknown): unknown {
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, byName(inner)]));
  if (!Array.isArray(value)) return value;
  const names = new Set(value.map((one: unknown) => (isMap(one) && typeof one['name'] === 'string' ? one['name'] : undefined)));
  if (value.length === 0 || names.has(undefined) || names.size < value.length) return value.map(byName);
  return Object.fromEntries((value as readonly { readonly name: string }[]).map(({ name, ...rest }) => [name, byName(rest)]));
}

/** The found object, reduced to the wanted fields, so that fields added by the server make no difference. */
function projected(wanted: unknown, found: unknown): unknown {
  if (isEmpty(wanted) && isEmpty(found)) return wanted;
  if (isMap(wanted) && isMap(found))
    return Object.fromEntries(Object.entries(wanted).flatMap(([key, value]) => (key in found || isEmpty(value) ? [[key, projected(value, found[key])]] : [])));
  if (Array.isArray(wanted) && Array.isArray(found)) {
    return wanted.length === found.length ? wanted.map((one: unknown, index) => projected(one, found[index])) : found;
  }
  return same(wanted, found) ? wanted : found;
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || value === false || (typeof value === 'object' && Object.keys(value).length === 0);

/** The server normalizes `1000m` to `1`, and `1024Mi` to `1Gi`. */
const same = (wanted: unknown, found: unknown): boolean => {
  if (wanted === found) return true;
  const [a, b] = [quantity(wanted), quantity(found)];
  return a !== undefined && a === b;
};

const UNITS: Readonly<Record<string, number>> = { '': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

function quantity(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const match = /^(\d+(?:\.\d+)?)([kMGT]i?|m)?$/.exec(String(value));
  return match ? Number(match[1]) * UNITS[match[2] ?? '']! : undefined;
}
