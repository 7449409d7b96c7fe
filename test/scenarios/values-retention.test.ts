/** Whatever way the user's chart values shorten the retention of a Loki that keeps logs: it is refused until it is confirmed in this very run. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { butObjects, codesOf, quick } from './story.ts';

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal(quick);
  expect((await terminal.cli(['install', '--yes', '--no-verify'])).exit).toBe(0);
}, 120_000);
afterAll(() => terminal.close());

const STREAM = `retention_stream: [{selector: '{app="x"}', priority: 1, period: 24h}]`;
const ways: readonly (readonly [string, string])[] = [
  ['the period', 'loki: {limits_config: {retention_period: 24h}}'],
  ['a stream', `loki: {limits_config: {${STREAM}}}`],
  ['a tenant', 'loki: {runtimeConfig: {overrides: {team-a: {retention_period: 24h}}}}'],
  ['a stream of a tenant', `loki: {runtimeConfig: {overrides: {team-a: {${STREAM}}}}}`],
  ['the configuration as such', 'loki: {structuredConfig: {limits_config: {retention_period: 24h}}}'],
  ['a table manager', 'loki: {structuredConfig: {table_manager: {retention_deletes_enabled: true, retention_period: 24h}}}'],
  ['a flag of the compactor', 'compactor: {extraArgs: ["-store.retention=24h"]}'],
  ['a flag of everything', 'global: {extraArgs: ["-store.retention=24h"]}'],
];
const hidden: readonly (readonly [string, string])[] = [
  ['a file that is not there to be read', 'loki: {structuredConfig: {runtime_config: {file: /mine/runtime.yaml}}}'],
  ['a variable', 'loki: {limits_config: {retention_period: "${KEEP:24h}"}}'],
  ['a flag that names another file', 'compactor: {extraArgs: ["-runtime-config.file=/mine/runtime.yaml"]}'],
];

async function install(values: string, ...more: readonly string[]) {
  const file = join(terminal.folder, 'mine.yaml');
  await writeFile(file, values);
  return terminal.cli(['install', '--yes', '--no-verify', '--dry-run', '--output', 'json', '--loki-values', file, ...more]);
}

describe('chart values', () => {
  it.each(ways)('%s', { timeout: 60_000 }, async (_, values) => {
    const before = butObjects(terminal.snapshot());
    const refused = await install(values);
    expect(refused.exit, refused.stdout).toBe(3);
    expect(codesOf(refused)).toContain('RETENTION_WOULD_SHORTEN');
    expect(refused.stdout).toContain('--confirm-retention 24h');
    expect((await install(values, '--confirm-retention', '2d')).exit).toBe(3);
    const agreed = await install(values, '--confirm-retention', '24h');
    expect(codesOf(agreed)).not.toContain('RETENTION_WOULD_SHORTEN');
    expect(butObjects(terminal.snapshot())).toBe(before);
  });

  it.each(hidden)('%s', { timeout: 60_000 }, async (_, values) => {
    const refused = await install(values);
    expect(codesOf(refused), refused.stdout).toContain('RETENTION_WOULD_SHORTEN');
    expect(refused.stdout).toContain('--confirm-retention any');
    expect(codesOf(await install(values, '--confirm-retention', 'any'))).not.toContain('RETENTION_WOULD_SHORTEN');
  });

  it('a period that is none is refused before anything is looked at', async () => {
    const ran = await install('{}', '--confirm-retention', 'soon');
    expect(ran.exit).toBe(2);
    expect(codesOf(ran)).toEqual(['FLAG_VALUE_INVALID']);
  });

  it('what is confirmed is done, and a second install has nothing to do', { timeout: 120_000 }, async () => {
    const file = join(terminal.folder, 'mine.yaml');
    await writeFile(file, ways[1]![1]);
    const words = ['install', '--yes', '--no-verify', '--output', 'json', '--loki-values', file];
    const done = await terminal.cli([...words, '--confirm-retention', '24h']);
    expect(done.exit, done.stdout).toBe(0);
    expect((await terminal.cli(words)).events.at(-1)).toMatchObject({ outcome: 'nothing-to-do' });
  });
});
