/** The recorded table against the real programs: rows that a run has given are asked for again. RECORD=1 writes what they say now. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PathRow, table } from '../contracts/recorded/table.ts';
import { type Answered, type Harness, openHarness, seconds } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness({ nodes: 2 });
  const { exit, stdout, stderr } = await harness.cli('install', '--yes', '--output', 'plain');
  expect(exit, stdout + stderr).toBe(0);
  await seconds(20);
});
afterAll(() => harness?.close());

const isRun = ({ how, of }: { readonly how: string; readonly of: string }): boolean => how === 'run' && /^(loki|alloy|nginx) \d/.test(of);

/** Puts what is learnt over the rows of a file of the table. */
function record<T extends object>(file: 'texts' | 'paths' | 'metrics', rows: readonly T[], learnt: (row: T) => Partial<T>): void {
  if (process.env['RECORD'] !== '1') return;
  const text = JSON.stringify(
    rows.map((row) => ({ ...row, ...learnt(row) })),
    undefined,
    2,
  );
  writeFileSync(new URL(`../contracts/recorded/${file}.json`, import.meta.url), `${text}\n`);
}

async function answerTo({ name, method, part, login, query, headersSent = {} }: PathRow): Promise<Answered> {
  const path = query === undefined ? name : `${name}?${new URLSearchParams(query)}`;
  const asked = { method, headers: headersSent };
  return part === 'gateway' ? harness.gateway(path, { ...asked, login: login === true }) : harness.ask(part, path, asked);
}

const field = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], value);

function differences(row: PathRow, { status, headers, body }: Answered): readonly string[] {
  const wrong = (is: boolean, text: string): readonly string[] => (is ? [] : [text]);
  const json = (): unknown => JSON.parse(body);
  return [
    ...wrong(status === row.status, `status ${status}, recorded ${row.status}: ${body.slice(0, 120)}`),
    ...wrong(row.type === undefined || (headers['content-type'] ?? '').startsWith(row.type), `content-type ${headers['content-type']}, recorded ${row.type}`),
    ...Object.entries(row.headers ?? {}).flatMap(([name, value]) => wrong(headers[name] === value, `${name}: ${headers[name]}, recorded ${value}`)),
    ...wrong(row.body === undefined || body.includes(row.body), `${JSON.stringify(body.slice(0, 120))} does not hold ${JSON.stringify(row.body)}`),
    ...(row.fields ?? []).flatMap((path) => wrong(field(json(), path) !== undefined, `no ${path} in ${body.slice(0, 120)}`)),
  ];
}

const answers = new Map<PathRow, Answered>();

it.each(table.paths.filter(isRun))('$method $name of $part, HTTP $status', async (row) => {
  const answer = await answerTo(row);
  answers.set(row, answer);
  expect(differences(row, answer)).toEqual([]);
});

it('what was answered can be recorded', () => {
  expect(answers.size).toBe(table.paths.filter(isRun).length);
  record('paths', table.paths, (row) => {
    const answer = answers.get(row);
    return answer === undefined
      ? {}
      : { status: answer.status, ...(row.type !== undefined && { type: (answer.headers['content-type'] ?? '').replace(/;.*$/, '') }) };
  });
});

it('metrics have the recorded names and labels', async ({ task }) => {
  const wanted = table.metrics.filter(isRun);
  const parts = [...new Set(wanted.map(({ part }) => part))];
  const texts = new Map(await Promise.all(parts.map(async (part) => [part, (await harness.ask(part, '/metrics')).body] as const)));
  const found = wanted.map((row) => {
    const line = new RegExp(`^${row.name}(\\{.*?\\})? \\S+$`, 'm').exec(texts.get(row.part) ?? '')?.[0];
    const labels = [...(line ?? '').matchAll(/(\w+)="/g)].map(([, name]) => name);
    const missing = (row.labels ?? []).filter((label) => !labels.includes(label));
    return { row, line, labels, missing };
  });
  record('metrics', table.metrics, (row) => {
    const labels = found.find((one) => one.row === row && one.line !== undefined && one.missing.length > 0)?.labels;
    return labels === undefined ? {} : { labels: labels.flatMap((label) => label ?? []) };
  });
  Object.assign(task.meta, { rows: [`recorded metrics: ${wanted.length} asked for, ${found.filter(({ line }) => line !== undefined).length} seen`] });
  expect(found.filter(({ row, line }) => line === undefined && row.when === undefined).map(({ row }) => row.name)).toEqual([]);
  expect(
    found.filter(({ line, missing }) => line !== undefined && missing.length > 0).map(({ row, line }) => `${row.name} ${row.labels?.join()}: ${line}`),
  ).toEqual([]);
});

/** A line without what is of its run: times, numbers, names of pods. */
const shape = (line: string): string =>
  line
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T')
    .replaceAll(/\[\d\d\/\w{3}\/\d{4}:[\d: +]+\]/g, '[T]')
    .replaceAll(/\b(trace_id|component_path|node_id|pod|addr|duration|path)=\S+ ?/g, '')
    .replaceAll(/[0-9a-f]*\d[0-9a-fµ.]*m?s?\b/g, '0')
    .trim();

it('texts of a start are as recorded', async ({ task }) => {
  const pods = [...(await harness.pods('loki')), ...(await harness.pods('alloy'))];
  const logs = await Promise.all(
    pods.map(({ metadata }) => harness.kubectl('-n', metadata.namespace, 'logs', metadata.name, '--all-containers', '--tail', '2000')),
  );
  const lines = logs.flatMap((text) => text.split('\n')).filter(Boolean);
  const shapes = new Set(lines.map(shape));
  const rows = table.texts.filter((row) => isRun(row) && row.at === 'start');
  const missing = rows.filter(({ text }) => !shapes.has(shape(text)));
  Object.assign(task.meta, { rows: [`recorded texts of a start: ${rows.length} looked for, ${rows.length - missing.length} seen in ${lines.length} lines`] });
  const message = (line: string): string | undefined => /\bmsg="?([^"=]{8,})/.exec(line)?.[1];
  record('texts', table.texts, (row) => {
    const said = missing.includes(row) ? lines.find((line) => message(line) !== undefined && message(line) === message(row.text)) : undefined;
    return said === undefined ? {} : { text: said };
  });
  expect(missing.map(({ text }) => text)).toEqual([]);
});
