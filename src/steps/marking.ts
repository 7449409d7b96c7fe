/** Putting our marks on a Kubernetes object that was there before, and taking them off again: metadata only, former values kept in the receipt. */
import type { Ownership } from '../design/blueprint.ts';
import type { Change, Hands, Receipt } from '../engine/types.ts';
import type { KubeObject, Kubernetes, Ref } from '../ports/kubernetes.ts';
import { problem } from '../problems/problem.ts';
import { mayMark, named, oursByLabels } from './marks.ts';

/** `null` takes one off. */
export type Marks = Readonly<Record<string, string | null>>;

export interface Marking {
  readonly labels: Marks;
  readonly annotations: Marks;
}

export const ourMarks = ({ labels, annotations }: Ownership): Marking => ({ labels, annotations });

/** Everything of ours, whichever step has put it there; what it said before is nobody's to know. */
export const noMarks = (ownership: Ownership): Marking => ({ labels: nothing(ownership.labels), annotations: nothing(ownership.annotations) });

const nothing = (marks: Readonly<Record<string, string>>): Marks => Object.fromEntries(Object.keys(marks).map((key) => [key, null]));

/** Helm writes it on everything that a release has made. */
export const MADE_BY_HELM = 'meta.helm.sh/release-name';

export const MARKED = 'mark-object';

/** Receipt first, then the patch; nothing is written where nothing differs. */
export async function mark(
  kubernetes: Pick<Kubernetes, 'patch'>,
  object: KubeObject,
  options: { readonly marking: Marking; readonly record: Hands['record'] },
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

/** Whether or not the deed happened: the former values are put back. */
export async function unmark(kubernetes: Pick<Kubernetes, 'get' | 'patch'>, receipt: Receipt): Promise<void> {
  const { ref, before } = receipt as unknown as { readonly ref: Ref; readonly before: Marking };
  const found = await kubernetes.get(ref);
  if (!found) return;
  const labels = differing(found.metadata.labels, before.labels);
  const annotations = differing(found.metadata.annotations, before.annotations);
  if (Object.keys(labels).length + Object.keys(annotations).length > 0) await kubernetes.patch(ref, { metadata: { labels, annotations } });
}

/** The marks that an object would get or lose, as a plan shows them. */
export function markChange(object: KubeObject, marking: Marking): Change {
  const lines = (['labels', 'annotations'] as const).flatMap((part) =>
    Object.entries(differing(object.metadata[part], marking[part])).flatMap(([key, value]) => {
      const old = object.metadata[part]?.[key];
      return [...(old === undefined ? [] : [`- ${part}.${key}: ${old}`]), ...(value === null ? [] : [`+ ${part}.${key}: ${value}`])];
    }),
  );
  return { action: 'update', target: named(object), detail: 'marks', diff: lines };
}

/** Why an object that is not ours can't be taken over, if it can't. */
export function strange(object: KubeObject, { ownership, adopting = false }: { readonly ownership: Ownership; readonly adopting?: boolean }) {
  if (oursByLabels(object, ownership)) return undefined;
  if (!adopting) return problem('OBJECT_NOT_OURS', { message: `${named(object)} exists but was not made by loki-eks` });
  return mayMark(object.metadata.labels, ownership)
    ? undefined
    : problem('MARKED_BY_ANOTHER', { message: `${named(object)} belongs to another installation of loki-eks` });
}

const differing = (found: Readonly<Record<string, string>> | undefined, wanted: Marks): Marks =>
  Object.fromEntries(Object.entries(wanted).filter(([key, value]) => (found?.[key] ?? null) !== value));
const former = (found: Readonly<Record<string, string>> | undefined, changed: Marks): Marks =>
  Object.fromEntries(Object.keys(changed).map((key) => [key, found?.[key] ?? null]));

const refOf = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): Ref => ({ apiVersion, kind, ...(namespace && { namespace }), name });
