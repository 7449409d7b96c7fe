/** What the product relies on in Loki, Alloy, nginx, memcached and the AWS SDK inside Loki, read from the product's own sources. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

export type UseKind = 'path' | 'header' | 'metric' | 'text';

export interface Use {
  readonly kind: UseKind;
  /** The path, the header or metric in its own spelling, or one branch of a pattern. */
  readonly name: string;
  readonly file: string;
}

/** A piece of the syntax tree, as rolldown gives it. */
interface Syntax {
  readonly type: string;
  readonly [field: string]: unknown;
}

const isSyntax = (value: unknown): value is Syntax => typeof value === 'object' && value !== null && 'type' in value;
const child = (node: Syntax, field: string): Syntax | undefined => (isSyntax(node[field]) ? (node[field] as Syntax) : undefined);
const children = (node: Syntax, field: string): readonly Syntax[] => ((node[field] as readonly unknown[] | undefined) ?? []).filter(isSyntax);

function* walk(value: unknown): Generator<Syntax> {
  if (Array.isArray(value)) for (const one of value) yield* walk(one);
  else if (isSyntax(value)) {
    yield value;
    for (const field of Object.keys(value)) yield* walk(value[field]);
  }
}

/** The sandbox is held to the table itself; what the command line, the reports and the other adapters say is said by us. */
const LOOKED_AT = /^(checks|commands|steps|design)\/|^adapters\/loki\//;
/** Log lines and answers are judged here; what a bundle keeps back is our own rule, and schedulers and admission are Kubernetes'. */
const JUDGES = /^(?:commands\/doctor|commands\/verify|adapters\/loki)\/(?!bundle|analyze\/scheduling|analyze\/coverage|collect\/gateway|collect\/objects)/;

