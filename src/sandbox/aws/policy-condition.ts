/** Condition blocks of IAM policies: operators, IfExists, ForAllValues and ForAnyValue. Pure. */
import type { Json } from '../../engine/types.ts';
import { globPattern } from '../call-faults.ts';
type Compare = (actual: string, wanted: string) => boolean;

const equal: Compare = (actual, wanted) => actual === wanted;
const equalAnyCase: Compare = (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase();
const like: Compare = (actual, wanted) => globPattern(wanted).test(actual);
const number =
  (test: (actual: number, wanted: number) => boolean): Compare =>
  (actual, wanted) =>
    test(Number(actual), Number(wanted));
const date =
  (test: (actual: number, wanted: number) => boolean): Compare =>
  (actual, wanted) =>
    test(Date.parse(actual), Date.parse(wanted));

const operators: Readonly<Record<string, Compare>> = {
  StringEquals: equal,
  StringEqualsIgnoreCase: equalAnyCase,
  StringLike: like,
  ArnEquals: like,
  ArnLike: like,
  Bool: equalAnyCase,
  IpAddress: (actual, wanted) => wanted === '0.0.0.0/0' || wanted.split('/')[0] === actual,
  NumericEquals: number((a, b) => a === b),
  NumericLessThan: number((a, b) => a < b),
  NumericLessThanEquals: number((a, b) => a <= b),
  NumericGreaterThan: number((a, b) => a > b),
  NumericGreaterThanEquals: number((a, b) => a >= b),
  DateLessThan: date((a, b) => a < b),
  DateGreaterThan: date((a, b) => a > b),
};
const negated: Readonly<Record<string, Compare>> = {
  StringNotEquals: equal,
  StringNotEqualsIgnoreCase: equalAnyCase,
  StringNotLike: like,
  ArnNotEquals: like,
  ArnNotLike: like,
  NotIpAddress: operators['IpAddress'] as Compare,
  NumericNotEquals: operators['NumericEquals'] as Compare,
};

interface Operator {
  readonly name: string;
  readonly ifExists: boolean;
  readonly quantifier: string | undefined;
}

function readOperator(text: string): Operator {
  const [, quantifier, name, ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(.+?)(IfExists)?$/.exec(text) ?? [];
  return { name: name ?? text, ifExists: ifExists !== undefined, quantifier };
}

export function isConditionOperator(text: string): boolean {
  const { name } = readOperator(text);
  return name === 'Null' || name in operators || name in negated;
}

/** Every operator and every key of the block must hold; several values of one key are alternatives. */
export function conditionHolds(condition: Statement['Condition'], context: PolicyContext): boolean {
  return Object.entries(condition ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => keyHolds(readOperator(operator), { key, wanted, context })),
  );
}

function keyHolds(operator: Operator, test: { readonly key: string; readonly wanted: Json; readonly context: PolicyContext }): boolean {
  const actual = test.context.get(test.key.toLowerCase());
  const wanted = listed(test.wanted as string | readonly string[]).map(String);
  if (operator.name === 'Null') return wanted.includes(String(actual === undefined));
  const isNegated = operator.name in negated;
  if (actual === undefined) return operator.ifExists || isNegated || operator.quantifier === 'ForAllValues';
  const compare = operators[operator.name] ?? negated[operator.name];
  if (compare === undefined) return false;
  const holds = (value: string) => wanted.some((one) => compare(value, one)) !== isNegated;
  return operator.quantifier === 'ForAnyValue' ? actual.some(holds) : actual.every(holds);
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: Json;
  readonly NotPrincipal?: Json;
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
}

/** Condition keys are compared case-insensitively, so build it with `contextOf`. */
export type PolicyContext = ReadonlyMap<string, readonly string[]>;

export function listed<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
