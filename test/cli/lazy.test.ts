/** What is loaded before it is needed: the static imports, followed from where a process starts. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', 'src');
const STATIC = /^(?:import|export)\s+(?!type\b)(?:[^'"();]*?\sfrom\s+)?'([^']+)'/gm;

/** Packages and files that are loaded with this file. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(STATIC)) {
    if (target.startsWith('.')) loadedWith(resolve(dirname(file), target), seen);
    else if (!target.startsWith('node:')) seen.add(target);
  }
  return seen;
}
const packages = (file: string) => [...loadedWith(join(root, file))].filter((name) => !name.startsWith('/')).toSorted();

describe('nothing heavy is loaded', () => {
  it('for --version', () => {
    expect(packages('main.ts')).toEqual([]);
  });

  it('for --help, explain, and the complaint about a wrong word', () => {
    for (const file of ['cli/commands.ts', 'cli/run-use-case.ts', 'cli/internal-error.ts']) expect(packages(file)).toEqual([]);
    for (const file of ['cli/program.ts', 'cli/usage.ts']) expect(packages(file)).toEqual(['commander']);
  });

  it('for help and completion of a command that has settings', () => {
    expect(packages('cli/completion.ts')).toEqual(['commander']);
    expect(packages('design/setting-specs.ts')).toEqual([]);
  });

  it('by help: neither renderers nor the rules of settings', () => {
    const files = [
      ...loadedWith(join(root, 'cli/commands.ts')),
      ...loadedWith(join(root, 'cli/program.ts')),
      ...loadedWith(join(root, 'design/setting-specs.ts')),
    ];
    expect(files.filter((file) => /run-use-case|renderer|setting-rules/.test(file))).toEqual([]);
  });

  it('by the walk, which does see what is imported', () => {
    expect(packages('ui/tree.ts')).toEqual(['listr2']);
  });
});