const METRIC = /\b(?:loki|alloy|agent|promtail|cortex|nginx|memcached|memberlist)_[a-z0-9]+(?:_[a-z0-9]+)+\b(?!_)/g;
const PATH =
  /(?:^|[^\w.\-/]|\/proxy)(\/(?:loki\/api\/v\d(?:\/[\w-]+)+|api\/(?:prom|v\d\/web)(?:\/[\w-]+)+|otlp(?:\/\w+)+|prometheus(?:\/\w+)+|-\/\w+|(?:ingester|distributor|compactor|scheduler|indexgateway|ruler)\/\w+|ring|flush|metrics|ready|memberlist|services))(?=[?\s"'`:,)]|$)/g;
const FIXED_HEADER = /^x-(?!amz|k8s)[a-z-]+$/i;
/** Who hands a pattern to the lines of pods; the pattern is the second word. */
const MATCHERS = new Set(['said', 'saying', 'refusedWith']);
/** Names that lines and answers go by where a pattern is held against them. */
const SUBJECTS = new Set(['line', 'lines', 'body', 'words', 'refusal', 'heard']);
/** Two words with a blank between them are somebody's sentence, whatever they are held against. */
const SENTENCE = /[A-Za-z]{2,}(?: |\\s\+?)[A-Za-z]{2,}/;

export function usesIn(root: string): readonly Use[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  const looked = names.filter((name) => LOOKED_AT.test(name) && name.endsWith('.ts') && !name.endsWith('.test.ts'));
  return looked.toSorted().flatMap((name) => usesOf(name, readFileSync(join(root, name), 'utf8')));
}

/** `file` is relative to `src`. */
export function usesOf(file: string, code: string): readonly Use[] {
  const tree = parseAst(code, { lang: 'ts' }) as unknown as Syntax;
  const nodes = [...walk(tree)];
  const found = [...literalsIn(nodes), ...requestsIn(nodes), ...headersIn(nodes), ...(JUDGES.test(file) ? textsIn(nodes) : [])];
  const unique = new Map(found.map((use) => [`${use.kind} ${use.name}`, use]));
  return [...unique.values()].map((use) => ({ ...use, file }));
}

type Found = Omit<Use, 'file'>;

function literalsIn(nodes: readonly Syntax[]): readonly Found[] {
  return nodes.flatMap((node) => {
    const text = literal(node);
    if (text === undefined) return [];
    return [
      ...[...text.matchAll(METRIC)].map(([name]): Found => ({ kind: 'metric', name })),
      ...[...text.matchAll(PATH)].map(([, name = '']): Found => ({ kind: 'path', name })),
      ...(FIXED_HEADER.test(text) ? [{ kind: 'header', name: text.toLowerCase() } as const] : []),
    ];
  });
}

/** A string, a piece of a template, or a pattern's source. */
function literal(node: Syntax): string | undefined {
  if (node.type === 'TemplateElement') return (node['value'] as { readonly cooked?: string }).cooked ?? '';
  if (node.type !== 'Literal') return undefined;
  const pattern = (node['regex'] as { readonly pattern: string } | undefined | null)?.pattern;
  if (pattern !== undefined) return pattern.replaceAll('\\/', '/');
  return typeof node['value'] === 'string' ? node['value'] : undefined;
}

const keyOf = (property: Syntax): string => String(child(property, 'key')?.['name'] ?? child(property, 'key')?.['value'] ?? '');

/** `{ method, path }` is a request, wherever it leads. */
function requestsIn(nodes: readonly Syntax[]): readonly Found[] {
  return nodes.flatMap((node) => {
    if (node.type !== 'ObjectExpression') return [];
    const properties = children(node, 'properties');
    if (!properties.some((property) => keyOf(property) === 'method')) return [];
    const path = properties.find((property) => keyOf(property) === 'path');
    const value = path && child(path, 'value');
    const text = value === undefined ? undefined : value.type === 'TemplateLiteral' ? literal(children(value, 'quasis')[0] as Syntax) : literal(value);
    return text?.startsWith('/') ? [{ kind: 'path', name: text.replace(/\?.*$/, '') } as const] : [];
  });
}

/** Keys of an object that is called headers, and what is read from one. */
function headersIn(nodes: readonly Syntax[]): readonly Found[] {
  return nodes.flatMap((node) => {
    const named = node.type === 'Property' ? keyOf(node) : node.type === 'VariableDeclarator' ? String(child(node, 'id')?.['name'] ?? '') : undefined;
    const value = named === 'headers' ? child(node, node.type === 'Property' ? 'value' : 'init') : undefined;
    if (value?.type === 'ObjectExpression')
      return children(value, 'properties').flatMap((property): readonly Found[] =>
        property.type === 'Property' && property['computed'] !== true ? [{ kind: 'header', name: keyOf(property).toLowerCase() }] : [],
      );
    const object = node.type === 'MemberExpression' ? child(node, 'object') : undefined;
    const last = object?.['name'] ?? (object && child(object, 'property')?.['name']);
    const read = last === 'headers' && node['computed'] === true ? literal(child(node, 'property') as Syntax) : undefined;
    return read === undefined ? [] : [{ kind: 'header', name: read.toLowerCase() } as const];
  });
}

/** Every branch of every pattern that is held against lines and answers, or that looks like a sentence. */
function textsIn(nodes: readonly Syntax[]): readonly Found[] {
  const patterns = new Set<Syntax>();
  const constants = new Map(
    nodes.flatMap((node) =>
      node.type === 'VariableDeclarator' && child(node, 'init') ? [[String(child(node, 'id')?.['name'] ?? ''), child(node, 'init') as Syntax]] : [],
    ),
  );
  const take = (value: unknown, depth = 0): void => {
    for (const node of walk(value)) {
      if (regexOf(node) !== undefined) patterns.add(node);
      const constant = node.type === 'Identifier' ? constants.get(String(node['name'])) : undefined;
      if (constant !== undefined && depth < 3 && constant.type !== 'ArrowFunctionExpression') take(constant, depth + 1);
    }
  };
  for (const node of nodes) {
    if (regexOf(node) !== undefined && SENTENCE.test(regexOf(node)?.pattern ?? '')) patterns.add(node);
    if (node.type !== 'CallExpression') continue;
    const callee = child(node, 'callee');
    const [first, second] = children(node, 'arguments');
    if (MATCHERS.has(String(callee?.['name'] ?? ''))) take(second);
    const method = callee?.type === 'MemberExpression' ? String(child(callee, 'property')?.['name'] ?? '') : '';
    if (['test', 'exec'].includes(method) && first !== undefined && isSubject(first)) take(child(callee as Syntax, 'object'));
    if (['match', 'matchAll', 'search'].includes(method) && isSubject(child(callee as Syntax, 'object'))) take(first);
  }
  return [...patterns].flatMap((node) => {
    const { pattern, flags } = regexOf(node) as { readonly pattern: string; readonly flags: string };
    return branchesOf(pattern).map((branch): Found => ({ kind: 'text', name: `/${branch}/${flags.replace(/[gy]/g, '')}` }));
  });
}

function regexOf(node: Syntax): { readonly pattern: string; readonly flags: string } | undefined {
  return node.type === 'Literal' ? ((node['regex'] as { readonly pattern: string; readonly flags: string } | undefined | null) ?? undefined) : undefined;
}

function isSubject(node: Syntax | undefined): boolean {
  if (node === undefined) return false;
  if (node.type === 'Identifier') return SUBJECTS.has(String(node['name']));
  if (node.type === 'MemberExpression') return SUBJECTS.has(String(child(node, 'property')?.['name'] ?? ''));
  return node.type === 'LogicalExpression' ? isSubject(child(node, 'left')) : false;
}

/**
 * A pattern with one choice made: `a (b|c)|d` is `a (b)`, `a (c)` and `d`. Of several groups one is chosen from at a time, the others
 * stay whole, so that a list of ten words and one of five are fifteen branches and not fifty.
 */
export function branchesOf(pattern: string): readonly string[] {
  return choices(pattern).flatMap((choice) => {
    const groups = groupsOf(choice).filter(({ from, to }) => branchesOf(choice.slice(from, to)).length > 1);
    if (groups.length === 0) return [choice];
    return groups.flatMap(({ from, to }) => branchesOf(choice.slice(from, to)).map((one) => `${choice.slice(0, from)}${one}${choice.slice(to)}`));
  });
}

/** The top-level alternatives. */
function choices(pattern: string): readonly string[] {
  const cuts = [...marks(pattern)].filter(({ sign, depth }) => sign === '|' && depth === 0).map(({ at }) => at);
  return [-1, ...cuts].map((cut, index) => pattern.slice(cut + 1, [...cuts, pattern.length][index]));
}

/** The insides of the outermost groups that have to match: not lookarounds, not optional ones. */
function groupsOf(pattern: string): readonly { readonly from: number; readonly to: number }[] {
  const all = [...marks(pattern)];
  return all.flatMap(({ sign, depth, at }, index) => {
    if (sign !== '(' || depth !== 0) return [];
    const end = all.slice(index).find((one) => one.sign === ')' && one.depth === 0)?.at ?? pattern.length;
    const head = /^\((\?:|\?<\w+>)?/.exec(pattern.slice(at))?.[0].length ?? 1;
    const loose = /^\(\?(?:[=!]|<[=!])/.test(pattern.slice(at)) || /^[?*]/.test(pattern.slice(end + 1));
    return loose ? [] : [{ from: at + head, to: end }];
  });
}

function* marks(pattern: string): Generator<{ readonly sign: string; readonly depth: number; readonly at: number }> {
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const sign = pattern[at] as string;
    if (sign === '\\') at += 1;
    else if (inClass) inClass = sign !== ']';
    else if (sign === '[') inClass = true;
    else if (sign === '(') yield { sign, depth: depth++, at };
    else if (sign === ')') yield { sign, depth: --depth, at };
    else if (sign === '|') yield { sign, depth, at };
  }
}
