/** Generated settings and values files that are wrong in one place: the very place is named, and nothing is written anywhere. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { unknownKeys } from '../../src/design/keys.ts';
import { readSettings, settingSpecs } from '../../src/design/settings.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';

const seed = 20_261;

type Known = string | { readonly [key: string]: Known };
interface Recorded {
  readonly version: string;
  readonly keys: Known;
}
const chart = (file: string) => JSON.parse(readFileSync(new URL(`../../src/design/chart-keys/${file}`, import.meta.url), 'utf8')) as Recorded;
const charts = { loki: chart('loki-18.11.0.json'), alloy: chart('alloy-1.11.1.json') } as const;

/** Paths to every map of known keys, the root with it. */
function mapsIn(known: Known, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof known === 'string') return [];
  return [path, ...Object.entries(known).flatMap(([key, below]) => mapsIn(below, [...path, key]))];
}

function keysAt(known: Known, path: readonly string[]): readonly string[] {
  const there = path.reduce<Known | undefined>((at, key) => (typeof at === 'object' ? at[key] : undefined), known);
  return typeof there === 'object' ? Object.keys(there) : [];
}

interface Wrong {
  readonly which: 'loki' | 'alloy';
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A key that the chart does not have, somewhere in its tree. */
const wrongValues: fc.Arbitrary<Wrong> = fc
  .constantFrom('loki' as const, 'alloy' as const)
  .chain((which) => fc.tuple(fc.constant(which), fc.constantFrom(...mapsIn(charts[which].keys)), fc.stringMatching(/^[a-z][a-zA-Z]{2,12}$/)))
  .filter(([which, path, key]) => !keysAt(charts[which].keys, path).includes(key))
  .map(([which, path, key]) => {
    const whole = [...path, key];
    const values = whole.reduceRight<unknown>((inner, part) => ({ [part]: inner }), true) as Readonly<Record<string, unknown>>;
    return { which, path: whole.join('.'), values };
  });

interface WrongSetting {
  readonly key: string;
  readonly file: Readonly<Record<string, unknown>>;
}

/** One setting that its rule refuses, in a file that is right otherwise. The cluster and the output are said by the test itself. */
const wrongSettings: fc.Arbitrary<WrongSetting> = fc
  .tuple(
    fc.constantFrom(...settingSpecs.filter(({ key }) => key !== 'cluster' && key !== 'output')),
    fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.double(),
      fc.array(fc.integer(), { minLength: 1, maxLength: 1 }),
      fc.dictionary(fc.string(), fc.integer(), { minKeys: 1, maxKeys: 1 }),
    ),
  )
  .map(([{ key }, value]) => ({ key, file: { cluster: 'training-on-eks', [key]: value } }))
  .filter(({ file }) => {
    // As it will be read: YAML has no undefined, and no NaN that JSON knows.
    const result = readSettings({ file: JSON.parse(JSON.stringify(file)) as object, fileName: 'x' });
    return result.is === 'invalid';
  });

describe('in the reader', () => {
  it('500 settings files: one message, which names the setting', () => {
    fc.assert(
      fc.property(wrongSettings, ({ key, file }) => {
        const result = readSettings({ file: JSON.parse(JSON.stringify(file)) as object, fileName: 'the-file' });
        if (result.is === 'read') throw new Error('read, but it is wrong');
        expect(result.problems).toHaveLength(1);
        expect(result.problems[0]?.message).toContain(key);
        expect(result.problems[0]?.message).toContain('the-file');
      }),
      { numRuns: 500, seed },
    );
  });

  it('500 values files: the one key that the chart does not know', () => {
    fc.assert(
      fc.property(wrongValues, ({ which, path, values }) => {
        const found = unknownKeys(values, { name: which, version: charts[which].version });
        expect(found.map((one) => one.path)).toEqual([path]);
      }),
      { numRuns: 500, seed },
    );
  });
});

describe('through the program', () => {
  let terminal: Terminal;
  let pristine: string;

  beforeAll(async () => {
    terminal = await openTerminal();
    pristine = terminal.snapshot();
    terminal.writes();
  });
  afterAll(() => terminal.close());

  const refused = (ran: Ran, names: string) => {
    expect(ran.exit, ran.stdout + ran.stderr).toBe(2);
    const { problems } = ran.events.at(-1) as unknown as { readonly problems: readonly { readonly message: string }[] };
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain(names);
    expect(terminal.writes().filter((call) => !/reviews|serviceaccounts\/token|sts:/.test(call))).toEqual([]);
    expect(terminal.snapshot()).toBe(pristine);
  };

  // The sandbox names its charts in the environment, which is heard before a file.
  const unheard = ['lokiChart', 'alloyChart'];
  const heard = wrongSettings.filter(({ key }) => !unheard.includes(key));

  it.each(fc.sample(heard, { numRuns: 10, seed }).map((one, index) => ({ ...one, index })))('settings file: $key', async ({ key, file, index }) => {
    const path = join(terminal.folder, `settings-${index}.yaml`);
    await writeFile(path, JSON.stringify(file));
    refused(await terminal.cli(['install', '--yes', '--output', 'json', '--config', path]), key);
  });

  it.each(fc.sample(wrongValues, { numRuns: 10, seed }).map((one, index) => ({ ...one, index })))(
    'values file: $path',
    async ({ which, path, values, index }) => {
      const file = join(terminal.folder, `values-${index}.yaml`);
      await writeFile(file, stringify(values));
      refused(await terminal.cli(['install', '--yes', '--output', 'json', `--${which}-values`, file]), path);
    },
  );
});
