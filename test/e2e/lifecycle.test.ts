/** The main job, through the wire: install, look, prove, install again, take away. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { butObjects } from '../scenarios/story.ts';

describe('a life in the sandbox', () => {
  let terminal: Terminal;
  let pristine: string;

  beforeAll(async () => {
    terminal = await openTerminal();
    pristine = terminal.snapshot();
  });
  afterAll(() => terminal.close());

  it('status of nothing is exit 6', async () => {
    const { exit, stderr } = await terminal.cli(['status']);
    expect(exit).toBe(6);
    expect(stderr).toContain('NOT_INSTALLED');
  });

  it('plan says what would change, changes nothing, and exits 7', async () => {
    terminal.writes();
    const { exit, stdout } = await terminal.cli(['plan', '--detailed-exitcode']);
    expect(exit).toBe(7);
    expect(stdout).toMatch(/s3:\/\/loki-.*-chunks-|s3:\/\/loki-chunks-/);
    expect(realWrites(terminal)).toEqual([]);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('a dry run changes nothing', async () => {
    const { exit } = await terminal.cli(['install', '--yes', '--dry-run']);
    expect(exit).toBe(0);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('install brings a line back', async () => {
    const { exit, events, stderr } = await terminal.cli(['install', '--yes', '--output', 'json']);
    expect(exit, stderr).toBe(0);
    const proof = events.find(({ type }) => type === 'verify.finished')?.['result'];
    expect(proof).toMatchObject({ found: true, labels: { cluster: 'training-on-eks', namespace: 'loki', container: 'verify', job: 'loki/verify' } });
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', outcome: 'ok', exit: 0, sandbox: true });
  });

  it('a second install writes nothing and says so', async () => {
    const before = butObjects(terminal.snapshot());
    terminal.writes();
    const { exit, events } = await terminal.cli(['install', '--yes', '--output', 'json']);
    expect(exit).toBe(0);
    expect(events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
    expect(realWrites(terminal)).toEqual([]);
    expect(butObjects(terminal.snapshot())).toBe(before);
  });

  it('plan now exits 0', async () => {
    expect((await terminal.cli(['plan', '--detailed-exitcode'])).exit).toBe(0);
  });

  it('status is healthy, with a collector on every Linux node, tainted ones too', async () => {
    const { exit, events, stderr } = await terminal.cli(['status', '--output', 'json']);
    const result = events.find(({ type }) => type === 'status.finished')?.['result'];
    expect(result, stderr).toMatchObject({ healthy: true, drift: [], nodes: { without: [] } });
    expect(result.nodes.withCollector).toBe(result.nodes.linux);
    expect(exit).toBe(0);
  });

  it('verify proves it again and cleans up after itself', async () => {
    const { exit } = await terminal.cli(['verify']);
    expect(exit).toBe(0);
    const { stdout } = await terminal.shell('kubectl get pods -A -o name');
    expect(stdout).not.toContain('verify');
  });

  it('uninstall keeps the logs and takes everything else', async () => {
    const { exit, stdout, stderr } = await terminal.cli(['uninstall', '--yes']);
    expect(exit, stderr).toBe(0);
    expect(stdout + stderr).toContain('kept');
    expect(butBuckets(worldOf(terminal))).toEqual(butBuckets(JSON.parse(pristine) as Snapshot));
    expect(bucketsOf(terminal)).toHaveLength(2);
  });

  it('install finds the kept logs again', async () => {
    const { exit, stderr } = await terminal.cli(['install', '--yes']);
    expect(exit, stderr).toBe(0);
  });

  it('uninstall with --delete-data wants the buckets named, then leaves the world as it was', async () => {
    const refused = await terminal.cli(['uninstall', '--yes', '--delete-data', '--output', 'json']);
    expect(refused.exit).toBe(3);
    const named = bucketsOf(terminal).flatMap((name) => ['--confirm-delete-data', name]);
    const { exit, stderr } = await terminal.cli(['uninstall', '--yes', '--delete-data', ...named]);
    expect(exit, stderr).toBe(0);
    expect(terminal.snapshot()).toBe(pristine);
  });
});

/** Reviews and tokens are asked with POST but change nothing. */
const realWrites = (terminal: Terminal) => terminal.writes().filter((call) => !/reviews|serviceaccounts\/token|sts:/.test(call));

interface Snapshot {
  readonly account: { readonly s3: Readonly<Record<string, unknown>>; readonly [part: string]: unknown };
  readonly cluster: unknown;
}

const worldOf = (terminal: Terminal) => JSON.parse(terminal.snapshot()) as Snapshot;
const bucketsOf = (terminal: Terminal) => Object.keys(worldOf(terminal).account.s3);
const butBuckets = (world: Snapshot): Snapshot => ({ ...world, account: { ...world.account, s3: {} } });
