/** Fills `${name}` in template files, strictly: a name without a value and a value without a name are both bugs. */
import type { TemplateName } from './template-files.ts';

/** Returns the text of a template file by its name under `templates/`. */
export type Templates = (name: TemplateName) => string;

const placeholder = /\$\{([A-Za-z][A-Za-z0-9]*)\}/g;
const onlyPlaceholder = /^\$\{([A-Za-z][A-Za-z0-9]*)\}$/;

/** Values may be anything a document can hold; `undefined` omits the entry or item. */
export type TemplateValues = Readonly<Record<string, unknown>>;

/**
 * Fills a parsed YAML or JSON document. A string that is one placeholder becomes the value itself, with its type; a placeholder inside a
 * longer string becomes part of it. So no value can break the surrounding syntax. Throws an Error naming the placeholder.
 */
export function renderDocument(document: unknown, values: TemplateValues): unknown {
  const used = new Set<string>();
  const look = (name: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`template: no value for \${${name}}`);
    used.add(name);
    return values[name];
  };
  const words = (text: string) =>
    text.replace(placeholder, (_, name: string) => {
      const value = look(name);
      if (typeof value !== 'string' && typeof value !== 'number') throw new Error(`template: \${${name}} stands inside text but is no text`);
      return String(value);
    });
  const fill = (node: unknown): unknown => {
    if (typeof node === 'string') {
      const alone = onlyPlaceholder.exec(node);
      return alone === null ? words(node) : look(alone[1]!);
    }
    if (Array.isArray(node)) return node.map(fill).filter((item) => item !== undefined);
    if (typeof node !== 'object' || node === null) return node;
    const entries = Object.entries(node).map(([key, value]) => [words(key), fill(value)] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  };
  const filled = fill(document);
  refuseUnused(values, used);
  return filled;
}

/** Fills a text, each value as a JSON string: Alloy and YAML both read it as a quoted string. In comments it is inserted unquoted. */
export function renderText(template: string, values: Readonly<Record<string, string>>): string {
  const used = new Set<string>();
  const filled = template.split('\n').map((line) => {
    const bare = /^\s*(#|\/\/)/.test(line);
    return line.replace(placeholder, (_, name: string) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (value === undefined) throw new Error(`template: no value for \${${name}}`);
      used.add(name);
      return bare ? value : JSON.stringify(value);
    });
  });
  refuseUnused(values, used);
  return filled.join('\n');
}

function refuseUnused(values: TemplateValues, used: ReadonlySet<string>): void {
  const unused = Object.keys(values).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`template: nothing uses ${unused.map((name) => `\${${name}}`).join(', ')}`);
}
