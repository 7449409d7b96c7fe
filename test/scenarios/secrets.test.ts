/** After a run every place a secret could have leaked to is searched: it is where it is meant to be and nowhere else. */
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { argumentsSeen, filesBelow, quick, secretText } from './story.ts';

describe.each(['json', 'plain'])('secrets of an installation shown as %s', (output) => {
  let terminal: Terminal;
  const said: Ran[] = [];
  const args = new Set<string>();
  let secrets: Readonly<Record<'password' | 'key', string>>;

  beforeAll(async () => {
    terminal = await openTerminal(quick);
    const watching = setInterval(() => argumentsSeen().forEach((one) => args.add(one)), 100);
    const { world } = terminal.sandbox;
    // A failure shows what it saw, and that must not be a secret either.
    world.addFault({ call: 'kube:patch:statefulsets', how: 'deny', times: 1 });
    said.push(await terminal.cli(['install', '--yes', '--output', output]));
    world.faults.clear();
    const words = output === 'json' ? [] : ['--no-verify'];
    for (const command of [['install', '--yes', ...words], ['status'], ['plan', '--retention-days', '90']])
      said.push(await terminal.cli([...command, '--output', output]));
    clearInterval(watching);
    expect(said.map(({ exit }) => exit)).toEqual([4, 0, 0, 0]);
    const password = secretText(terminal, { namespace: 'loki', name: 'loki-gateway-login', key: 'password' });
    expect(password).toMatch(/^\S{32}$/);
    secrets = { password, key: world.account.admin.secretAccessKey };
  });
  afterAll(() => terminal.close());

  const leaksIn = (texts: Iterable<readonly [string, string]>) =>
    [...texts].flatMap(([where, text]) =>
      Object.entries(secrets)
        .filter(([, secret]) => shapes(secret).some((shape) => text.includes(shape)))
        .map(([name]) => `${name} in ${where}`),
    );

  it('are not in what was said', () => {
    expect(said.map(({ stdout, stderr }) => (stdout + stderr).length > 500)).toEqual([true, true, true, true]);
    expect(leaksIn(said.flatMap(({ stdout, stderr }, at) => [[`stdout ${at}`, stdout] as const, [`stderr ${at}`, stderr] as const]))).toEqual([]);
  });

  it('are not in journals or other files, and not in arguments', () => {
    const files = filesBelow(terminal.folder);
    expect([...files.keys()].some((path) => path.endsWith('.jsonl'))).toBe(true);
    expect(leaksIn(files)).toEqual([]);
    expect([...args].some((one) => /helm\b.* upgrade|helm\b.* install/.test(one))).toBe(true);
    expect(leaksIn([...args].map((one) => ['arguments', one] as const))).toEqual([]);
  });

  it('are in the cluster only where they are meant to be', () => {
    const kinds = ['Secret', 'ConfigMap', 'Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ControllerRevision', 'ServiceAccount', 'Event'];
    const objects = kinds.flatMap((kind) => terminal.sandbox.world.store.list(kind));
    const releases = objects.filter(({ metadata }) => metadata.labels?.['owner'] === 'helm');
    expect(releases).toHaveLength(2);
    const texts = objects.map((object) => [`${object.kind} ${object.metadata.namespace}/${object.metadata.name}`, readable(object)] as const);
    expect(leaksIn(texts).sort()).toEqual(['password in Secret alloy/loki-gateway-login', 'password in Secret loki/loki-gateway-login']);
  });

  it('are not in a log line of any pod', () => {
    const { store, runtime } = terminal.sandbox.world;
    const logs = store.list('Pod').flatMap((pod) => {
      const { containers } = pod['spec'] as { readonly containers: readonly { readonly name: string }[] };
      return containers.map(
        ({ name }) =>
          [
            `log of ${pod.metadata.name}`,
            runtime
              .logs(pod, name, {})
              .map(({ line }) => line)
              .join('\n'),
          ] as const,
      );
    });
    expect(logs.some(([where, text]) => where.includes('alloy') && text !== '')).toBe(true);
    expect(leaksIn(logs)).toEqual([]);
  });
});

const shapes = (secret: string) => [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)];

/** With helm's release unpacked: base64 of base64 of gzipped JSON that holds values and manifests. */
function readable(object: KubeObject): string {
  const { release } = (object['data'] ?? {}) as { readonly release?: string };
  if (object.metadata.labels?.['owner'] !== 'helm' || release === undefined) return JSON.stringify(object);
  const text = gunzipSync(Buffer.from(Buffer.from(release, 'base64').toString(), 'base64')).toString();
  expect(text).toContain('"config"');
  return text;
}
