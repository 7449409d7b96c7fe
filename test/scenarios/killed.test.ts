/** The process dies in the middle, without a chance to say goodbye: the next run finishes what it began, or takes it back. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { killedAt, quick, takeAway } from './story.ts';

const MOMENTS: readonly (readonly [string, { readonly call: RegExp; readonly nth?: number; readonly helmToo?: boolean }])[] = [
  ['a bucket has just been made, and has no settings yet', { call: /^s3:CreateBucket$/, nth: 2 }],
  ['the role has no policy yet', { call: /^iam:CreateRole$/ }],
  ['the login is half written', { call: /^kube:create:secrets$/, nth: 3 }],
  ['helm is at work and lives on', { call: /^kube:(create|patch|update):statefulsets$/ }],
  ['helm is at work and dies too', { call: /^kube:(create|patch|update):deployments$/, helmToo: true }],
];

describe('killed in the middle', () => {
  let terminal: Terminal;
  let pristine: string;

  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
  });
  afterAll(() => terminal.close());
  beforeEach(() => expect(terminal.snapshot()).toBe(pristine));

  it.each(MOMENTS)('%s: it is taken back', async (_, at) => {
    const { session, said } = await killedAt(terminal, ['install', '--yes'], at);
    expect(session, said).toBe(true);
    if (at.helmToo) minutesPass(terminal);
    expect(terminal.snapshot()).not.toBe(pristine);
    const ran = await terminal.cli(['install', '--yes', '--on-unfinished', 'undo']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it.each(MOMENTS)('%s: it is finished', async (_, at) => {
    const { session, said } = await killedAt(terminal, ['install', '--yes'], at);
    expect(session, said).toBe(true);
    if (at.helmToo) minutesPass(terminal);
    const ran = await terminal.cli(['install', '--yes', '--on-unfinished', 'continue', '--no-verify']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect((await terminal.cli(['status'])).exit).toBe(0);
    const again = await terminal.cli(['install', '--yes', '--on-unfinished', 'undo', '--output', 'json']);
    expect(again.events.at(-1), 'nothing is unfinished any more').toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
    await takeAway(terminal);
  });
});

const releaseSecrets = (terminal: Terminal) =>
  terminal.sandbox.world.store.list('Secret', { selector: 'owner=helm' }) as readonly (KubeObject & { readonly data: { readonly release: string } })[];

/** A helm that may still be alive is waited for, three minutes long. */
function minutesPass(terminal: Terminal): void {
  for (const secret of releaseSecrets(terminal)) setLastDeployed(terminal, secret, new Date(Date.now() - 10 * 60_000));
}

/** Helm's own record: base64 of base64 of gzipped JSON. */
function setLastDeployed(terminal: Terminal, secret: ReturnType<typeof releaseSecrets>[number], time: Date): void {
  const packed = Buffer.from(Buffer.from(secret.data.release, 'base64').toString(), 'base64');
  const release = JSON.parse(gunzipSync(packed).toString()) as { info: object };
  const changed = gzipSync(JSON.stringify({ ...release, info: { ...release.info, last_deployed: time.toISOString() } }));
  terminal.sandbox.world.store.update({ ...secret, data: { release: Buffer.from(changed.toString('base64')).toString('base64') } } as KubeObject);
}
