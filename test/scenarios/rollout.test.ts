/** A rollout that can not succeed: it is given up early with the reason, and taken back or kept as evidence, as asked. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { butObjects, codesOf, quick, takeAway, type worldOf } from './story.ts';

describe('a rollout that fails', () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
    terminal.sandbox.world.cluster.deniedImages.add('no-such-tag');
    await writeFile(join(terminal.folder, 'image.yaml'), 'gateway:\n  image:\n    tag: no-such-tag\n');
    await writeFile(join(terminal.folder, 'config.yaml'), 'loki:\n  structuredConfig:\n    ingestor:\n      chunk_idle_period: 1h\n');
  });
  afterAll(() => terminal.close());

  const install = (...words: string[]) => terminal.cli(['install', '--yes', '--no-verify', ...words, '--output', 'json']);

  it('Loki that ends at once: its last words are quoted', async () => {
    const ran = await install('--loki-values', 'config.yaml');
    expect(ran.exit, ran.stderr).toBe(4);
    expect(codesOf(ran)).toEqual(['POD_CRASHES']);
    expect(evidence(ran)).toMatch(/loki-[a-z-]+\S*: .*field ingestor not found/);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('an image that can not be pulled: the reason, long before the timeout; kept as evidence when asked, and repaired by the next install', async () => {
    const began = Date.now();
    const ran = await install('--loki-values', 'image.yaml', '--on-failure', 'keep');
    expect(ran.exit, ran.stderr).toBe(5);
    expect(Date.now() - began).toBeLessThan(60_000);
    expect(codesOf(ran)).toEqual(['POD_IMAGE_UNPULLABLE']);
    expect(evidence(ran)).toMatch(/Pod loki\/loki-gateway-.*no-such-tag.*not found/);
    const pods = await terminal.shell('kubectl -n loki get pods');
    expect(pods.stdout).toMatch(/loki-gateway-\S+\s+0\/1\s+(ErrImagePull|ImagePullBackOff)/);
    const status = await terminal.cli(['status', '--output', 'json']);
    expect(status.exit).toBe(6);
    expect(codesOf(status)).toContain('POD_IMAGE_UNPULLABLE');
    const repaired = await install();
    expect(repaired.exit, repaired.stdout).toBe(0);
    expect((await terminal.cli(['status'])).exit).toBe(0);
  });

  it('an upgrade that fails goes back to the revision that ran, and Loki runs on', async () => {
    const before = butObjects(terminal.snapshot());
    const ran = await install('--loki-values', 'image.yaml');
    expect(ran.exit, ran.stderr).toBe(4);
    expect(codesOf(ran)).toEqual(['POD_IMAGE_UNPULLABLE']);
    expect(specs(butObjects(terminal.snapshot()))).toEqual(specs(before));
    expect((await terminal.cli(['verify'])).exit).toBe(0);
    expect((await terminal.cli(['plan', '--detailed-exitcode'])).exit).toBe(0);
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });
});

it('pods that would find no place: said before anything is changed', async () => {
  const terminal = await openTerminal({ ...quick, nodes: 1 });
  try {
    const pristine = terminal.snapshot();
    const ran = await terminal.cli(['install', '--yes', '--size', 'large', '--output', 'json']);
    expect(ran.exit).toBe(3);
    expect(codesOf(ran)).toEqual(['PODS_DO_NOT_FIT']);
    expect(evidence(ran)).toMatch(/loki-ingester.*(cpu|memory|anti-affinity)/i);
    expect(terminal.snapshot()).toBe(pristine);
  } finally {
    await terminal.close();
  }
});

/** Everything that was said about the problems of the run. */
const evidence = ({ events }: Ran) => JSON.stringify(events.at(-1)?.['problems']);

/** What was asked for: helm counts revisions, and pods and replica sets have names of their own. */
function specs(snapshot: string): object {
  const { account, cluster } = JSON.parse(snapshot) as ReturnType<typeof worldOf>;
  const kinds = Object.keys(cluster).filter((kind) => /^(configmaps|services|serviceaccounts|namespaces)\.$|^(statefulsets|daemonsets)\.apps$/.test(kind));
  expect(kinds.length).toBeGreaterThan(4);
  return { account, kinds: kinds.map((kind) => Object.entries(cluster[kind] ?? {}).map(([name, { spec, data }]) => [kind, name, spec, data])) };
}
