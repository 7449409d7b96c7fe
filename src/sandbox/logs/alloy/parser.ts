/** The grammar of the Alloy configuration language: blocks, attributes, expressions. */
import { AlloySyntaxError, lex, type Token } from './lexer.ts';

export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Expression =
  | { readonly is: 'literal'; readonly value: string | number | boolean | null; readonly at: Place }
  | { readonly is: 'list'; readonly items: readonly Expression[]; readonly at: Place }
  | { readonly is: 'object'; readonly fields: readonly (readonly [string, Expression])[]; readonly at: Place }
  | { readonly is: 'name'; readonly name: string; readonly at: Place }
  | { readonly is: 'access'; readonly of: Expression; readonly name: string; readonly at: Place }
  | { readonly is: 'index'; readonly of: Expression; readonly by: Expression; readonly at: Place }
  | { readonly is: 'call'; readonly of: Expression; readonly args: readonly Expression[]; readonly at: Place }
  | { readonly is: 'unary'; readonly operator: string; readonly of: Expression; readonly at: Place }
  | { readonly is: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression; readonly at: Place };

export interface Attribute {
  readonly is: 'attribute';
  readonly name: string;
  readonly value: Expression;
  readonly at: Place;
}
export interface Block {
  readonly is: 'block';
  /** With its dots: `loki.source.file`. */
  readonly name: string;
  readonly label?: string;
  readonly body: readonly Statement[];
  readonly at: Place;
}
export type Statement = Attribute | Block;

interface Cursor {
  readonly tokens: readonly Token[];
  at: number;
}

const BINDING: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '^': 6,
};

/** Throws AlloySyntaxError. */
export function parseAlloy(source: string): readonly Statement[] {
  const cursor: Cursor = { tokens: lex(source), at: 0 };
  const statements = body(cursor);
  if (peek(cursor).kind !== 'end') throw unexpected(cursor, 'block or attribute');
  return statements;
}

function peek(cursor: Cursor): Token {
  return cursor.tokens[cursor.at] as Token;
}
function isMark(cursor: Cursor, text: string): boolean {
  const token = peek(cursor);
  return token.kind === 'mark' && token.text === text;
}
function take(cursor: Cursor): Token {
  const token = peek(cursor);
  if (token.kind !== 'end') cursor.at += 1;
  return token;
}
function expect(cursor: Cursor, text: string): Token {
  if (!isMark(cursor, text)) throw unexpected(cursor, text);
  return take(cursor);
}
function unexpected(cursor: Cursor, wanted: string): AlloySyntaxError {
  const token = peek(cursor);
  return new AlloySyntaxError(token, `expected ${wanted}, got ${token.kind === 'string' ? 'STRING' : token.text}`);
}

function body(cursor: Cursor): readonly Statement[] {
  const statements: Statement[] = [];
  while (peek(cursor).kind !== 'end' && !isMark(cursor, '}')) {
    statements.push(statement(cursor));
    const next = peek(cursor);
    if (next.kind !== 'end' && !isMark(cursor, '}') && !next.broke) throw unexpected(cursor, 'TERMINATOR');
  }
  return statements;
}

function statement(cursor: Cursor): Statement {
  const first = peek(cursor);
  if (first.kind !== 'name') throw unexpected(cursor, 'block or attribute');
  let name = take(cursor).text;
  while (isMark(cursor, '.')) {
    take(cursor);
    if (peek(cursor).kind !== 'name') throw unexpected(cursor, 'IDENT');
    name += `.${take(cursor).text}`;
  }
  const at = { line: first.line, column: first.column };
  if (isMark(cursor, '=')) {
    if (name.includes('.')) throw new AlloySyntaxError(first, 'attribute names may only consist of a single identifier with no "."');
    take(cursor);
    return { is: 'attribute', name, value: expression(cursor, 0), at };
  }
  const label = peek(cursor).kind === 'string' ? take(cursor).text : undefined;
  if (label !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(label))
    throw new AlloySyntaxError(at, `expected block label to be a valid identifier, but got "${label}"`);
  if (!isMark(cursor, '{')) throw unexpected(cursor, label === undefined ? 'attribute assignment or block body' : '{');
  take(cursor);
  const inside = body(cursor);
  expect(cursor, '}');
  return { is: 'block', name, ...(label !== undefined && { label }), body: inside, at };
}

