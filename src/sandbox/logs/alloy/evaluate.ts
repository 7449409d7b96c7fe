/** Evaluates Alloy expressions: operators, the standard library, references to what other components export. */
import { AlloySyntaxError } from './lexer.ts';
import type { Expression, Place } from './parser.ts';

/** What `forward_to` lists contain: a component that accepts log entries. */
export interface Receiver {
  readonly receiver: string;
}
export type AlloyValue = string | number | boolean | null | Receiver | readonly AlloyValue[] | { readonly [field: string]: AlloyValue };

export interface Scope {
  readonly env: Readonly<Record<string, string>>;
  /** The container's hostname: its pod's name, whatever the variable HOSTNAME says. */
  readonly hostname: string;
  /** The exports of the component with this id; `undefined` when there is none. */
  readonly exports: (id: string) => Readonly<Record<string, AlloyValue>> | undefined;
}

type Native = (args: readonly AlloyValue[], at: Place) => AlloyValue;

function text(value: AlloyValue | undefined, at: Place): string {
  if (typeof value !== 'string') throw new AlloySyntaxError(at, `expected string, got ${typeName(value ?? null)}`);
  return value;
}

function parseJson(source: string, at: Place): AlloyValue {
  try {
    return JSON.parse(source) as AlloyValue;
  } catch {
    throw new AlloySyntaxError(at, 'json_decode: invalid character in input');
  }
}

const isEmpty = (value: AlloyValue): boolean =>
  value === null || value === '' || value === 0 || value === false || (typeof value === 'object' && Object.keys(value).length === 0);

function library(scope: Scope): Readonly<Record<string, AlloyValue | Native>> {
  const env: Native = (args, at) => scope.env[text(args[0], at)] ?? '';
  const coalesce: Native = (args) => args.find((arg) => !isEmpty(arg)) ?? args.at(-1) ?? null;
  const flat: Native = (args) => args.flatMap((arg) => (Array.isArray(arg) ? (arg as readonly AlloyValue[]) : []));
  return {
    'sys.env': env,
    env,
    coalesce,
    'constants.hostname': scope.hostname,
    'constants.os': 'linux',
    'constants.arch': 'amd64',
    concat: flat,
    'array.concat': flat,
    'encoding.from_json': (args, at) => parseJson(text(args[0], at), at),
    json_decode: (args, at) => parseJson(text(args[0], at), at),
    'encoding.from_base64': (args, at) => Buffer.from(text(args[0], at), 'base64').toString('utf8'),
    'string.format': (args, at) => format(args, at),
    format: (args, at) => format(args, at),
    'string.join': (args, at) => (args[0] as readonly AlloyValue[]).map((item) => text(item, at)).join(text(args[1], at)),
    'string.split': (args, at) => text(args[0], at).split(text(args[1], at)),
    'string.replace': (args, at) => text(args[0], at).replaceAll(text(args[1], at), text(args[2], at)),
    'string.to_lower': (args, at) => text(args[0], at).toLowerCase(),
    'string.to_upper': (args, at) => text(args[0], at).toUpperCase(),
    'string.trim_space': (args, at) => text(args[0], at).trim(),
    trim_space: (args, at) => text(args[0], at).trim(),
    'convert.nonsensitive': (args) => args[0] ?? null,
    nonsensitive: (args) => args[0] ?? null,
  };
}

function format(args: readonly AlloyValue[], at: Place): string {
  let next = 1;
  return text(args[0], at).replace(/%[sdvq%]/g, (verb) => (verb === '%%' ? '%' : verb === '%q' ? JSON.stringify(args[next++]) : String(args[next++])));
}

/** Throws AlloySyntaxError with the position in the file. */
export function evaluate(expression: Expression, scope: Scope): AlloyValue {
  switch (expression.is) {
    case 'literal':
      return expression.value;
    case 'list':
      return expression.items.map((item) => evaluate(item, scope));
    case 'object':
      return Object.fromEntries(expression.fields.map(([name, value]) => [name, evaluate(value, scope)]));
    case 'unary': {
      const value = evaluate(expression.of, scope);
      return expression.operator === '!' ? value !== true : -(value as number);
    }
    case 'binary':
      return binary(expression, scope);
    case 'index':
      return index(expression, scope);
    case 'call':
      return call(expression, scope);
    default:
      return reference(expression, scope);
  }
}

