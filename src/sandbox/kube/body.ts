/** Request bodies: parses JSON, YAML or protobuf into one document. */
import { parse as parseYaml } from 'yaml';
import { isMap } from './document.ts';
import type { Doc } from './document.ts';
import { decodeProtobuf } from './protobuf.ts';
import type { Incoming } from './request.ts';
import { badRequest } from './status.ts';

/** JSON or YAML of any shape: JSON patches are lists. */
export function parseBody({ headers, body }: Pick<Incoming, 'headers' | 'body'>): unknown {
  const type = String(headers['content-type'] ?? 'application/json');
  if (type.includes('protobuf')) return decodeProtobuf(body);
  const text = body.toString();
  try {
    return type.includes('yaml') ? yamlOf(text) : JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding the body: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Clients send JSON labeled as YAML when they apply; it is valid YAML, but parses many times faster as JSON. */
function yamlOf(text: string): unknown {
  try {
    return text.startsWith('{') ? JSON.parse(text) : parseYaml(text);
  } catch {
    return parseYaml(text);
  }
}

/** Throws 400 for an empty body or anything but one document. */
export function documentOf(incoming: Pick<Incoming, 'headers' | 'body'>): Doc {
  if (incoming.body.length === 0) throw badRequest('the body of the request was in an unknown format - it is empty');
  const parsed = parseBody(incoming);
  if (!isMap(parsed)) throw badRequest('the body of the request is not an object');
  return parsed;
}

/** The options a DELETE may carry in its body. */
export function deleteOptions(incoming: Pick<Incoming, 'headers' | 'body'>): Doc {
  if (incoming.body.length === 0) return {};
  const parsed = parseBody(incoming);
  return isMap(parsed) ? parsed : {};
}
