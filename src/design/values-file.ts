/** Reads a Helm values file as Helm does: `yes` is true and 0644 is 420, whereas YAML 1.2 reads the text "yes" and 644. */
import { parse, type Tags } from 'yaml';

/** Helm keeps times, and digits with colons, as strings. */
const asText = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')));

/** The depth of nested maps and lists: charts nest a dozen, and everything that reads values is recursive. */
const DEEPEST = 100;
/** Including what aliases repeat; the largest values files have some thousand. */
const MOST_NODES = 200_000;

/**
 * The document, whatever it is; an empty file is an empty map. Throws YAMLParseError with line and column, and a plain Error for a document
 * that contains itself, or is deeper or larger than any real values file.
 */
export function parseValuesFile(text: string): unknown {
  let values: unknown;
  try {
    values = parse(text, { version: '1.1', customTags: asText }) ?? {};
  } catch (error) {
    // The parser recurses for each level.
    throw error instanceof Error && error.message.includes('call stack') ? tooDeep() : error;
  }
  let nodes = 0;
  const walk = (value: unknown, within: readonly unknown[]): void => {
    if (++nodes > MOST_NODES) throw new Error(`it contains more than ${MOST_NODES} values, aliases (*name) included`);
    if (typeof value !== 'object' || value === null) return;
    if (within.includes(value)) throw new Error('an alias (*name) refers to a node that contains it');
    if (within.length >= DEEPEST) throw tooDeep();
    for (const one of Object.values(value)) walk(one, [...within, value]);
  };
  walk(values, []);
  return values;
}

const tooDeep = () => new Error(`it is nested more than ${DEEPEST} levels deep`);