function binary(expression: Expression & { readonly is: 'binary' }, scope: Scope): AlloyValue {
  const left = evaluate(expression.left, scope);
  const right = evaluate(expression.right, scope);
  const { operator, at } = expression;
  if (operator === '==' || operator === '!=') return (JSON.stringify(left) === JSON.stringify(right)) === (operator === '==');
  if (operator === '&&') return left === true && right === true;
  if (operator === '||') return left === true || right === true;
  if (typeof left !== typeof right || (typeof left !== 'string' && typeof left !== 'number'))
    throw new AlloySyntaxError(at, `${typeName(right)} and ${typeName(left)} do not work with operator ${operator}`);
  if (typeof left === 'string' && typeof right === 'string') {
    if (operator === '+') return left + right;
    throw new AlloySyntaxError(at, `string and string do not work with operator ${operator}`);
  }
  const [a, b] = [left as number, right as number];
  const results: Readonly<Record<string, AlloyValue>> = {
    '+': a + b,
    '-': a - b,
    '*': a * b,
    '/': a / b,
    '%': a % b,
    '^': a ** b,
    '<': a < b,
    '<=': a <= b,
    '>': a > b,
    '>=': a >= b,
  };
  return results[operator] ?? null;
}

function index(expression: Expression & { readonly is: 'index' }, scope: Scope): AlloyValue {
  const of = evaluate(expression.of, scope);
  const by = evaluate(expression.by, scope);
  const found = of !== null && typeof of === 'object' ? (of as Readonly<Record<string, AlloyValue>>)[String(by)] : undefined;
  if (found === undefined)
    throw new AlloySyntaxError(
      expression.at,
      Array.isArray(of) ? `index ${String(by)} is out of range of array with length ${of.length}` : `field "${String(by)}" does not exist`,
    );
  return found;
}

/** `a.b.c` as its names, or `undefined` when it does not start with a name. */
function path(expression: Expression): readonly string[] | undefined {
  if (expression.is === 'name') return [expression.name];
  if (expression.is !== 'access') return undefined;
  const before = path(expression.of);
  return before === undefined ? undefined : [...before, expression.name];
}

function call(expression: Expression & { readonly is: 'call' }, scope: Scope): AlloyValue {
  const name = path(expression.of)?.join('.') ?? '';
  const native = library(scope)[name];
  if (typeof native !== 'function') throw new AlloySyntaxError(expression.at, `identifier "${name}" does not exist`);
  return native(
    expression.args.map((arg) => evaluate(arg, scope)),
    expression.at,
  );
}

function reference(expression: Expression & { readonly is: 'name' | 'access' }, scope: Scope): AlloyValue {
  const names = path(expression);
  if (names === undefined) return member(evaluate((expression as Expression & { is: 'access' }).of, scope), expression);
  const known = library(scope)[names.join('.')];
  if (known !== undefined && typeof known !== 'function') return known;
  for (let length = names.length; length > 0; length -= 1) {
    const exports = scope.exports(names.slice(0, length).join('.'));
    if (exports === undefined) continue;
    return names.slice(length).reduce<AlloyValue>((value, name) => member(value, { ...expression, is: 'access', of: expression, name }), exports as AlloyValue);
  }
  throw new AlloySyntaxError(expression.at, `component "${names.slice(0, -1).join('.') || names[0]}" does not exist or is out of scope`);
}

function member(value: AlloyValue, of: Expression): AlloyValue {
  const name = of.is === 'access' ? of.name : '';
  const found = value !== null && typeof value === 'object' ? (value as Readonly<Record<string, AlloyValue>>)[name] : undefined;
  if (found === undefined) throw new AlloySyntaxError(of.at, `field "${name}" does not exist`);
  return found;
}

export function typeName(value: AlloyValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'object') return 'receiver' in value ? 'capsule' : 'object';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
