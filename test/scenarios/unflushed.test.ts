/** Lines that only ingesters hold: no uninstall and no scale-down loses them without a word that names them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { butObjects, codesOf, quick, worldOf } from './story.ts';

let terminal: Terminal;
let pristine: string;

beforeEach(async () => {
  terminal = await openTerminal(quick);
  pristine = terminal.snapshot();
  const { exit, stderr } = await terminal.cli(['install', '--yes', '--no-verify']);
  expect(exit, stderr).toBe(0);
}, 120_000);
afterEach(() => terminal.close());

const inject = async (breaks: readonly string[]) => {
  const ran = await terminal.cli(['sandbox', 'inject', '-'], { input: JSON.stringify({ breaks }) });
  expect(ran.exit, ran.stderr).toBe(0);
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const named = (kind: string) => Object.entries(worldOf(terminal).cluster).flatMap(([cache, docs]) => (cache.startsWith(kind) ? Object.keys(docs) : []));
const claims = () => named('persistentvolumeclaims').filter((name) => name.includes('ingester'));
/** What a Loki that runs can't be without. */
const identity = () => ({
  roles: Object.keys(worldOf(terminal).account.iam.roles).filter((name) => name.startsWith('loki-eks')),
  accounts: named('serviceaccounts').filter((name) => /\/loki$|^loki$/.test(name)),
  secrets: named('secrets').filter((name) => /loki-eks$|gateway/.test(name)),
});
const problemOf = (ran: Ran) =>
  (ran.events.at(-1)?.['problems'] ?? [])[0] as { readonly message: string; readonly fix: string; readonly evidence: readonly string[] };

describe('uninstall', () => {
  it.each([
    ['S3 can not be reached', ['s3-egress'], 5_000, /chunks of \d+ streams; /],
    ['ingesters are killed at their start', ['wal-oom'], 12_000, /OOMKilled|not ready/],
  ] as const)('where %s: nothing is removed, and it says what would be lost', { timeout: 240_000 }, async (_, breaks, ms, evidence) => {
    await inject(breaks);
    await pause(ms);
    const [kept, volumes] = [identity(), claims()];
    terminal.writes();
    const ran = await terminal.cli(['uninstall', '--yes', '--output', 'json']);
    expect(ran.exit, ran.stdout + ran.stderr).toBe(3);
    expect(codesOf(ran)).toEqual(['INGESTERS_UNFLUSHED']);
    expect(problemOf(ran).evidence.join('\n')).toMatch(evidence);
    expect(problemOf(ran).evidence.join('\n')).toContain('loki-ingester-0');
    expect(identity()).toEqual(kept);
    expect(claims()).toEqual(volumes);
    expect(terminal.writes().filter((call) => !call.includes('leases') && call.startsWith('kube:delete'))).toEqual([]);

    // The way on is in the fix, ready to be pasted.
    const command = /`loki-eks (uninstall .*--discard-unflushed)`$/.exec(problemOf(ran).fix)?.[1] ?? '';
    const discarded = await terminal.cli(command.split(' '));
    expect(discarded.exit, discarded.stdout + discarded.stderr).toBe(0);
    expect(claims()).toEqual([]);
    expect(identity()).toEqual({ roles: [], accounts: [], secrets: [] });
  });

  it('flushes everything, and leaves no volume', { timeout: 120_000 }, async () => {
    const ran = await terminal.cli(['uninstall', '--yes', '--output', 'json']);
    expect(ran.exit, ran.stdout + ran.stderr).toBe(0);
    expect(claims()).toEqual([]);
    expect(Object.keys(JSON.parse(butObjects(terminal.snapshot())).cluster)).toEqual(Object.keys(JSON.parse(pristine).cluster));
  });

  it('keeps the volumes of ingesters that somebody has scaled down', { timeout: 120_000 }, async () => {
    const scaled = await terminal.shell(
      'kubectl -n loki scale statefulset loki-ingester --replicas 0 && kubectl -n loki wait pod --for=delete -l app.kubernetes.io/component=ingester --timeout 60s',
    );
    expect(scaled.exit, scaled.stderr).toBe(0);
    const ran = await terminal.cli(['uninstall', '--yes', '--output', 'json']);
    expect(ran.exit, ran.stdout).toBe(3);
    expect(problemOf(ran).evidence.join('\n')).toContain('no running ingester can replay its write-ahead log');
    expect(claims()).toHaveLength(3);
  });

  it('keeps the volumes of a release that somebody has uninstalled, with what it takes to read them', { timeout: 120_000 }, async () => {
    const gone = await terminal.shell('helm uninstall loki -n loki --wait');
    expect(gone.exit, gone.stderr).toBe(0);
    const kept = identity();
    const ran = await terminal.cli(['uninstall', '--yes', '--output', 'json']);
    expect(ran.exit, ran.stdout).toBe(3);
    expect(identity()).toEqual(kept);
    expect(claims()).toHaveLength(3);
  });
});
