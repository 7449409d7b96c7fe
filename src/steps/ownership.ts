import { adoptedTag, installIdLabel, installIdTag, type Ownership } from '../design/ownership.ts';
import type { KubeObject } from '../ports/kubernetes.ts';

type Marks = Readonly<Record<string, string>>;

const carries = (found: Marks | undefined, marks: Marks) => Object.entries(marks).every(([key, value]) => found?.[key] === value);

export const isOwnedByTags = (tags: Marks, { tags: marks }: Ownership): boolean => carries(tags, marks);

/** It existed before loki-eks, and uninstall keeps it. */
export const isAdoptedByTag = (tags: Marks): boolean => tags[adoptedTag] !== undefined;

export const isOwnedByLabels = (object: KubeObject, { labels }: Ownership): boolean => carries(object.metadata.labels, labels);

/** Also checks the cluster's ARN, for data that is trusted and not only changed: an id is shorter than an ARN. */
export const isOwned = (object: KubeObject, ownership: Ownership): boolean =>
  isOwnedByLabels(object, ownership) && carries(object.metadata.annotations, ownership.annotations);

export const isOwnedRelease = (release: { readonly labels: Marks }, { installId }: Ownership): boolean => release.labels[installIdLabel] === installId;

/** In an adoption, what the blueprint names may get our marks, but never in place of another installation's. */
export const mayMark = (found: Marks | undefined, { installId }: Ownership): boolean =>
  [installIdTag, installIdLabel].every((key) => found?.[key] === undefined || found[key] === installId);

/** `Secret loki/loki-gateway-login` */
export const named = ({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string =>
  `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`;
