/** Buckets that are there already: kept logs are found again, emptying wants the name, and nothing is deleted to be made again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayForward } from '../support/gateway-forward.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { bucketsOf, butBuckets, butObjects, codesOf, quick, secretText, takeAway, worldOf } from './story.ts';

const LINE = 'the till in aisle three is on fire';

describe('buckets of an earlier installation', () => {
  let terminal: Terminal;
  let pristine: string;
  let chunks: string;

  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
    const { exit, stderr } = await terminal.cli(['install', '--yes']);
    expect(exit, stderr).toBe(0);
    chunks = bucketsOf(terminal).find((name) => name.includes('-chunks-')) as string;
    await print(terminal, LINE);
    expect(await query(terminal, 'aisle')).toContain(LINE);
  });
  afterAll(() => terminal.close());

  it('can not be emptied while Loki writes to them', async () => {
    const before = terminal.snapshot();
    const ran = await terminal.cli(['install', '--yes', '--existing-buckets', 'recreate', '--confirm-recreate', chunks, '--output', 'json']);
    expect(ran.exit).toBe(3);
    expect(codesOf(ran)).toContain('BUCKET_IN_USE');
    expect(butObjects(terminal.snapshot())).toBe(butObjects(before));
    expect(objectsIn(terminal, chunks).length).toBeGreaterThan(0);
  });

  it('"fail" has nothing against the buckets of the installation that runs', async () => {
    const { exit, stderr } = await terminal.cli(['plan', '--existing-buckets', 'fail']);
    expect(exit, stderr).toBe(0);
  });

  it('are kept by uninstall, which says what is in them and how to delete them', async () => {
    const { exit, stdout, stderr } = await terminal.cli(['uninstall', '--yes']);
    expect(exit, stderr).toBe(0);
    expect(stdout + stderr).toMatch(new RegExp(`s3://${chunks}.*[1-9]\\d* objects`));
    expect(stdout + stderr).toContain(`--confirm-delete-data ${chunks}`);
    expect(butBuckets(terminal.snapshot())).toBe(butBuckets(pristine));
    expect(objectsIn(terminal, chunks).length).toBeGreaterThan(0);
  });

  it('are refused when they must not exist', async () => {
    const before = terminal.snapshot();
    const ran = await terminal.cli(['install', '--yes', '--existing-buckets', 'fail', '--output', 'json']);
    expect(ran.exit).toBe(3);
    expect(codesOf(ran)).toEqual(['BUCKET_EXISTS', 'BUCKET_EXISTS']);
    expect(ran.stdout).toContain(chunks);
    expect(terminal.snapshot()).toBe(before);
  });

  it('give the line of before to the next installation', async () => {
    const { exit, stderr } = await terminal.cli(['install', '--yes']);
    expect(exit, stderr).toBe(0);
    expect(await query(terminal, 'aisle')).toContain(LINE);
    expect((await terminal.cli(['uninstall', '--yes'])).exit).toBe(0);
  });

  it('are not emptied until they are named, with count and size in sight', async () => {
    const before = terminal.snapshot();
    const ran = await terminal.cli(['install', '--yes', '--existing-buckets', 'recreate', '--output', 'json']);
    expect(ran.exit).toBe(3);
    expect(codesOf(ran)).toContain('RECREATE_UNCONFIRMED');
    expect(ran.stdout).toMatch(new RegExp(`s3://${chunks} contains ${objectsIn(terminal, chunks).length} objects, [\\d.]+ (B|KiB|MiB)`));
    expect(ran.stdout).toContain(`--confirm-recreate ${chunks}`);
    const other = await terminal.cli(['install', '--yes', '--existing-buckets', 'recreate', '--confirm-recreate', 'some-other-bucket', '--output', 'json']);
    expect(other.exit).toBe(3);
    const file = JSON.stringify({ existingBuckets: 'recreate', confirmRecreate: [chunks] });
    for (const given of [
      { input: file, words: ['--config', '-'] },
      { env: { LOKI_EKS_CONFIRM_RECREATE: chunks }, words: ['--existing-buckets', 'recreate'] },
    ]) {
      const lasting = await terminal.cli(['install', '--yes', '--output', 'json', ...given.words], given);
      expect(lasting.exit, lasting.stdout).toBe(3);
      expect(codesOf(lasting)).toContain('RECREATE_UNCONFIRMED');
    }
    expect(terminal.snapshot()).toBe(before);
  });

  it('are emptied in place once they are named: same bucket, no old line', { timeout: 120_000 }, async () => {
    const old = objectsIn(terminal, chunks);
    terminal.writes();
    const ran = await terminal.cli(['install', '--yes', '--existing-buckets', 'recreate', '--confirm-recreate', chunks]);
    expect(ran.exit, ran.stderr).toBe(0);
    const writes = terminal.writes();
    expect(writes).not.toContain('s3:DeleteBucket');
    expect(writes).not.toContain('s3:CreateBucket');
    for (const key of old) expect(objectsIn(terminal, chunks)).not.toContain(key);
    expect(await query(terminal, 'aisle')).not.toContain(LINE);
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });
});

const objectsIn = (terminal: Terminal, bucket: string) => Object.keys(worldOf(terminal).account.s3[bucket]?.objects ?? {});

/** A pod that prints one line, waits for it to be collected, and is gone. */
async function print(terminal: Terminal, line: string): Promise<void> {
  const overrides = JSON.stringify({ spec: { containers: [{ name: 'till', image: 'busybox:1', command: ['sh', '-c', `echo "${line}"; sleep 3600`] }] } });
  const made = await terminal.shell(`kubectl run till --image busybox:1 --restart Never --overrides '${overrides}'`);
  expect(made.exit, made.stderr).toBe(0);
  for (let tries = 0; tries < 60; tries++) {
    if ((await query(terminal, line.split(' ').at(-1) ?? '')).includes(line)) break;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const gone = await terminal.shell('kubectl delete pod till --now');
  expect(gone.exit, gone.stderr).toBe(0);
}

/** As a user asks: a port-forward to the gateway, and curl's question with the login of the Secret. */
async function query(terminal: Terminal, words: string): Promise<string> {
  const password = secretText(terminal, { namespace: 'loki', name: 'loki-gateway-login', key: 'password' });
  const script = `${gatewayForward}
    curl -sS -G -u "loki:$PASSWORD" -H 'X-Scope-OrgID: training-on-eks' --data-urlencode 'query={cluster="training-on-eks"} |= "${words}"' \\
      --data-urlencode since=1h "http://127.0.0.1:$port/loki/api/v1/query_range"`;
  const { stdout, stderr, exit } = await terminal.shell(script, { env: { PASSWORD: password } });
  expect(exit, stderr).toBe(0);
  return stdout;
}
