/** The type of an S3 operation, as the S3 server routes to it, and helpers that all operations share. */
import { AwsFault } from '../types.ts';
import type { Principal } from './principals.ts';
import type { Bucket, S3State } from './s3-state.ts';
import type { WireAnswer, WireRequest } from './wire.ts';
import { readPayload } from './wire.ts';
import type { XmlNode, XmlValue } from './xml.ts';
import { readXml, writeXml } from './xml.ts';

export interface S3Call {
  readonly state: S3State;
  readonly request: WireRequest;
  readonly principal: Principal;
  /** The region the request was signed for. */
  readonly region: string;
  readonly bucketName: string;
  /** Empty for operations on a bucket. */
  readonly key: string;
  /** Throws AccessDenied when the caller lacks this further permission (bulk deletes, KMS, the 404 or 403 of a missing key). */
  readonly require: (action: string, resource: string) => void;
  readonly may: (action: string, resource: string) => boolean;
}

export interface S3Operation {
  readonly name: string;
  readonly method: string;
  readonly level: 'service' | 'bucket' | 'object';
  /** The query parameter that selects it, `''` for none. */
  readonly sub: string;
  readonly action: string;
  readonly write: boolean;
  /** Only CreateBucket runs without a bucket. */
  readonly noBucket?: true;
  readonly run: (call: S3Call, bucket: Bucket) => WireAnswer;
}

export const xmlNamespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

export function xmlAnswer(name: string, value: XmlValue, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  const body = writeXml(name, value).replace(`<${name}>`, `<${name} xmlns="${xmlNamespace}">`);
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}` };
}

export function malformedXml(): AwsFault {
  return new AwsFault(400, 'MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
}

/** The body as XML with that root element; throws MalformedXML. */
export function bodyXml(call: S3Call, root: string): XmlNode {
  const node = readXml(readPayload(call.request).bytes.toString('utf8'));
  if (node === undefined || node.name !== root) throw malformedXml();
  return node;
}

export function bucketArn(call: Pick<S3Call, 'state'>, name: string): string {
  return `arn:${call.state.partition}:s3:::${name}`;
}

export function objectArn(call: Pick<S3Call, 'state'>, bucket: string, key: string): string {
  return `${bucketArn(call, bucket)}/${key}`;
}

export function parameter(call: S3Call, name: string): string | undefined {
  return call.request.query.get(name) ?? undefined;
}

export function header(call: S3Call, name: string): string | undefined {
  return call.request.headers[name];
}
