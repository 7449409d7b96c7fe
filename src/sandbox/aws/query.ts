/** The Query protocol of IAM, STS and EC2: form parameters in, XML out. */
import type { AwsFault } from '../types.ts';
import type { WireAnswer, WireRequest } from './wire.ts';
import type { XmlValue } from './xml.ts';
import { writeXml } from './xml.ts';

export interface QueryParameters {
  readonly action: string;
  get(name: string): string | undefined;
  /** `Name.member.1`, `Name.member.2`, … */
  list(name: string): readonly string[];
  /** `Tags.member.1.Key` and `.Value`; `undefined` when none was sent. */
  tags(name?: string): Readonly<Record<string, string>> | undefined;
}

export function readParameters(request: WireRequest): QueryParameters {
  const form = request.method === 'POST' ? new URLSearchParams(request.body.toString('utf8')) : request.query;
  const get = (name: string) => form.get(name) ?? undefined;
  const list = (name: string) => {
    const values: string[] = [];
    for (let at = 1; form.has(`${name}.member.${at}`); at += 1) values.push(form.get(`${name}.member.${at}`) as string);
    return values;
  };
  const tags = (name = 'Tags') => {
    const found: Record<string, string> = {};
    for (let at = 1; form.has(`${name}.member.${at}.Key`); at += 1) {
      found[form.get(`${name}.member.${at}.Key`) as string] = form.get(`${name}.member.${at}.Value`) ?? '';
    }
    return Object.keys(found).length === 0 ? undefined : found;
  };
  return { action: get('Action') ?? '', get, list, tags };
}

/** `result: undefined` writes an answer with nothing but its request id. */
export function queryAnswer(action: string, namespace: string, result: XmlValue): WireAnswer {
  const inner = result === undefined ? '' : writeXml(`${action}Result`, result, 'member');
  const metadata = writeXml('ResponseMetadata', { RequestId: requestId });
  return xml(200, `<${action}Response xmlns="${namespace}">${inner}${metadata}</${action}Response>`);
}

export function queryError(fault: AwsFault, namespace: string): WireAnswer {
  const error = { Type: fault.status < 500 ? 'Sender' : 'Receiver', Code: fault.code, Message: fault.message };
  return xml(fault.status, `<ErrorResponse xmlns="${namespace}">${writeXml('Error', error)}${writeXml('RequestId', requestId)}</ErrorResponse>`);
}

export const requestId = '00000000-0000-4000-8000-000000000000';

export function xml(status: number, body: string): WireAnswer {
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body };
}

export function tagsXml(tags: Readonly<Record<string, string>>): XmlValue {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** One page of a list, by `Marker` and `MaxItems` as IAM pages. */
export function page<T>(
  parameters: QueryParameters,
  items: readonly T[],
): { readonly items: readonly T[]; readonly IsTruncated: boolean; readonly Marker: string | undefined } {
  const start = Number(Buffer.from(parameters.get('Marker') ?? '', 'base64').toString() || '0');
  const max = Number(parameters.get('MaxItems') ?? '100');
  const end = start + max;
  const IsTruncated = end < items.length;
  return { items: items.slice(start, end), IsTruncated, Marker: IsTruncated ? Buffer.from(String(end)).toString('base64') : undefined };
}
