/** Reads a Helm values file as Helm reads it: `yes` is true and 0644 is 420 there, which YAML's newer version takes for text and 644. */
import { parse, type Tags } from 'yaml';

/** Helm leaves times, and digits with colons, as the text they are. */
const asText = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')));

/** Of maps and lists in each other: charts nest a dozen, and everything that reads values does so by calling itself. */
const DEEPEST = 100;
/** With what aliases repeat; the largest values files have some thousand. */
const MOST_NODES = 200_000;

/**
 * The document, whatever it is; an empty file is an empty map. Throws YAMLParseError with line and column, and plain errors for a document that
 * holds itself, or is deeper or larger than any values.
 */
export function parseValuesFile(text: string): unknown {
  let values: unknown;
  try {
    values = parse(text, { version: '1.1', customTags: asText }) ?? {};
  } catch (error) {
    // The parser calls itself for each level.
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
