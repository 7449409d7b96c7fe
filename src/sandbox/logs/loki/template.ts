/** The subset of Loki's text templates the sandbox supports: labels, the line's time, `now`, seconds since 1970, and differences. */
import type { StreamLabels } from './streams.ts';

export interface Moment {
  /** The line's own time. */
  readonly ms: number;
  readonly nowMs: number;
}

type Value = string | number;
type Scope = Moment & { readonly labels: StreamLabels; readonly line: string };
type Term = (scope: Scope) => Value;

export class TemplateError extends Error {}

const seconds = (value: Value | undefined): number => Math.floor(Number(value ?? 0) / 1000);

const FUNCTIONS: Readonly<Record<string, (scope: Scope, args: readonly Value[]) => Value>> = {
  now: ({ nowMs }) => nowMs,
  __timestamp__: ({ ms }) => ms,
  __line__: ({ line }) => line,
  unixEpoch: (_, [time]) => String(seconds(time)),
  sub: (_, [first, ...others]) => others.reduce<number>((total, other) => total - Number(other), Number(first)),
  add: (_, numbers) => numbers.reduce<number>((total, one) => total + Number(one), 0),
  lower: (_, [text]) => String(text).toLowerCase(),
  upper: (_, [text]) => String(text).toUpperCase(),
};

/** Throws TemplateError for an invalid template, or one that uses more than the above. */
export function compileTemplate(source: string): (scope: Scope) => string {
  const parts = source.split(/\{\{(.*?)\}\}/);
  const terms = parts.map((part, at): Term => (at % 2 === 0 ? () => part : pipelineOf(part)));
  if (/\{\{|\}\}/.test(parts.filter((_, at) => at % 2 === 0).join(''))) throw new TemplateError(`unclosed action in template: ${source}`);
  return (scope) => terms.map((term) => String(term(scope))).join('');
}

function pipelineOf(text: string): Term {
  const tokens = [...text.matchAll(/\s*("(?:[^"\\]|\\.)*"|[()|]|[^\s()|]+)/g)].map(([, token = '']) => token);
  let at = 0;
  const operand = (): Term => {
    const token = tokens[at++] ?? '';
    if (token === '(') {
      const inner = pipeline();
      if (tokens[at++] !== ')') throw new TemplateError(`unclosed left paren in template: ${text}`);
      return inner;
    }
    if (token.startsWith('"')) return () => JSON.parse(token) as string;
    if (/^-?\d+$/.test(token)) return () => Number(token);
    if (token.startsWith('.')) return ({ labels }) => labels[token.slice(1)] ?? '';
    const call = FUNCTIONS[token];
    if (!call) throw new TemplateError(`function ${JSON.stringify(token)} not defined (the sandbox's Loki knows ${Object.keys(FUNCTIONS).join(', ')})`);
    return (scope) => call(scope, []);
  };
  // A command may take its last argument from the command before it.
  const command = (before: Term | undefined): Term => {
    const call = FUNCTIONS[tokens[at] ?? ''];
    const first = operand();
    const args: Term[] = [];
    while (at < tokens.length && tokens[at] !== '|' && tokens[at] !== ')') args.push(operand());
    if (before) args.push(before);
    return call && args.length > 0
      ? (scope) =>
          call(
            scope,
            args.map((arg) => arg(scope)),
          )
      : first;
  };
  const pipeline = (): Term => {
    let term = command(undefined);
    while (tokens[at] === '|') {
      at += 1;
      term = command(term);
    }
    return term;
  };
  const made = pipeline();
  if (at < tokens.length) throw new TemplateError(`unexpected ${tokens[at]} in template: ${text}`);
  return made;
}
