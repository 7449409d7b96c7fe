/** Who may import whom: one table for packages and folders, read against every file of the source. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** A package, and the only folders that load it. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/': ['adapters/aws'],
  '@smithy/': ['adapters/aws'],
  '@kubernetes/client-node': ['adapters/kube'],
  execa: ['adapters/helm', 'adapters/child.ts', 'sandbox'],
  listr2: ['ui'],
  '@inquirer/': ['adapters/system'],
  commander: ['cli'],
};

/** A folder, and the folders it may import besides itself. The longest row that fits a file counts. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['adapters', 'cli', 'commands', 'deps.ts', 'ports', 'problems', 'sandbox'],
  'deps.ts': ['design', 'engine', 'ports', 'steps'],
  'context.ts': ['design', 'ports', 'steps'],
  engine: [],
  problems: ['engine'],
  ports: ['engine'],
  design: ['engine', 'ports', 'problems'],
  steps: ['context.ts', 'design', 'engine', 'ports', 'problems'],
  checks: ['context.ts', 'design', 'engine', 'ports', 'problems', 'steps'],
  commands: ['checks', 'context.ts', 'deps.ts', 'design', 'engine', 'ports', 'problems', 'steps'],
  ui: ['engine', 'problems'],
  cli: ['commands', 'deps.ts', 'design', 'engine', 'ports', 'problems', 'sandbox', 'ui'],
  'adapters/child.ts': ['adapters/children.ts'],
  'adapters/children.ts': [],
  'adapters/exchanges.ts': [],
  'adapters/aws': ['adapters/exchanges.ts', 'engine', 'ports', 'problems'],
  'adapters/kube': ['adapters/child.ts', 'adapters/exchanges.ts', 'adapters/system/regular.ts', 'ports', 'problems'],
  'adapters/helm': ['adapters/child.ts', 'adapters/disk/folder.ts', 'adapters/system/regular.ts', 'design', 'engine', 'ports', 'problems'],
  'adapters/loki': ['ports', 'problems'],
  'adapters/grafana': ['adapters/aws/proxy.ts', 'adapters/exchanges.ts', 'engine', 'ports', 'problems'],
  'adapters/disk': ['adapters/system/regular.ts', 'engine', 'ports', 'problems'],
  'adapters/system': ['ports', 'problems'],
  sandbox: ['engine', 'ports', 'problems'],
};

const src = fileURLToPath(new URL('../../src', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));

interface Import {
  readonly from: string;
  readonly to: string;
  /** Types alone, which are gone when the program runs. */
  readonly typeOnly: boolean;
  readonly lazy: boolean;
}

const IMPORT = /^(?:import|export) (type )?(?:[^'";]*? from )?'([^']+)';/gm;
const LAZY = /(typeof )?import\('([^']+)'\)/g;

const imports: readonly Import[] = files.flatMap((file) => {
  const text = readFileSync(join(src, file), 'utf8');
  const target = (name: string): string => (name.startsWith('.') ? relative(src, join(src, dirname(file), name)) : name);
  const found = (pattern: RegExp, lazy: boolean): readonly Import[] =>
    [...text.matchAll(pattern)].map(([, type, name = '']) => ({ from: file, to: target(name), typeOnly: type !== undefined, lazy }));
  return [...found(IMPORT, false), ...found(LAZY, true)];
});

const within = (file: string, folder: string): boolean => file === folder || file.startsWith(folder.endsWith('.ts') ? folder : `${folder}/`);
const rowOf = (file: string): string | undefined =>
  Object.keys(FOLDERS)
    .filter((folder) => within(file, folder))
    .toSorted((a, b) => b.length - a.length)[0];

it('reads the imports of every file', () => {
  expect(files.length).toBeGreaterThan(300);
  expect(imports.length).toBeGreaterThan(files.length * 2);
  expect(files.filter((file) => rowOf(file) === undefined)).toEqual([]);
});

it('a package is loaded where the table says', () => {
  const astray = imports.filter(({ from, to }) => {
    const row = Object.entries(PACKAGES).find(([name]) => to === name || to.startsWith(name.endsWith('/') ? name : `${name}/`));
    return row !== undefined && !row[1].some((folder) => within(from, folder));
  });
  expect(astray.map(({ from, to }) => `${from} loads ${to}`)).toEqual([]);
});

it('a folder imports what the table says', () => {
  const astray = imports.filter(({ from, to }) => {
    const row = rowOf(from) ?? '';
    return to.endsWith('.ts') && !to.startsWith('..') && !within(to, row) && !(FOLDERS[row] ?? []).some((folder) => within(to, folder));
  });
  expect(astray.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
});

it('no row of the table is idle', () => {
  const used = (row: string, folder: string): boolean => imports.some(({ from, to }) => rowOf(from) === row && within(to, folder));
  const idle = Object.entries(FOLDERS).flatMap(([row, folders]) => folders.filter((folder) => !used(row, folder)).map((folder) => `${row} -> ${folder}`));
  expect(idle).toEqual([]);
});

it('files import each other in no circle', () => {
  const edges = new Map(files.map((file) => [file, imports.filter(({ from, lazy }) => from === file && !lazy).map(({ to }) => to)]));
  expect(circles(edges)).toEqual([]);
});

/** Files that lead back to themselves, together (Tarjan). */
function circles(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const [index, low] = [new Map<string, number>(), new Map<string, number>()];
  const [stack, found]: [string[], string[][]] = [[], []];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const next of edges.get(file) ?? []) {
      if (!edges.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) found.push(circle.toSorted());
  };
  for (const file of edges.keys()) if (!index.has(file)) visit(file);
  return found;
}
