/** A bucket of 50,000 objects, versions and delete markers goes under faults, in spite of a kill, in flat memory. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { letDaysPass } from '../../src/sandbox/aws/s3-lifecycle.ts';
import type { Bucket } from '../../src/sandbox/aws/s3-state.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { bucketsOf, codesOf, quick } from './story.ts';

const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));
const peak = fileURLToPath(new URL('../../bench/peak.mjs', import.meta.url));

let terminal: Terminal;
let pristine: string;
beforeAll(async () => {
  terminal = await openTerminal(quick);
  pristine = terminal.snapshot();
});
afterAll(() => terminal.close());

const s3 = () => terminal.sandbox.world.account.state.s3;
const bucketOf = (use: 'chunks' | 'ruler'): Bucket => [...s3().buckets.values()].find(({ name }) => name.includes(`-${use}-`))!;
const held = (bucket: Bucket) => [...bucket.objects.keys('')].reduce((sum, key) => sum + bucket.objects.get(key)!.length, 0);
const named = () => bucketsOf(terminal).flatMap((name) => ['--confirm-delete-data', name]);
describe('a bucket of 50,000 objects, older versions and delete markers', () => {
  /** Memory at its highest, in KiB, of a run that empties a tenth as much. */
  let small: number;

  it('stays when Loki goes and the other bucket with it', async () => {
    const { exit, stderr } = await terminal.cli(['install', '--yes', '--no-verify']);
    expect(exit, stderr).toBe(0);
    const [chunks, ruler] = [bucketOf('chunks'), bucketOf('ruler')];
    terminal.sandbox.world.account.seedObjects(ruler.name, { count: 5000, prefix: 'rules/' });
    const peaked = join(terminal.folder, 'peak-small');
    const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', '--confirm-delete-data', ruler.name], { env: measured(peaked) });
    expect(ran.exit, ran.stderr).toBe(0);
    expect(bucketsOf(terminal)).toEqual([chunks.name]);
    small = Number(readFileSync(peaked, 'utf8'));
    fill(chunks);
  });

  it('is killed half-way', async () => {
    const chunks = bucketOf('chunks');
    const child = spawn(process.execPath, [script, 'uninstall', '--yes', '--delete-data', ...named()], { env: terminal.env, stdio: 'ignore' });
    const ended = new Promise((resolve) => void child.once('close', resolve));
    while (held(chunks) > 30_000 && child.exitCode === null) await sleep(5);
    child.kill('SIGKILL');
    await ended;
    // What it had asked for is still done.
    for (let before = Infinity; before !== held(chunks); await sleep(300)) before = held(chunks);
    chunks.uploads.set('u', { id: 'u', key: 'half', started: new Date(), headers: undefined, parts: new Map() });
    expect(held(chunks)).toBeGreaterThan(1000);
    expect(held(chunks)).toBeLessThanOrEqual(30_000);
  });

  it('shows what is left, and is emptied but for what S3 refuses, which is listed', async () => {
    const chunks = bucketOf('chunks');
    const left = held(chunks);
    const keys = [...chunks.objects.keys('')];
    const refused = [keys[10]!, keys.at(-10)!];
    const { world } = terminal.sandbox;
    world.addFault({ call: 's3:DeleteObjects', how: 'throttle', from: 3, times: 5 });
    world.addFault({ call: 's3:ListObjectVersions', how: 'throttle', from: 9, times: 2 });
    s3().keyFaults.push({ key: '*7', code: 'InternalError', message: 'We encountered an internal error.', times: 400 });
    for (const key of refused) s3().keyFaults.push({ key, code: 'AccessDenied', message: 'Access Denied' });
    const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', ...named(), '--output', 'json']);
    expect(ran.exit, ran.stderr).toBe(5);
    const shown = ran.events.find(({ type, fact }) => type === 'fact.found' && fact === `s3://${chunks.name}`);
    expect(shown!['value']).toMatch(
      new RegExp(
        `^still ${left.toLocaleString('en-US')} objects \\([\\d,]+ current, [\\d,]+ older versions, [\\d,]+ delete markers\\), .*, 1 unfinished upload$`,
      ),
    );
    const [problem] = ran.events.at(-1)!['problems'] as { code: string; evidence: string[] }[];
    expect(problem).toMatchObject({ code: 'BUCKET_NOT_EMPTIED' });
    for (const key of refused) expect(problem!.evidence.join('\n')).toContain(`${key} (version`);
    expect([...chunks.objects.keys('')].sort()).toEqual([...refused].sort());
    // How far it was, of how many, and how fast.
    const said = ran.events.filter(({ type, step }) => type === 'step.said' && step === 'bucket.chunks').map(({ text }) => text as string);
    expect(said[0]).toMatch(new RegExp(`^[\\d,]+ of ${left.toLocaleString('en-US')} objects deleted`));
    expect(world.calls.filter(({ call, status }) => call === 's3:DeleteObjects' && status === 503).length).toBeGreaterThan(0);
  });

  it('names object lock', async () => {
    const chunks = bucketOf('chunks');
    s3().keyFaults.splice(0);
    for (const key of chunks.objects.keys('')) {
      const retainUntil = Date.now() + 86_400_000;
      chunks.objects.set(
        key,
        chunks.objects.get(key)!.map((version) => ({ ...version, retainUntil, lockMode: 'COMPLIANCE' })),
      );
    }
    const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', ...named(), '--output', 'json']);
    expect(codesOf(ran)).toContain('BUCKET_LOCKED');
    letDaysPass(s3(), 1);
  });

  it('is emptied to the end by the next run, in memory that does not grow with it', async () => {
    const chunks = bucketOf('chunks');
    fill(chunks);
    const peaked = join(terminal.folder, 'peak-large');
    const ran = await terminal.cli(['uninstall', '--yes', '--delete-data', ...named()], { env: measured(peaked) });
    expect(ran.exit, ran.stderr).toBe(0);
    expect(terminal.snapshot()).toBe(pristine);
    const large = Number(readFileSync(peaked, 'utf8'));
    expect(large / small, `${large} KiB against ${small} KiB`).toBeLessThan(1.5);
  });
});

/** 12,500 objects, each with two older versions and a delete marker. */
function fill(chunks: Bucket): void {
  chunks.versioning = 'Enabled';
  for (const key of chunks.objects.keys('')) chunks.objects.set(key, []);
  terminal.sandbox.world.account.seedObjects(chunks.name, { count: 12_400, prefix: 'fake/', folders: 400, older: 2, markerEvery: 1 });
  terminal.sandbox.world.account.seedObjects(chunks.name, { count: 100, prefix: 'index/loki_index_20000/', older: 2, markerEvery: 1 });
  expect(held(chunks)).toBe(50_000);
}

const measured = (file: string) => ({ BENCH_PEAK: file, NODE_OPTIONS: `--import ${peak}` });
