/** The subset of LogQL the sandbox supports: selectors, line and label filters, json, logfmt and label_format, ranges, their sums and sets. */
import { goRegExp } from '../alloy/relabel.ts';
import type { StreamLabels } from './streams.ts';
import { compileTemplate, type Moment, TemplateError } from './template.ts';

export interface LogSelector {
  readonly matches: (labels: StreamLabels) => boolean;
  /** The line's labels after the pipeline, or `undefined` when a filter drops it. */
  readonly keep: (line: string, labels: StreamLabels, moment: Moment) => StreamLabels | undefined;
  /** The label whose value is aggregated instead of the line. */
  readonly unwrap?: string;
}
export type Query =
  | { readonly is: 'logs'; readonly selector: LogSelector }
  | { readonly is: 'range'; readonly fn: string; readonly selector: LogSelector; readonly windowMs: number }
  | { readonly is: 'sum'; readonly fn: string; readonly by: readonly string[] | undefined; readonly without: readonly string[] | undefined; readonly of: Query }
  | { readonly is: 'set'; readonly operator: 'and' | 'or' | 'unless'; readonly left: Query; readonly right: Query }
  | { readonly is: 'number'; readonly value: number };

export class LogqlError extends Error {}

interface Cursor {
  readonly text: string;
  at: number;
}

const TOKEN =
  /\s*("(?:[^"\\]|\\.)*"|`[^`]*`|\|=|\|~|\|>|=~|!~|!=|>=|<=|==|\d+(?:\.\d+)?(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*|\d+(?:\.\d+)?|[A-Za-z_][\w:]*|[\s\S])/y;

function peek(cursor: Cursor): string {
  TOKEN.lastIndex = cursor.at;
  return TOKEN.exec(cursor.text)?.[1]?.trim() ?? '';
}
function take(cursor: Cursor): string {
  TOKEN.lastIndex = cursor.at;
  const match = TOKEN.exec(cursor.text);
  if (match === null) return '';
  cursor.at += match[0].length;
  return (match[1] as string).trim();
}
function fail(cursor: Cursor): LogqlError {
  const token = peek(cursor);
  const column = cursor.text.length - cursor.text.slice(cursor.at).trimStart().length + 1;
  return new LogqlError(`parse error at line 1, col ${column}: syntax error: unexpected ${token === '' ? '$end' : token}`);
}
function expect(cursor: Cursor, token: string): void {
  if (peek(cursor) !== token) throw fail(cursor);
  take(cursor);
}
function quoted(cursor: Cursor): string {
  const token = peek(cursor);
  if (token.startsWith('`')) return take(cursor).slice(1, -1);
  if (!token.startsWith('"') || token.length < 2) throw fail(cursor);
  return JSON.parse(take(cursor)) as string;
}

/** Throws LogqlError with Loki's message. */
export function parseLogql(text: string): Query {
  const cursor = { text, at: 0 };
  if (text.trim() === '') throw new LogqlError('parse error : syntax error: unexpected $end');
  const query = set(cursor);
  if (peek(cursor) !== '') throw fail(cursor);
  return query;
}

const SETS = ['and', 'or', 'unless'] as const;

function set(cursor: Cursor): Query {
  let left = sum(cursor);
  for (let operator = SETS.find((one) => one === peek(cursor)); operator; operator = SETS.find((one) => one === peek(cursor))) {
    if (left.is === 'logs' || left.is === 'number') throw fail(cursor);
    take(cursor);
    left = { is: 'set', operator, left, right: sum(cursor) };
  }
  return left;
}

function sum(cursor: Cursor): Query {
  let left = single(cursor);
  for (let operator = peek(cursor); operator === '+' || operator === '-'; operator = peek(cursor)) {
    if (left.is !== 'number') throw fail(cursor);
    take(cursor);
    const right = single(cursor);
    if (right.is !== 'number') throw fail(cursor);
    left = { is: 'number', value: operator === '+' ? left.value + right.value : left.value - right.value };
  }
  return left;
}

const UNWRAPPED = new Set(['min_over_time', 'max_over_time', 'avg_over_time', 'sum_over_time']);
const RANGES = new Set(['count_over_time', 'rate', 'bytes_over_time', 'bytes_rate', ...UNWRAPPED]);
const SUMS = new Set(['sum', 'count', 'max', 'min', 'avg']);

function single(cursor: Cursor): Query {
  const token = peek(cursor);
  if (token === '{') return { is: 'logs', selector: selector(cursor) };
  if (/^\d/.test(token)) return { is: 'number', value: Number(take(cursor)) };
  if (token === 'vector') {
    take(cursor);
    expect(cursor, '(');
    const value = Number(take(cursor));
    expect(cursor, ')');
    return { is: 'number', value };
  }
  if (RANGES.has(token)) return range(cursor, take(cursor));
  if (!SUMS.has(token)) throw fail(cursor);
  const fn = take(cursor);
  const before = grouping(cursor);
  expect(cursor, '(');
  const of = sum(cursor);
  if (of.is === 'logs') throw fail(cursor);
  expect(cursor, ')');
  const group = before ?? grouping(cursor);
  return { is: 'sum', fn, by: group?.word === 'by' ? group.names : undefined, without: group?.word === 'without' ? group.names : undefined, of };
}

function grouping(cursor: Cursor): { readonly word: string; readonly names: readonly string[] } | undefined {
  if (peek(cursor) !== 'by' && peek(cursor) !== 'without') return undefined;
  const word = take(cursor);
  expect(cursor, '(');
  const names: string[] = [];
  while (peek(cursor) !== ')') {
    names.push(take(cursor));
    if (peek(cursor) === ',') take(cursor);
    else if (peek(cursor) !== ')') throw fail(cursor);
  }
  take(cursor);
  return { word, names };
}

