/** Answers that are none: pages, empty bodies, JSON of other APIs, and objects with gaps, nulls and other types. Each is named; none is a defect. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { standBetween, type Rule, type Treatment } from './between.ts';
import { everyRow } from './tally.ts';

const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));
let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal();
  const installed = await terminal.cli(['install', '--yes', '--cluster', 'training-on-eks', '--no-verify', '--output', 'json']);
  expect(installed.exit).toBe(0);
}, 240_000);
afterAll(() => terminal?.close());

interface Ended {
  readonly exit: number | null;
  readonly text: string;
  readonly met: boolean;
}

async function run(words: readonly string[], rules: readonly Rule[]): Promise<Ended> {
  const between = await standBetween(terminal);
  between.rules = rules;
  try {
    const child = spawn(process.execPath, [script, ...words, '--cluster', 'training-on-eks', '--output', 'plain'], {
      env: { ...terminal.env, ...between.env },
      cwd: terminal.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const timer = setTimeout(() => child.kill('SIGKILL'), 150_000);
    const exit = await new Promise<number | null>((done) => child.on('close', done));
    clearTimeout(timer);
    return { exit, text, met: between.asked.some(({ treated }) => treated) };
  } finally {
    await between.close();
  }
}

/** Three at a time. */
function lanes<T>(rows: readonly (readonly [string, () => Promise<T>])[]): readonly (readonly [string, () => Promise<T>])[] {
  const ends: Promise<unknown>[] = [];
  return rows.map(([name, begin], index) => {
    const work = (ends[index - 3] ?? Promise.resolve()).then(begin);
    ends.push(work.catch(() => undefined));
    work.catch(() => undefined);
    return [name, () => work] as const;
  });
}

const noDefect = ({ exit, text }: Ended) => {
  expect(text).not.toMatch(/INTERNAL_ERROR|TypeError|RangeError|\n\s+at /);
  expect([0, 3, 6]).toContain(exit);
};

const none: Readonly<Record<string, Treatment>> = {
  'a page': { body: '<!DOCTYPE html><html><body>Please log in</body></html>', type: 'text/html' },
  nothing: { body: '' },
  'a null': { body: 'null' },
  'a map of nothing': { body: '{}' },
  'a list': { body: '[]' },
  'JSON of another API': { body: '{"error":{"code":7,"message":"no such route"},"items":"none"}' },
  'a redirect': { status: 302, body: '', headers: { location: 'http://127.0.0.1:9/login' } },
  'an error that is a page': { status: 503, body: '<html><h1>503</h1></html>', type: 'text/html' },
};

describe('answers of the Kubernetes API that are none', () => {
  it('are named in status and plan, and doctor goes on', { timeout: 900_000 }, (context) =>
    everyRow(
      context,
      lanes(
        Object.entries(none).flatMap(([name, treat]) =>
          (['status', 'plan', 'doctor'] as const).map(
            (command) => [`${command}: ${name}`, () => run([command], [{ match: /^kube:GET \/(api|apis)\/.*(namespaces|nodes|pods)/, treat }])] as const,
          ),
        ),
      ),
      async (ended) => {
        const of = await ended();
        expect(of.met).toBe(true);
        noDefect(of);
        if (!/doctor/.test(of.text.slice(0, 60))) expect(of.text).toMatch(/\[KUBE_(ANSWER_UNREADABLE|SERVER_ERROR)\]/);
      },
    ),
  );

  it('are named when they answer every question', { timeout: 600_000 }, (context) =>
    everyRow(
      context,
      lanes(Object.entries(none).map(([name, treat]) => [name, () => run(['status'], [{ match: /^kube:/, treat }])] as const)),
      async (ended) => {
        const of = await ended();
        noDefect(of);
        expect(of.exit).toBe(3);
        expect(of.text).toMatch(/\[KUBE_(ANSWER_UNREADABLE|SERVER_ERROR)\]/);
      },
    ),
  );
});

describe('answers of AWS that are none', () => {
  const services = { sts: /^sts:GetCallerIdentity/, eks: /^eks:GET \/clusters\/[^/]+$/, iam: /^iam:GetRole$/, s3: /^s3:GET .*\?(lifecycle|tagging|policy)/ };
  it('are named in plan', { timeout: 900_000 }, (context) =>
    everyRow(
      context,
      lanes(
        Object.entries(services).flatMap(([service, match]) =>
          Object.entries(none).map(([name, treat]) => [`${service}: ${name}`, () => run(['plan'], [{ match, treat }])] as const),
        ),
      ),
      async (ended) => {
        const of = await ended();
        expect(of.met).toBe(true);
        noDefect(of);
        expect(of.exit).toBe(3);
        expect(of.text).toMatch(/\[AWS_(ANSWER_UNREADABLE|UNAVAILABLE)\]/);
      },
    ),
  );
});

describe('objects of Kubernetes with gaps, nulls and other types', () => {
  const seeds = Array.from({ length: 8 }, (_, seed) => seed + 1);
  it('are read or named', { timeout: 1_200_000 }, (context) =>
    everyRow(
      context,
      lanes(
        seeds.flatMap((seed) =>
          (['status', 'plan', 'doctor'] as const).map(
            (command) =>
              [`${command}, seed ${seed}`, () => run([command], [{ match: /^kube:GET/, treat: mutating(seed, { gentle: seed % 2 === 0 }) }])] as const,
          ),
        ),
      ),
      async (ended) => noDefect(await ended()),
    ),
  );
});

/** Changes about one field in fifty. Gentle: only what Kubernetes may leave out, and lists that are null. */
function mutating(seed: number, { gentle }: { readonly gentle: boolean }): (json: any) => unknown {
  let state = seed;
  const chance = (): number => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) / 0x7fffffff;
  const weird = [null, undefined, 0, -1, '', [], {}, 'x'.repeat(50), true, 1e21, ['a'], { a: null }, '\u0000', 'NaN'];
  const kept = new Set([
    'metadata',
    'name',
    'namespace',
    'kind',
    'apiVersion',
    'uid',
    'items',
    'spec',
    'status',
    'template',
    'containers',
    'resourceVersion',
    'data',
    'rows',
    'columnDefinitions',
    'cells',
    'groupVersion',
    'resources',
    'gitVersion',
  ]);
  const change = (value: any, depth: number): any => {
    if (Array.isArray(value)) return value.map((one) => change(one, depth + 1));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, one]) => {
        if (depth < 2 && ['kind', 'apiVersion', 'resourceVersion', 'continue'].includes(key)) return [[key, one]];
        if (chance() > 0.02 || (gentle && kept.has(key))) return [[key, change(one, depth + 1)]];
        if (gentle) return Array.isArray(one) && chance() < 0.5 ? [[key, null]] : [];
        return [[key, weird[Math.floor(chance() * weird.length)]]];
      }),
    );
  };
  return (json) => change(json, 0);
}
