/** An Alloy configuration, read well enough to judge it: blocks, labels, and attributes as they are written. */

export interface AlloyBlock {
  /** `loki.source.file`, `endpoint` */
  readonly name: string;
  readonly label?: string;
  readonly line: number;
  /** The text of each value, comments taken out. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly blocks: readonly AlloyBlock[];
}

/** Never throws: what is no configuration has the blocks that could be read until there. Alloy itself tells what is wrong with it. */
export function readAlloy(text: string): readonly AlloyBlock[] {
  const source = withoutComments(text);
  let at = 0;
  const lineOf = (index: number) => source.slice(0, index).split('\n').length;
  const body = (): { attributes: Record<string, string>; blocks: AlloyBlock[] } => {
    const attributes: Record<string, string> = {};
    const blocks: AlloyBlock[] = [];
    for (;;) {
      const rest = source.slice(at);
      const attribute = /^\s*,?\s*([A-Za-z_]\w*)\s*=(?!=)/.exec(rest);
      const block = /^\s*([A-Za-z_][\w.]*)\s*(?:"([^"\n]*)")?\s*\{/.exec(rest);
      if (attribute) {
        at += attribute[0].length;
        attributes[attribute[1]!] = value();
      } else if (block) {
        const line = lineOf(at + block[0].search(/\S/));
        at += block[0].length;
        const inside = body();
        blocks.push({ name: block[1]!, line, ...(block[2] !== undefined && { label: block[2] }), ...inside });
      } else {
        const close = /^\s*\}/.exec(rest);
        at = close ? at + close[0].length : source.length;
        return { attributes, blocks };
      }
    }
  };
  /** Up to the end of the line on which every bracket is closed. */
  const value = (): string => {
    const from = at;
    let depth = 0;
    for (; at < source.length; at++) {
      const character = source[at]!;
      if (character === '"' || character === '`') at = stringEnd(source, at);
      else if ('([{'.includes(character)) depth++;
      else if (')]}'.includes(character)) {
        if (depth === 0) break;
        depth--;
      } else if (character === '\n' && depth === 0) break;
    }
    return source.slice(from, at).trim();
  };
  return body().blocks;
}

/** Every block of this name, at any depth. */
export function blocksNamed(blocks: readonly AlloyBlock[], name: string | RegExp): readonly AlloyBlock[] {
  const fits = (block: AlloyBlock) => (typeof name === 'string' ? block.name === name : name.test(block.name));
  return blocks.flatMap((block) => [...(fits(block) ? [block] : []), ...blocksNamed(block.blocks, name)]);
}

/** The text of a string literal; `undefined` when the value is computed. */
export function literal(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (/^`[^`]*`$/.test(value)) return value.slice(1, -1);
  if (!/^"(?:[^"\\\n]|\\.)*"$/.test(value)) return undefined;
  try {
    return JSON.parse(value) as string;
  } catch {
    return value.slice(1, -1);
  }
}

/** The index of a string's closing quote. */
function stringEnd(source: string, start: number): number {
  const quote = source[start];
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\' && quote === '"') at++;
    else if (source[at] === quote || (source[at] === '\n' && quote === '"')) return at;
  }
  return source.length;
}

/** Comments become blanks, so that lines keep their numbers. */
function withoutComments(text: string): string {
  let out = '';
  for (let at = 0; at < text.length; at++) {
    const two = text.slice(at, at + 2);
    if (two === '//' || two === '/*') {
      const found = two === '//' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2;
      const end = found < at + 2 ? text.length : found;
      out += text.slice(at, end).replace(/[^\n]/g, ' ');
      at = end - 1;
    } else if (text[at] === '"' || text[at] === '`') {
      const end = stringEnd(text, at);
      out += text.slice(at, end + 1);
      at = end;
    } else out += text[at];
  }
  return out;
}
