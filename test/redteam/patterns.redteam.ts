/** Every pattern of the program takes time in proportion to the text, however the text was made to trouble it. */
import { afterAll, describe, expect, it } from 'vitest';
import { madeWhileLoading, patternsIn, sourceFiles, type Pattern } from './patterns.ts';
import { everyRow } from './tally.ts';
import { timer } from './timing.ts';

/** Not linear, but never given more than a few hundred characters: why. */
const BOUNDED: Readonly<Record<string, string>> = {};

describe('patterns on hostile text of 100 kB', () => {
  const time = timer();
  afterAll(() => time.close());

  it('each is linear', { timeout: 600_000 }, async (context) => {
    const patterns = new Map<string, Pattern>();
    const add = (all: readonly Pattern[]) => {
      for (const pattern of all) patterns.set(`/${pattern.source}/${pattern.flags}`, pattern);
    };
    const makers: { readonly file: string; readonly others: number }[] = [];
    for (const file of sourceFiles) {
      const { literals, templates, others } = patternsIn(file);
      add([...literals, ...templates]);
      if (templates.length + others > 0) makers.push({ file, others });
    }
    const made = await madeWhileLoading(makers.map(({ file }) => file));
    add(made);
    for (const { file, others } of makers)
      if (others > 0) expect(made.filter((one) => one.file === file).length, `${file} makes patterns that are no templates while it runs`).toBeGreaterThan(0);
    expect(patterns.size).toBeGreaterThan(300);
    const stale = Object.keys(BOUNDED).filter((source) => ![...patterns.values()].some((pattern) => pattern.source === source));
    expect(stale, 'no pattern of the program').toEqual([]);
    await everyRow(
      context,
      [...patterns].filter(([, { source }]) => !(source in BOUNDED)).map(([name, pattern]) => [`${pattern.file} ${name}`, pattern] as const),
      async (pattern) => {
        const { slow } = await time.time(pattern);
        if (slow !== undefined) throw new Error(slow);
      },
    );
  });

  it.each([
    ['(a+)+$', ''],
    ['\\s*\\n\\s*', 'g'],
    ['token[\\w.-]*=', 'gi'],
    ['^\\s*#', 'm'],
    ['<[^>]*>', ''],
    ['(\\w+:\\/\\/)[^\\s/@"]+@', 'g'],
  ])('and one that is not would be found: %s', async (source, flags) => {
    expect((await time.time({ source, flags })).slow).toBeDefined();
  });
});