function expression(cursor: Cursor, least: number): Expression {
  let left = unary(cursor);
  for (;;) {
    const token = peek(cursor);
    const power = token.kind === 'mark' && !token.broke ? BINDING[token.text] : undefined;
    if (power === undefined || power <= least) return left;
    take(cursor);
    // Only `^` is right-associative.
    const right = expression(cursor, token.text === '^' ? power - 1 : power);
    left = { is: 'binary', operator: token.text, left, right, at: token };
  }
}

function unary(cursor: Cursor): Expression {
  const token = peek(cursor);
  if (isMark(cursor, '!') || isMark(cursor, '-')) {
    take(cursor);
    return { is: 'unary', operator: token.text, of: unary(cursor), at: token };
  }
  return postfix(cursor, primary(cursor));
}

function postfix(cursor: Cursor, start: Expression): Expression {
  let value = start;
  for (;;) {
    const token = peek(cursor);
    if (token.broke) return value;
    if (isMark(cursor, '.')) {
      take(cursor);
      if (peek(cursor).kind !== 'name') throw unexpected(cursor, 'IDENT');
      value = { is: 'access', of: value, name: take(cursor).text, at: token };
    } else if (isMark(cursor, '[')) {
      take(cursor);
      value = { is: 'index', of: value, by: expression(cursor, 0), at: token };
      expect(cursor, ']');
    } else if (isMark(cursor, '(')) {
      take(cursor);
      value = { is: 'call', of: value, args: separated(cursor, ')', () => expression(cursor, 0)), at: token };
    } else return value;
  }
}

/** Items up to `close`. A line break after the last one needs a comma, as in Go. */
function separated<T>(cursor: Cursor, close: string, item: () => T): readonly T[] {
  const items: T[] = [];
  while (!isMark(cursor, close)) {
    items.push(item());
    if (isMark(cursor, ',')) take(cursor);
    else if (peek(cursor).broke || !isMark(cursor, close))
      throw new AlloySyntaxError(peek(cursor), `missing ',' in ${close === '}' ? 'field list' : 'expression list'}`);
  }
  take(cursor);
  return items;
}

function primary(cursor: Cursor): Expression {
  const token = peek(cursor);
  const at = { line: token.line, column: token.column };
  if (token.kind === 'string') return { is: 'literal', value: take(cursor).text, at };
  if (token.kind === 'number') return { is: 'literal', value: Number(take(cursor).text), at };
  if (token.kind === 'name') {
    const name = take(cursor).text;
    const literals: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };
    return Object.hasOwn(literals, name) ? { is: 'literal', value: literals[name] as boolean | null, at } : { is: 'name', name, at };
  }
  if (isMark(cursor, '(')) {
    take(cursor);
    const inside = expression(cursor, 0);
    expect(cursor, ')');
    return inside;
  }
  if (isMark(cursor, '[')) {
    take(cursor);
    return { is: 'list', items: separated(cursor, ']', () => expression(cursor, 0)), at };
  }
  if (isMark(cursor, '{')) {
    take(cursor);
    return { is: 'object', fields: separated(cursor, '}', () => field(cursor)), at };
  }
  throw unexpected(cursor, 'expression');
}

function field(cursor: Cursor): readonly [string, Expression] {
  const token = peek(cursor);
  if (token.kind !== 'name' && token.kind !== 'string') throw unexpected(cursor, 'field name (string or identifier)');
  take(cursor);
  expect(cursor, '=');
  return [token.text, expression(cursor, 0)];
}
