/** Every pattern of the program, found in its source: literals by the parser, the others as they are made when their file is loaded. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'rolldown/parseAst';

export interface Pattern {
  readonly file: string;
  readonly source: string;
  readonly flags: string;
}

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** Of the program itself: the simulator reads only what tests and the program send it. */
export const sourceFiles: readonly string[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.startsWith('sandbox'))
  .map((name) => join('src', name));

export interface Written {
  readonly literals: readonly Pattern[];
  /** `new RegExp` of a template: with a letter in the place of what only the running program knows. */
  readonly templates: readonly Pattern[];
  /** `new RegExp` of something else. */
  readonly others: number;
}

interface Template {
  readonly type?: string;
  readonly quasi?: Template;
  readonly quasis?: readonly { readonly value: { readonly raw: string; readonly cooked: string } }[];
}

export function patternsIn(file: string): Written {
  const literals: Pattern[] = [];
  const templates: Pattern[] = [];
  let others = 0;
  const made = ([text, flags]: readonly (Template & { readonly value?: unknown })[]): void => {
    const raw = text?.type === 'TaggedTemplateExpression';
    const quasis = raw ? text.quasi?.quasis : text?.quasis;
    if (!quasis) others += 1;
    else {
      const source = quasis.map(({ value }) => (raw ? value.raw : value.cooked)).join('x');
      templates.push({ file, source, flags: typeof flags?.value === 'string' ? flags.value : '' });
    }
  };
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const {
      type,
      regex,
      callee,
      arguments: given,
    } = node as {
      readonly type?: string;
      readonly regex?: { pattern: string; flags: string };
      readonly callee?: { name?: string };
      readonly arguments?: readonly Template[];
    };
    if (type === 'Literal' && regex) literals.push({ file, source: regex.pattern, flags: regex.flags });
    if ((type === 'NewExpression' || type === 'CallExpression') && callee?.name === 'RegExp') made(given ?? []);
    Object.values(node).forEach(visit);
  };
  visit(parseAst(readFileSync(join(src, relative('src', file)), 'utf8'), { lang: 'ts' }));
  return { literals, templates, others };
}

/** Loads the files, and gives what they hand to `RegExp` meanwhile. */
export async function madeWhileLoading(files: readonly string[]): Promise<readonly Pattern[]> {
  const made: Pattern[] = [];
  const Native = globalThis.RegExp;
  globalThis.RegExp = new Proxy(Native, {
    construct(target, args: [string | RegExp, string?]) {
      const pattern = new target(...args);
      const stack = new Error('').stack ?? '';
      const file = files.find((name) => stack.includes(`/${name}`));
      if (file !== undefined) made.push({ file, source: pattern.source, flags: pattern.flags });
      return pattern;
    },
  });
  try {
    for (const file of files) await import(join(src, relative('src', file)));
  } finally {
    globalThis.RegExp = Native;
  }
  return made;
}
