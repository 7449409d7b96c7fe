/** The API server's errors: `Status` documents with the messages of the real one. */
import type { Doc } from './document.ts';

export interface Status extends Doc {
  readonly kind: 'Status';
  readonly code: number;
  readonly message: string;
}

/** Thrown anywhere in request handling; the server sends its status. */
export class Refusal extends Error {
  readonly status: Status;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: Status, headers: Readonly<Record<string, string>> = {}) {
    super(status.message);
    this.status = status;
    this.headers = headers;
  }
}

/** The subject of an error: names as the real messages print them (`deployments.apps`, `Deployment.apps`). */
export interface Subject {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
}

export interface Cause {
  readonly field: string;
  readonly reason: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldManagerConflict' | 'FieldValueDuplicate';
  readonly message: string;
}

const dotted = (name: string, group: string): string => (group === '' ? name : `${name}.${group}`);
const resourceName = (subject: Subject): string => dotted(subject.plural, subject.group);

export function failure(code: number, reason: string, message: string, details?: Doc): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...(details && { details }), code };
}

export const success = (details: Doc): Doc => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });

const detailsOf = (subject: Subject, name: string): Doc => ({ name, ...(subject.group && { group: subject.group }), kind: subject.plural });

export const notFound = (subject: Subject, name: string): Refusal =>
  new Refusal(failure(404, 'NotFound', `${resourceName(subject)} "${name}" not found`, detailsOf(subject, name)));

/** Path not found: what a client gets when a CRD is missing. */
export const noSuchPath = (): Refusal => new Refusal(failure(404, 'NotFound', 'the server could not find the requested resource', {}));

/** API group not found: the real server's multiplexer answers in plain text. */
export class PageNotFound extends Error {}

export const alreadyExists = (subject: Subject, name: string): Refusal =>
  new Refusal(failure(409, 'AlreadyExists', `${resourceName(subject)} "${name}" already exists`, detailsOf(subject, name)));

export const conflict = (subject: Subject, name: string, why?: string): Refusal =>
  new Refusal(
    failure(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${resourceName(subject)} "${name}": ${why ?? 'the object has been modified; please apply your changes to the latest version and try again'}`,
      detailsOf(subject, name),
    ),
  );

export const badRequest = (message: string): Refusal => new Refusal(failure(400, 'BadRequest', message));

export const unauthorized = (): Refusal => new Refusal(failure(401, 'Unauthorized', 'Unauthorized'));

export const methodNotAllowed = (): Refusal => new Refusal(failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'));

export const unsupportedMedia = (message: string): Refusal => new Refusal(failure(415, 'UnsupportedMediaType', message));

export const internal = (message: string): Refusal =>
  new Refusal(failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] }));

export const tooManyRequests = (): Refusal =>
  new Refusal(failure(429, 'TooManyRequests', 'the server has received too many requests and has asked us to try again later', { retryAfterSeconds: 1 }), {
    'retry-after': '1',
  });

export const forbidden = (subject: Subject, name: string, why: string, causes?: readonly Doc[]): Refusal =>
  new Refusal(
    failure(403, 'Forbidden', `${resourceName(subject)}${name ? ` "${name}"` : ''} is forbidden: ${why}`, {
      ...detailsOf(subject, name),
      ...(causes && { causes }),
    }),
  );

export function invalid(subject: Subject, name: string, causes: readonly Cause[]): Refusal {
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const said = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const details = { name, ...(subject.group && { group: subject.group }), kind: subject.kind, causes };
  return new Refusal(failure(422, 'Invalid', `${dotted(subject.kind, subject.group)} "${name}" is invalid: ${said}`, details));
}

/** Server-side apply conflicts with other managers. */
export const applyConflict = (message: string, causes: readonly Cause[]): Refusal => new Refusal(failure(409, 'Conflict', message, { causes }));
