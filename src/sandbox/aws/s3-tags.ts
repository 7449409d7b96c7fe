/** Tag sets of S3 as XML, and the rules for tags. */
import { AwsFault } from '../types.ts';
import { malformedXml } from './s3-operation.ts';
import type { XmlNode, XmlValue } from './xml.ts';
import { childrenOf, textOf } from './xml.ts';

/** Reads `<Tag><Key/><Value/></Tag>` children; throws InvalidTag or MalformedXML. */
export function readTags(set: XmlNode | undefined): Readonly<Record<string, string>> {
  const tags: Record<string, string> = {};
  for (const node of childrenOf(set, 'Tag')) {
    const key = textOf(node, 'Key');
    const value = textOf(node, 'Value');
    if (key === undefined || value === undefined) throw malformedXml();
    if (key.toLowerCase().startsWith('aws:')) throw invalidTag('System tags cannot be added/updated by requester');
    if (key === '' || key.length > 128) throw invalidTag('The TagKey you have provided is invalid');
    if (value.length > 256 || !/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(value)) throw invalidTag('The TagValue you have provided is invalid');
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(key)) throw invalidTag('The TagKey you have provided is invalid');
    if (key in tags) throw invalidTag('Cannot provide multiple Tags with the same key');
    tags[key] = value;
  }
  if (Object.keys(tags).length > 50) throw new AwsFault(400, 'BadRequest', 'Bucket tag count cannot be greater than 50');
  return tags;
}

export function tagSetXml(tags: Readonly<Record<string, string>>): XmlValue {
  return { TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) } };
}

function invalidTag(message: string): AwsFault {
  return new AwsFault(400, 'InvalidTag', message);
}