function range(cursor: Cursor, fn: string): Query {
  expect(cursor, '(');
  let window: number | undefined;
  const windowed = (): void => {
    if (peek(cursor) !== '[') return;
    take(cursor);
    window = durationMs(take(cursor));
    expect(cursor, ']');
  };
  const parsed = selector(cursor, windowed);
  windowed();
  if (window === undefined || Number.isNaN(window)) throw fail(cursor);
  if (UNWRAPPED.has(fn) && parsed.unwrap === undefined) throw new LogqlError(`parse error : invalid aggregation ${fn} without unwrap`);
  expect(cursor, ')');
  return { is: 'range', fn, selector: parsed, windowMs: window };
}

export function durationMs(text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)];
  return parts.length === 0 ? Number.NaN : parts.reduce((total, [, number, unit = '']) => total + Number(number) * (units[unit] ?? 0), 0);
}

type Keep = LogSelector['keep'];

function selector(cursor: Cursor, afterMatchers: () => void = () => undefined): LogSelector {
  const matches = matchers(cursor);
  afterMatchers();
  const stages: Keep[] = [];
  let unwrap: string | undefined;
  for (let token = peek(cursor); ['|=', '|~', '!=', '!~', '|'].includes(token); token = peek(cursor))
    if (token === '|' && unwrapped(cursor)) {
      take(cursor);
      unwrap = take(cursor);
      afterMatchers();
      break;
    } else stages.push(token === '|' ? pipeline(cursor) : lineFilter(cursor));
  const keep: Keep = (line, labels, moment) =>
    stages.reduce<StreamLabels | undefined>((now, stage) => (now === undefined ? undefined : stage(line, now, moment)), labels);
  return { matches, keep, ...(unwrap !== undefined && { unwrap }) };
}

/** Whether the next stage is `| unwrap`; if so, consumes the pipe. */
function unwrapped(cursor: Cursor): boolean {
  const ahead = { ...cursor };
  take(ahead);
  if (peek(ahead) !== 'unwrap') return false;
  cursor.at = ahead.at;
  return true;
}

function matchers(cursor: Cursor): LogSelector['matches'] {
  expect(cursor, '{');
  const tests: { readonly test: (value: string) => boolean; readonly name: string }[] = [];
  while (peek(cursor) !== '}') {
    const name = peek(cursor);
    if (!/^[A-Za-z_]/.test(name)) throw fail(cursor);
    take(cursor);
    tests.push({ name, test: comparison(cursor) });
    if (peek(cursor) === ',') take(cursor);
    else if (peek(cursor) !== '}') throw fail(cursor);
  }
  take(cursor);
  if (tests.every(({ test }) => test('')))
    throw new LogqlError(
      'parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" will',
    );
  return (labels) => tests.every(({ name, test }) => test(labels[name] ?? ''));
}

function comparison(cursor: Cursor): (value: string) => boolean {
  const operator = peek(cursor);
  if (!['=', '!=', '=~', '!~', '=='].includes(operator)) throw fail(cursor);
  take(cursor);
  const wanted = quoted(cursor);
  if (operator === '=' || operator === '==') return (value) => value === wanted;
  if (operator === '!=') return (value) => value !== wanted;
  const pattern = compiled(wanted, true);
  return (value) => pattern.test(value) === (operator === '=~');
}

function compiled(source: string, anchored: boolean): RegExp {
  try {
    return goRegExp(source, { anchored });
  } catch {
    throw new LogqlError(`error parsing regexp: ${source}`);
  }
}

function lineFilter(cursor: Cursor): Keep {
  const operator = take(cursor);
  const text = quoted(cursor);
  const pattern = operator.endsWith('~') ? compiled(text, false) : undefined;
  const wants = operator.startsWith('|');
  return (line, labels) => ((pattern === undefined ? line.includes(text) : pattern.test(line)) === wants ? labels : undefined);
}

function pipeline(cursor: Cursor): Keep {
  take(cursor);
  const word = peek(cursor);
  if (word === 'json' || word === 'logfmt') {
    take(cursor);
    return (line, labels) => ({ ...(word === 'json' ? jsonLabels(line) : logfmtLabels(line)), ...labels });
  }
  if (!/^[A-Za-z_]/.test(word)) throw fail(cursor);
  take(cursor);
  if (word === 'label_format') return labelFormat(cursor);
  const test = comparison(cursor);
  return (_, labels) => (test(labels[word] ?? '') ? labels : undefined);
}

function labelFormat(cursor: Cursor): Keep {
  const name = take(cursor);
  expect(cursor, '=');
  try {
    const render = compileTemplate(quoted(cursor));
    return (line, labels, moment) => ({ ...labels, [name]: render({ ...moment, labels, line }) });
  } catch (error) {
    if (error instanceof TemplateError) throw new LogqlError(`parse error : invalid template for label '${name}': ${error.message}`);
    throw error;
  }
}

export function jsonLabels(line: string): StreamLabels {
  try {
    const flat = (value: unknown, prefix: string): [string, string][] =>
      value !== null && typeof value === 'object' && !Array.isArray(value)
        ? Object.entries(value).flatMap(([name, inner]) => flat(inner, prefix === '' ? name : `${prefix}_${name}`))
        : [[prefix.replace(/\W/g, '_'), typeof value === 'string' ? value : JSON.stringify(value)]];
    return Object.fromEntries(flat(JSON.parse(line), '').filter(([name]) => name !== ''));
  } catch {
    return { __error__: 'JSONParserErr' };
  }
}

export function logfmtLabels(line: string): StreamLabels {
  return Object.fromEntries([...line.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)].map(([, name, text, bare]) => [name as string, text ?? bare ?? '']));
}
