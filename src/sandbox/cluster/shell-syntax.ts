/** A small part of the POSIX shell's grammar: lists, loops, conditions, words with quotes and expansions. */

/** A piece of a word; `split` pieces (unquoted expansions) are split at blanks. */
export type Piece = { readonly is: 'text'; readonly text: string } | { readonly is: 'expand'; readonly source: string; readonly split: boolean };
export type Word = readonly Piece[];

export type Command =
  | { readonly is: 'simple'; readonly words: readonly Word[] }
  | { readonly is: 'list'; readonly items: readonly Command[] }
  | { readonly is: 'and' | 'or'; readonly left: Command; readonly right: Command }
  | { readonly is: 'not'; readonly body: Command }
  | { readonly is: 'while' | 'until'; readonly test: Command; readonly body: Command }
  | { readonly is: 'for'; readonly variable: string; readonly words: readonly Word[]; readonly body: Command }
  | { readonly is: 'if'; readonly test: Command; readonly body: Command; readonly otherwise: Command | undefined };

type Token = { readonly is: 'word'; readonly word: Word; readonly plain: string | undefined } | { readonly is: 'operator'; readonly text: string };

/** Throws SyntaxError with the message of a real shell. */
export function parseShell(source: string): Command {
  const tokens = tokenize(source);
  let at = 0;
  const peek = (): Token | undefined => tokens[at];
  const isWord = (text: string): boolean => peek()?.is === 'word' && (peek() as { plain?: string }).plain === text;
  const isOperator = (...texts: readonly string[]): boolean => peek()?.is === 'operator' && texts.includes((peek() as { text: string }).text);
  const expect = (text: string): void => {
    if (!isWord(text) && !isOperator(text)) throw new SyntaxError(`syntax error: expected "${text}"`);
    at += 1;
  };
  const list = (ends: readonly string[]): Command => {
    const items: Command[] = [];
    for (;;) {
      while (isOperator(';', '\n', '&')) at += 1;
      if (peek() === undefined || ends.some((end) => isWord(end) || isOperator(end))) return { is: 'list', items };
      items.push(andOr());
    }
  };
  const andOr = (): Command => {
    let left = pipeline();
    while (isOperator('&&', '||')) {
      const is = (peek() as { text: string }).text === '&&' ? 'and' : 'or';
      at += 1;
      while (isOperator('\n')) at += 1;
      left = { is, left, right: pipeline() };
    }
    return left;
  };
  const pipeline = (): Command => {
    if (isWord('!')) {
      at += 1;
      return { is: 'not', body: pipeline() };
    }
    if (isOperator('(')) return group(')');
    if (isWord('{')) return group('}');
    if (isWord('while') || isWord('until')) return loop();
    if (isWord('for')) return forLoop();
    if (isWord('if')) return condition();
    return simple();
  };
  const group = (end: string): Command => {
    at += 1;
    const body = list([end]);
    expect(end);
    return body;
  };
  const loop = (): Command => {
    const is = isWord('while') ? 'while' : 'until';
    at += 1;
    const test = list(['do']);
    expect('do');
    const body = list(['done']);
    expect('done');
    return { is, test, body };
  };
  const forLoop = (): Command => {
    at += 1;
    const variable = (peek() as { plain?: string } | undefined)?.plain ?? '';
    at += 1;
    const words: Word[] = [];
    if (isWord('in')) {
      at += 1;
      for (let token = peek(); token?.is === 'word'; token = peek()) {
        words.push(token.word);
        at += 1;
      }
    }
    while (isOperator(';', '\n')) at += 1;
    expect('do');
    const body = list(['done']);
    expect('done');
    return { is: 'for', variable, words, body };
  };
  const condition = (): Command => {
    at += 1;
    const test = list(['then']);
    expect('then');
    const body = list(['else', 'elif', 'fi']);
    if (isWord('elif')) return { is: 'if', test, body, otherwise: condition() };
    const otherwise = isWord('else') ? ((at += 1), list(['fi'])) : undefined;
    expect('fi');
    return { is: 'if', test, body, otherwise };
  };
  const simple = (): Command => {
    const words: Word[] = [];
    for (let token = peek(); token?.is === 'word'; token = peek()) {
      words.push(token.word);
      at += 1;
    }
    if (words.length === 0) throw new SyntaxError('syntax error: unexpected end');
    return { is: 'simple', words };
  };
  const program = list([]);
  if (at < tokens.length) throw new SyntaxError('syntax error: unexpected token');
  return program;
}

