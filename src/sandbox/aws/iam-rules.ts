/** IAM's validation of names, paths, tag sets and documents, with its errors. */
import { AwsFault } from '../types.ts';
import type { DocumentKind } from './policy-document.ts';
import { readDocument } from './policy-document.ts';
import type { PolicyDocument } from './policy.ts';

/** Throws MalformedPolicyDocument with IAM's message. */
export function requireDocument(text: string | undefined, kind: DocumentKind): Document {
  const read = readDocument(text ?? '', kind);
  if ('refused' in read) throw new AwsFault(400, 'MalformedPolicyDocument', read.refused);
  return { text: text ?? '', document: read.document };
}

/** IAM counts policy sizes without white space. */
export function sizeOf(text: string): number {
  return text.replace(/\s/g, '').length;
}

export function requirePath(path: string | undefined): string {
  if (path === undefined) return '/';
  if (/^\/$|^\/[\u0021-\u007e]+\/$/.test(path)) return path;
  throw invalid('The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.');
}

export function requireName(name: string | undefined, rule: { readonly field: string; readonly max: number }): string {
  if (name === undefined || name === '')
    throw invalid(`1 validation error detected: Value at '${rule.field}' failed to satisfy constraint: Member must not be null`);
  if (name.length > rule.max) {
    throw invalid(
      `1 validation error detected: Value '${name}' at '${rule.field}' failed to satisfy constraint: Member must have length less than or equal to ${rule.max}`,
    );
  }
  if (!/^[\w+=,.@-]+$/.test(name))
    throw invalid(`The specified value for ${rule.field} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`);
  return name;
}

export function requireTags(tags: Tags | undefined): Tags {
  for (const key of Object.keys(tags ?? {})) {
    if (key.toLowerCase().startsWith('aws:')) throw new AwsFault(400, 'InvalidInput', 'Tag keys beginning with aws: are reserved for system use');
  }
  if (Object.keys(tags ?? {}).length > 50) throw new AwsFault(409, 'LimitExceeded', 'The number of tags has reached the maximum limit.');
  return tags ?? {};
}

export function missing(message: string): AwsFault {
  return new AwsFault(404, 'NoSuchEntity', message);
}

export function exists(message: string): AwsFault {
  return new AwsFault(409, 'EntityAlreadyExists', message);
}

export function conflict(message: string): AwsFault {
  return new AwsFault(409, 'DeleteConflict', message);
}

export function invalid(message: string): AwsFault {
  return new AwsFault(400, 'ValidationError', message);
}

export type Tags = Readonly<Record<string, string>>;

/** A document as submitted (IAM returns the same text) and as evaluated. */
export interface Document {
  readonly text: string;
  readonly document: PolicyDocument;
}
