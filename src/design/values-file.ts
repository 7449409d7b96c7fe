/** Reads a Helm values file as Helm reads it: `yes` is true and 0644 is 420 there, which YAML's newer version takes for text and 644. */
import { parse, type Tags } from 'yaml';

/** Helm leaves times, and digits with colons, as the text they are. */
const asText = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')));

/** The document, whatever it is; an empty file is an empty map. Throws YAMLParseError with line and column. */
export function parseValuesFile(text: string): unknown {
  return parse(text, { version: '1.1', customTags: asText }) ?? {};
}
