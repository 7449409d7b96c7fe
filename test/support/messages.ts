/** The texts of problems that are built in the source, with their data left out. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'rolldown/parseAst';

const NAMES = new Set(['message', 'fix', 'why', 'how']);
const CALLS = new Set(['blocked', 'broken', 'fail', 'lostTo', 'refuse', 'said', 'say', 'unfit', 'warn']);

/** Of every property, constant and call of these names below these folders of `src`: where it is, and what it says. */
export const messagesIn = (folders: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(folders.flatMap((folder) => sourcesIn(`src/${folder}/`).flatMap(textsOf)));

const root = new URL('../../', import.meta.url);

const sourcesIn = (folder: string): readonly string[] =>
  readdirSync(fileURLToPath(new URL(folder, root)), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => folder + name);

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node)['type'] === 'string';
const childrenOf = (node: Node): readonly Node[] => Object.values(node).flat().filter(isNode);

function textsOf(path: string): readonly (readonly [string, string])[] {
  const source = readFileSync(new URL(path, root), 'utf8');
  const visit = (node: Node): readonly (readonly [string, string])[] => {
    const texts = namedValues(node)
      .flatMap(literalsIn)
      .map((text) => [`${path}: ${text.slice(0, 60)}`, text] as const);
    return [...texts, ...childrenOf(node).flatMap(visit)];
  };
  return visit(parseAst(source, { lang: 'ts' }) as unknown as Node);
}

function namedValues(node: Node): readonly Node[] {
  const [names, name, ...values] =
    node['type'] === 'Property'
      ? [NAMES, node['key'], node['value']]
      : node['type'] === 'VariableDeclarator'
        ? [NAMES, node['id'], node['init']]
        : node['type'] === 'CallExpression'
          ? [CALLS, node['callee'], ...(node['arguments'] as readonly unknown[])]
          : [];
  return isNode(name) && names?.has(String(name['name'])) ? values.filter(isNode) : [];
}

function literalsIn(node: Node): readonly string[] {
  if (node['type'] === 'Literal') return typeof node['value'] === 'string' ? [node['value']] : [];
  if (node['type'] !== 'TemplateLiteral') return childrenOf(node).flatMap(literalsIn);
  const quasis = node['quasis'] as readonly { readonly value: { readonly cooked: string } }[];
  return [quasis.map(({ value }) => value.cooked).join('…'), ...(node['expressions'] as readonly Node[]).flatMap(literalsIn)];
}
