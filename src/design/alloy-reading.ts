/** An Alloy configuration, parsed well enough to judge it: blocks, labels, and attributes as they are written. */

export interface AlloyBlock {
  /** `loki.source.file`, `endpoint` */
  readonly name: string;
  readonly label?: string;
  readonly line: number;
  /** The text of each value, without comments. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly blocks: readonly AlloyBlock[];
}

/** Never throws: for an invalid configuration it returns the blocks up to the error. Alloy itself reports what is wrong with it. */
export function readAlloy(text: string): readonly AlloyBlock[] {
  const source = withoutComments(text);
  let at = 0;
  // Lines are counted incrementally and blanks skipped by hand: each character is read once.
  const counted = { at: 0, line: 1 };
  const lineOf = (index: number) => {
    for (; counted.at < index; counted.at++) if (source[counted.at] === '\n') counted.line++;
    return counted.line;
  };
  const pass = (blank: RegExp) => {
    while (at < source.length && blank.test(source[at]!)) at++;
  };
  const body = (depth: number): { attributes: Record<string, string>; blocks: AlloyBlock[] } => {
    const attributes: Record<string, string> = {};
    const blocks: AlloyBlock[] = [];
    for (;;) {
      pass(/[\s,]/);
      const attribute = matchAt(ATTRIBUTE, source, at);
      const block = matchAt(BLOCK, source, at);
      if (attribute) {
        at += attribute[0].length;
        attributes[attribute[1]!] = value();
      } else if (block && depth < DEEPEST) {
        const line = lineOf(at);
        at += block[0].length;
        const inside = body(depth + 1);
        blocks.push({ name: block[1]!, line, ...(block[2] !== undefined && { label: block[2] }), ...inside });
      } else {
        at = source[at] === '}' ? at + 1 : source.length;
        return { attributes, blocks };
      }
    }
  };
  /** Up to the end of the line where all brackets are closed. */
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
  return body(0).blocks;
}

/** No real configuration is nested this deep. */
const DEEPEST = 100;
const ATTRIBUTE = /([A-Za-z_]\w*)\s*=(?!=)/y;
const BLOCK = /([A-Za-z_][\w.]*)\s*(?:"([^"\n]*)"\s*)?\{/y;

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
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
