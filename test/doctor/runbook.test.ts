/** The runbook keeps in step with what `doctor` can find: every code, its words, whether it is mended, and every class of failure. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hops } from '../../src/commands/doctor/analyze/evidence.ts';
import { catalogue, doctorCatalogue, type DoctorCode } from '../../src/problems/catalogue.ts';
import { failureClasses, notFound } from '../../src/problems/failure-classes.ts';

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const page = read('docs/no-data.md');
const codes = Object.keys(doctorCatalogue) as DoctorCode[];
const cellsOf = (line: string): readonly string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
const rows = new Map(
  page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => [cellsOf(line)[0]!.replaceAll('`', ''), cellsOf(line)] as const),
);

describe('docs/no-data.md', () => {
  it.each(codes)('%s stands there with its title, its fix and its --fix', (code) => {
    const { title, fix, autofix } = doctorCatalogue[code];
    expect(rows.get(code)).toEqual([`\`${code}\``, title, fix, autofix]);
  });

  it.each(failureClasses)('class %s has its codes, or the reason why it has none', (name) => {
    const wanted = codes.filter((code) => doctorCatalogue[code].covers.includes(name));
    const [, cell = ''] = rows.get(name) ?? [];
    const found = [...cell.matchAll(/`([A-Z]\w+)`/g)].map(([, code]) => code);
    expect(found.toSorted()).toEqual(wanted.toSorted());
    if (wanted.length === 0) expect(cell).toBe(`none: ${notFound[name]}`);
    else expect(notFound[name]).toBeUndefined();
  });

  it('names no code that is not there, and has a section for every hop', () => {
    const named = new Set([...page.matchAll(/`([A-Z]+(?:_[A-Z0-9]+)+)`/g)].map(([, code]) => code!));
    expect([...named].filter((code) => !(code in catalogue))).toEqual([]);
    for (const hop of hops) expect(page).toContain(`\n### ${hop}: `);
  });

  it('holds every code that a check can find', () => {
    const folder = 'src/commands/doctor/analyze/';
    const sources = readdirSync(fileURLToPath(new URL(`../../${folder}`, import.meta.url))).map((name) => read(folder + name));
    const used = new Set(
      [
        ...`${sources.join('\n')}${read('src/design/values-lint.ts')}${read('src/design/values-lint-loki.ts')}${read('src/design/values-lint-alloy.ts')}`.matchAll(
          /'([A-Z]+(?:_[A-Z0-9]+)+)'/g,
        ),
      ].map(([, code]) => code!),
    );
    expect(codes.filter((code) => !used.has(code))).toEqual([]);
    expect([...used].filter((code) => code in catalogue && !(code in doctorCatalogue))).toEqual([]);
  });
});
