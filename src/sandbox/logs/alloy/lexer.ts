/** The tokens of the Alloy configuration language. */

export type TokenKind = 'name' | 'number' | 'string' | 'mark' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** A string's value is already unquoted. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
  /** A line break precedes it: that ends a statement, as in Go. */
  readonly broke: boolean;
}

/** Alloy's error for a file it can't load, with the position: `5:3: illegal character`. */
export class AlloySyntaxError extends Error {
  constructor(at: { readonly line: number; readonly column: number }, message: string) {
    super(`${at.line}:${at.column}: ${message}`);
  }
}

const MARKS = ['&&', '||', '==', '!=', '<=', '>=', '{', '}', '[', ']', '(', ')', ',', '.', '=', '+', '-', '*', '/', '%', '^', '!', '<', '>'];
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** Ends with an `end` token. Throws AlloySyntaxError. */
export function lex(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  let broke = true;
  const here = (offset = at) => ({ line, column: offset - lineStart + 1 });
  const newline = (offset: number): void => {
    line += 1;
    lineStart = offset + 1;
    broke = true;
  };
  const push = (kind: TokenKind, text: string, length: number): void => {
    tokens.push({ kind, text, ...here(), broke });
    broke = false;
    at += length;
  };
  while (at < source.length) {
    const char = source[at] as string;
    const rest = source.slice(at, at + 2);
    if (char === '\n') newline(at++);
    else if (char === ' ' || char === '\t' || char === '\r') at += 1;
    else if (rest === '//') at = endOf(source, '\n', at);
    else if (rest === '/*') {
      const close = source.indexOf('*/', at + 2);
      if (close < 0) throw new AlloySyntaxError(here(), 'block comment not terminated');
      for (let i = at; i < close; i += 1) if (source[i] === '\n') newline(i);
      at = close + 2;
    } else if (char === '"') {
      const { text, length } = quoted(source, at, here());
      push('string', text, length);
    } else if (char === '`') {
      const close = source.indexOf('`', at + 1);
      if (close < 0) throw new AlloySyntaxError(here(), 'raw string literal not terminated');
      const start = at;
      push('string', source.slice(at + 1, close).replaceAll('\r', ''), close - at + 1);
      const wasBroke: boolean = broke;
      for (let i = start; i < close; i += 1) if (source[i] === '\n') newline(i);
      broke = wasBroke;
    } else {
      const word = /^[\p{L}_][\p{L}\p{N}_]*/u.exec(source.slice(at, at + 256))?.[0];
      const number = /^\d+(\.\d+)?([eE][+-]?\d+)?/.exec(source.slice(at, at + 64))?.[0];
      const mark = MARKS.find((candidate) => source.startsWith(candidate, at));
      if (word !== undefined) push('name', word, word.length);
      else if (number !== undefined) push('number', number, number.length);
      else if (mark !== undefined) push('mark', mark, mark.length);
      else throw new AlloySyntaxError(here(), `illegal character U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')} '${char}'`);
    }
  }
  tokens.push({ kind: 'end', text: 'EOF', ...here(), broke: true });
  return tokens;
}

function endOf(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from);
  return found < 0 ? source.length : found;
}

function quoted(source: string, from: number, at: { readonly line: number; readonly column: number }): { readonly text: string; readonly length: number } {
  let text = '';
  for (let i = from + 1; i < source.length; i += 1) {
    const char = source[i] as string;
    if (char === '"') return { text, length: i - from + 1 };
    if (char === '\n') break;
    if (char !== '\\') {
      text += char;
      continue;
    }
    const code = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(source.slice(i + 1, i + 10));
    const plain = ESCAPES[source[i + 1] ?? ''];
    if (code !== null) {
      const [whole, hex, short, long, octal] = code;
      text += String.fromCodePoint(octal === undefined ? Number.parseInt(hex ?? short ?? long ?? '0', 16) : Number.parseInt(octal, 8));
      i += whole.length;
    } else if (plain !== undefined) {
      text += plain;
      i += 1;
    } else throw new AlloySyntaxError({ line: at.line, column: at.column + (i - from) }, 'unknown escape sequence');
  }
  throw new AlloySyntaxError(at, 'string literal not terminated');
}
