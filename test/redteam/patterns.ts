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

export function literalsIn(file: string): { readonly literals: readonly Pattern[]; /** `new RegExp` stands there. */ readonly makes: boolean } {
  const literals: Pattern[] = [];
  let makes = false;
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const { type, regex, callee } = node as {
      readonly type?: string;
      readonly regex?: { pattern: string; flags: string };
      readonly callee?: { name?: string };
    };
    if (type === 'Literal' && regex) literals.push({ file, source: regex.pattern, flags: regex.flags });
    if ((type === 'NewExpression' || type === 'CallExpression') && callee?.name === 'RegExp') makes = true;
    Object.values(node).forEach(visit);
  };
  visit(parseAst(readFileSync(join(src, relative('src', file)), 'utf8'), { lang: 'ts' }));
  return { literals, makes };
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
