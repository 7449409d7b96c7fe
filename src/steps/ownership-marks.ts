import { documentIn } from '../design/installation-record.ts';
import { isMap } from '../design/merge.ts';
import type { Ownership } from '../design/ownership.ts';
import type { Change, ApplyContext, UndoRecord, Removal } from '../engine/types.ts';
import type { KubeObject, Kubernetes, Ref } from '../ports/kubernetes.ts';
import { problem } from '../problems/problem.ts';
import { mayMark, named, isOwnedByLabels } from './ownership.ts';

/** `null` removes one. */
export type Marks = Readonly<Record<string, string | null>>;

export interface Marking {
  readonly labels: Marks;
  readonly annotations: Marks;
}

/** Existed before loki-eks: JSON of the values that our marks replaced, so that uninstall restores them and keeps the object. */
const ADOPTED = 'loki-eks.dev/adopted';
/** Created by loki-eks and orphaned: once adopted again, it is ours as before. */
const ORPHANED = 'loki-eks.dev/orphaned';

/** In an adoption. `made`: created by a release that is adopted with it, and deleted with that release. */
export function adoptionMarks(object: KubeObject, of: { readonly ownership: Ownership; readonly annotations?: Marks; readonly made?: boolean }): Marking {
  const { ownership, annotations: more = {}, made = false } = of;
  const { labels, annotations } = { labels: ownership.labels, annotations: { ...ownership.annotations, ...more } };
  const found = object.metadata;
  if (found.annotations?.[ORPHANED] !== undefined || made) return { labels, annotations: { ...annotations, [ORPHANED]: null } };
  if (found.annotations?.[ADOPTED] !== undefined) return { labels, annotations };
  const before = { labels: former(found.labels, labels), annotations: former(found.annotations, annotations) };
  return { labels, annotations: { ...annotations, [ADOPTED]: JSON.stringify(before) } };
}

export const isAdopted = ({ metadata }: KubeObject): boolean => metadata.annotations?.[ADOPTED] !== undefined;

/** Removes our marks from an object that existed before, and restores the values they replaced. */
export function formerMarks(object: KubeObject, ownership: Ownership): Marking {
  const off = noMarks(ownership);
  const read = documentIn(object.metadata.annotations?.[ADOPTED] ?? '{}');
  const before = 'document' in read ? read.document : {};
  return { labels: { ...off.labels, ...marksIn(before['labels']) }, annotations: { ...off.annotations, ...marksIn(before['annotations']), [ADOPTED]: null } };
}

/** They may have been changed since. */
const marksIn = (found: unknown): Marks =>
  isMap(found) ? Object.fromEntries(Object.entries(found).filter((one): one is [string, string | null] => one[1] === null || typeof one[1] === 'string')) : {};

/** For an orphan: as it was before an adoption, or remembered as created by loki-eks. */
export const orphanMarks = (object: KubeObject, ownership: Ownership): Marking => {
  if (isAdopted(object)) return formerMarks(object, ownership);
  const { labels, annotations } = noMarks(ownership);
  return { labels, annotations: { ...annotations, [ORPHANED]: 'true' } };
};

/** At uninstall: it existed before, so it stays, as it was. */
export async function giveBack(
  kubernetes: Pick<Kubernetes, 'patch'>,
  object: KubeObject,
  of: { readonly ownership: Ownership; readonly data?: object },
): Promise<Removal> {
  const { labels, annotations } = formerMarks(object, of.ownership);
  const ref = refOf(object);
  await kubernetes.patch(ref, { metadata: { labels, annotations }, ...(of.data && { data: of.data }) });
  const { kind, namespace, name } = ref;
  const how = `kubectl delete ${kind.toLowerCase()} ${name}${namespace ? ` -n ${namespace}` : ''}, once it is no longer needed`;
  return { is: 'kept', target: named(object), why: 'it existed before loki-eks', how, changed: true };
}

/** Removes all our marks, whichever step set them; their previous values are unknown. */
export const noMarks = (ownership: Ownership): Marking => ({ labels: nothing(ownership.labels), annotations: nothing(ownership.annotations) });

const nothing = (marks: Readonly<Record<string, string>>): Marks => Object.fromEntries(Object.keys(marks).map((key) => [key, null]));

/** Helm writes it on everything that a release has created. */
export const MADE_BY_HELM = 'meta.helm.sh/release-name';

export const MARKED = 'mark-object';

/** Undo record first, then the patch; nothing is written where nothing differs. */
export async function mark(
  kubernetes: Pick<Kubernetes, 'patch'>,
  object: KubeObject,
  options: { readonly marking: Marking; readonly record: ApplyContext['record'] },
): Promise<void> {
  const { marking, record } = options;
  const labels = differing(object.metadata.labels, marking.labels);
  const annotations = differing(object.metadata.annotations, marking.annotations);
  if (Object.keys(labels).length + Object.keys(annotations).length === 0) return;
  const ref = refOf(object);
  const before = { labels: former(object.metadata.labels, labels), annotations: former(object.metadata.annotations, annotations) };
  await record({ did: MARKED, ref: { ...ref }, before });
  await kubernetes.patch(ref, { metadata: { labels, annotations } });
}

/** Restores the previous values, whether or not the change happened. */
export async function unmark(kubernetes: Pick<Kubernetes, 'get' | 'patch'>, receipt: UndoRecord): Promise<void> {
  const { ref, before } = receipt as unknown as { readonly ref: Ref; readonly before: Marking };
  const found = await kubernetes.get(ref);
  if (!found) return;
  const labels = differing(found.metadata.labels, before.labels);
  const annotations = differing(found.metadata.annotations, before.annotations);
  if (Object.keys(labels).length + Object.keys(annotations).length > 0) await kubernetes.patch(ref, { metadata: { labels, annotations } });
}

/** The marks that an object would get or lose, as shown in a plan. */
export function markChange(object: KubeObject, marking: Marking): Change {
  const lines = (['labels', 'annotations'] as const).flatMap((part) =>
    Object.entries(differing(object.metadata[part], marking[part])).flatMap(([key, value]) => {
      const old = object.metadata[part]?.[key];
      return [...(old === undefined ? [] : [`- ${part}.${key}: ${old}`]), ...(value === null ? [] : [`+ ${part}.${key}: ${value}`])];
    }),
  );
  return { action: 'update', target: named(object), detail: 'marks', diff: lines };
}

/** Why a foreign object can't be adopted, if it can't. */
export function foreignMark(object: KubeObject, { ownership, adopting = false }: { readonly ownership: Ownership; readonly adopting?: boolean }) {
  if (isOwnedByLabels(object, ownership)) return undefined;
  if (!adopting) return problem('OBJECT_NOT_OURS', { message: `${named(object)} exists but was not created by loki-eks` });
  return mayMark(object.metadata.labels, ownership)
    ? undefined
    : problem('OWNED_BY_ANOTHER_INSTALLATION', { message: `${named(object)} belongs to another installation of loki-eks` });
}

const differing = (found: Readonly<Record<string, string>> | undefined, wanted: Marks): Marks =>
  Object.fromEntries(Object.entries(wanted).filter(([key, value]) => (found?.[key] ?? null) !== value));
const former = (found: Readonly<Record<string, string>> | undefined, changed: Marks): Marks =>
  Object.fromEntries(Object.keys(changed).map((key) => [key, found?.[key] ?? null]));

const refOf = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): Ref => ({ apiVersion, kind, ...(namespace && { namespace }), name });