const OPERATOR = /^(&&|\|\||;|\n|&|\(|\)|\|)/;
/** Redirections make no difference here: everything a container writes is its log. */
const REDIRECTION = /^[0-9]*(>>|>&|>|<)\s*(&?[^\s;&|()]*)/;

function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let rest = source;
  while (rest !== '') {
    const blank = /^([ \t\r]|\\\n)+/.exec(rest) ?? /^#[^\n]*/.exec(rest) ?? REDIRECTION.exec(rest);
    const operator = OPERATOR.exec(rest);
    if (blank !== null) rest = rest.slice(blank[0].length);
    else if (operator !== null) {
      if (operator[0] === '|') throw new SyntaxError('pipes are not simulated');
      tokens.push({ is: 'operator', text: operator[0] });
      rest = rest.slice(operator[0].length);
    } else {
      const { word, length } = readWord(rest);
      const only = word.length === 1 ? word[0] : undefined;
      tokens.push({ is: 'word', word, plain: only?.is === 'text' && only.text === rest.slice(0, length) ? only.text : undefined });
      rest = rest.slice(length);
    }
  }
  return tokens;
}

function readWord(source: string): { readonly word: Word; readonly length: number } {
  const pieces: Piece[] = [];
  let text = '';
  let quoted = false;
  let at = 0;
  const flush = (): void => {
    if (text !== '') pieces.push({ is: 'text', text });
    text = '';
  };
  while (at < source.length) {
    const char = source[at] as string;
    if (!quoted && /[\s;&|()]/.test(char)) break;
    if (char === '"') {
      if (quoted && source[at - 1] === '"') pieces.push({ is: 'text', text: '' });
      quoted = !quoted;
      at += 1;
    } else if (char === "'" && !quoted) {
      const end = source.indexOf("'", at + 1);
      if (end < 0) throw new SyntaxError('syntax error: unterminated quoted string');
      flush();
      pieces.push({ is: 'text', text: source.slice(at + 1, end) });
      at = end + 1;
    } else if (char === '\\') {
      const next = source[at + 1] ?? '';
      text += quoted && !'"\\$`\n'.includes(next) ? `\\${next}` : next;
      at += 2;
    } else if (char === '$') {
      const length = expansionLength(source.slice(at));
      if (length === 1) text += '$';
      else {
        flush();
        pieces.push({ is: 'expand', source: source.slice(at, at + length), split: !quoted });
      }
      at += length;
    } else {
      text += char;
      at += 1;
    }
  }
  if (quoted) throw new SyntaxError('syntax error: unterminated quoted string');
  flush();
  return { word: pieces, length: at };
}

/** The length of an expansion that starts with `$`; 1 for a literal dollar sign. */
function expansionLength(source: string): number {
  const name = /^\$([A-Za-z_][A-Za-z0-9_]*|[?#$!@*0-9])/.exec(source);
  if (name !== null) return name[0].length;
  const open = source[1];
  if (open !== '(' && open !== '{') return 1;
  const close = open === '(' ? ')' : '}';
  let depth = 0;
  for (let at = 1; at < source.length; at += 1) {
    if (source[at] === open) depth += 1;
    if (source[at] === close) depth -= 1;
    if (depth === 0) return at + 1;
  }
  throw new SyntaxError(`syntax error: expected "${close}"`);
}
