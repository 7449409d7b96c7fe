/** Every pattern of the program takes time in proportion to the text, however the text was made to trouble it. */
import { afterAll, describe, expect, it } from 'vitest';
import { literalsIn, madeWhileLoading, sourceFiles, type Pattern } from './patterns.ts';
import { everyRow } from './tally.ts';
import { timer } from './timing.ts';

/** Made while the program runs, of what only it knows then; each is what the file makes of it for such a value. */
const MADE_LATER: Readonly<Record<string, readonly RegExp[]>> = {
  'src/ui/verify-report.ts': [/ (on|for|printed on) node ip-10-0-1-2\.ec2\.internal/],
  'src/app/doctor/survey-collectors.ts': [/^loki_source_file_files_active_total/m],
  'src/app/verify/probe-lines.ts': [/loki-eks verify abc123\/(\d+)/],
  'src/steps/flush.ts': [/^loki_ingester_memory_chunks(?:\{[^}\n]*\})? ([^\s]+)/gm],
  'src/steps/way.ts': [/^storage-loki-ingester-\d+$/],
  'src/checks/doctor/answers.ts': [/^\s*502\b/],
  'src/checks/doctor/aws-answers.ts': [/^(?=[\s\S]*(?:operation error S3|failed to flush))(?=[\s\S]*(?:connection refused|dial tcp))/i],
  'src/checks/doctor/aws-trust.ts': [/^system:serviceaccount:.*:loki$/],
};

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
    const makers: string[] = [];
    for (const file of sourceFiles) {
      const { literals, makes } = literalsIn(file);
      add(literals);
      if (makes) makers.push(file);
    }
    const made = await madeWhileLoading(makers);
    add(made);
    for (const file of makers) {
      const later = (MADE_LATER[file] ?? []).map(({ source, flags }) => ({ file, source, flags }));
      expect(later.length + made.filter((one) => one.file === file).length, `${file} makes patterns while it runs: give one in MADE_LATER`).toBeGreaterThan(0);
      add(later);
    }
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
