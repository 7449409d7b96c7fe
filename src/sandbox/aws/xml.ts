/** XML as the AWS servers use it: a small reader for request bodies and a writer for answers. */

export interface XmlNode {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlNode[];
}

/** A value of an answer: `undefined` fields are omitted, arrays repeat their element. */
export type XmlValue = string | number | boolean | undefined | XmlRaw | readonly XmlValue[] | { readonly [name: string]: XmlValue };
/** Markup that is written verbatim. */
export interface XmlRaw {
  readonly markup: string;
}

export function markup(text: string): XmlRaw {
  return { markup: text };
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** `undefined` when the text is not well-formed. Attributes and comments are dropped. */
export function readXml(text: string): XmlNode | undefined {
  type Open = { name: string; text: string; children: XmlNode[] };
  const stack: Open[] = [{ name: '', text: '', children: [] }];
  const token = /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)|</g;
  for (const [whole, close, name, , selfClosed, characters] of text.matchAll(token)) {
    const open = stack.at(-1) as Open;
    if (characters !== undefined) open.text += decode(characters);
    else if (name === undefined) {
      if (whole === '<') return undefined;
    } else if (close) {
      if (open.name !== local(name) || stack.length < 2) return undefined;
      stack.pop();
      (stack.at(-1) as Open).children.push(finished(open));
    } else if (selfClosed) open.children.push({ name: local(name), text: '', children: [] });
    else stack.push({ name: local(name), text: '', children: [] });
  }
  const root = stack[0] as Open;
  return stack.length === 1 && root.children.length === 1 ? root.children[0] : undefined;
}

export function childOf(node: XmlNode | undefined, name: string): XmlNode | undefined {
  return node?.children.find((child) => child.name === name);
}

export function childrenOf(node: XmlNode | undefined, name: string): readonly XmlNode[] {
  return node?.children.filter((child) => child.name === name) ?? [];
}

export function textOf(node: XmlNode | undefined, name: string): string | undefined {
  return childOf(node, name)?.text;
}

/** The inner markup of a node, without white space between elements. */
export function innerMarkup(node: XmlNode): string {
  if (node.children.length === 0) return escape(node.text);
  return node.children.map((child) => `<${child.name}>${innerMarkup(child)}</${child.name}>`).join('');
}

/** `{Name: value}` as elements. `list: 'member'` writes arrays as the Query protocol does, `flat` repeats the element. */
export function writeXml(name: string, value: XmlValue, list: 'member' | 'item' | 'flat' = 'flat'): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) {
    if (list === 'flat') return value.map((one) => writeXml(name, one as XmlValue, list)).join('');
    return `<${name}>${value.map((one) => writeXml(list, one as XmlValue, list)).join('')}</${name}>`;
  }
  if (typeof value !== 'object') return `<${name}>${escape(String(value))}</${name}>`;
  if (isRaw(value)) return `<${name}>${value.markup}</${name}>`;
  const inner = Object.entries(value).map(([key, one]) => writeXml(key, one as XmlValue, list));
  return `<${name}>${inner.join('')}</${name}>`;
}

function isRaw(value: object): value is XmlRaw {
  return typeof (value as XmlRaw).markup === 'string' && Object.keys(value).length === 1;
}

/** Characters to escape inside an element; a carriage return would be read back as a line feed. */
const SPECIAL = /[&<>"\p{Cc}]/u;

export function escape(text: string): string {
  if (!SPECIAL.test(text)) return text;
  const marked = text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] as string);
  return marked.replace(/[^\P{Cc}\t\n]/gu, (character) => `&#x${character.charCodeAt(0).toString(16)};`);
}

function finished(open: { name: string; text: string; children: XmlNode[] }): XmlNode {
  return { name: open.name, text: open.children.length > 0 ? '' : open.text, children: open.children };
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function decode(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (whole, entity: string) => {
    if (entity.startsWith('#x')) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16));
    if (entity.startsWith('#')) return String.fromCodePoint(Number(entity.slice(1)));
    return entities[entity] ?? whole;
  });
}
