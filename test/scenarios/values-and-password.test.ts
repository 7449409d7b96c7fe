/** What users bring: values on top of ours, and a password that is known to the cluster and to nobody else. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyHash } from '../../src/design/htpasswd.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { argumentsSeen, codesOf, filesBelow, quick, secretText, takeAway } from './story.ts';

const FROM_FILE = 'correct-horse-battery-staple-1';
const FROM_STDIN = 'Tr0ub4dor-and-three-more-words-2';

describe("the user's values and password", () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
  });
  afterAll(() => terminal.close());

  const file = async (name: string, text: string) => {
    await writeFile(join(terminal.folder, name), text);
    return name;
  };
  const login = () => ({
    plain: secretText(terminal, { namespace: 'loki', name: 'loki-gateway-login', key: 'password' }),
    collector: secretText(terminal, { namespace: 'alloy', name: 'loki-gateway-login', key: 'password' }),
    htpasswd: secretText(terminal, { namespace: 'loki', name: 'loki-gateway-htpasswd', key: '.htpasswd' }),
  });

  it('every key that a chart would ignore is named, with the nearest one it knows', async () => {
    const typo = await file('typo.yaml', 'loki:\n  limits_confg:\n    ingestion_rate_mb: 9\ngatewy:\n  replicas: 3\n');
    const alloy = await file('alloy-typo.yaml', 'controler:\n  type: daemonset\n');
    const ran = await terminal.cli(['install', '--yes', '--loki-values', typo, '--alloy-values', alloy, '--output', 'json']);
    expect(ran.exit).toBe(2);
    expect(codesOf(ran)).toEqual(['VALUES_UNKNOWN_KEY']);
    for (const [wrong, right] of [
      ['loki.limits_confg', 'limits_config'],
      ['gatewy', 'gateway'],
      ['controler', 'controller'],
    ]) {
      expect(ran.stdout).toContain(wrong);
      expect(ran.stdout).toContain(right);
    }
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('values files are merged on top of ours, the last one wins, and the password of a file lets in', async () => {
    const first = await file('first.yaml', 'loki:\n  limits_config:\n    ingestion_rate_mb: 7\n    max_line_size: 512KB\n');
    const second = await file('second.yaml', 'loki:\n  limits_config:\n    ingestion_rate_mb: 9\n');
    const alloy = await file('alloy.yaml', 'controller:\n  podAnnotations:\n    team: platform\n');
    const password = await file('password', `${FROM_FILE}\n`);
    const words = ['--loki-values', first, '--loki-values', second, '--alloy-values', alloy, '--password-file', password];
    const ran = await terminal.cli(['install', '--yes', ...words, '--output', 'json']);
    expect(ran.exit, ran.stderr).toBe(0);
    const config = (await terminal.shell('kubectl -n loki get configmap loki -o yaml')).stdout;
    expect(config).toContain('ingestion_rate_mb: 9');
    expect(config).toContain('max_line_size: 512KB');
    expect(config).toContain('retention_period: 672h');
    const [collector] = terminal.sandbox.world.store.list('DaemonSet', { namespace: 'alloy' });
    expect(JSON.stringify(collector?.['spec'])).toContain('"team":"platform"');
    expect(login()).toMatchObject({ plain: FROM_FILE, collector: FROM_FILE });
    expect(verifyHash(login().htpasswd, 'loki', FROM_FILE)).toBe(true);
    expect(verifyHash(login().htpasswd, 'loki', FROM_STDIN)).toBe(false);
    const again = await terminal.cli(['install', '--yes', ...words, '--output', 'json']);
    expect(again.events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
    expect((await terminal.cli(['status'])).exit).toBe(0);
    expectSecret(terminal, FROM_FILE, [ran.stdout, ran.stderr, again.stdout, again.stderr]);
  });

  it('a new password from stdin takes the place of the old one, everywhere, and is written nowhere else', async () => {
    const seen = new Set<string>();
    const watching = setInterval(() => argumentsSeen().forEach((one) => seen.add(one)), 50);
    const words = ['--loki-values', 'first.yaml', '--loki-values', 'second.yaml', '--alloy-values', 'alloy.yaml'];
    const ran = await terminal.cli(['install', '--yes', ...words, '--password-file', '-', '--output', 'json'], { input: `${FROM_STDIN}\n` });
    clearInterval(watching);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(ran.events.find(({ type }) => type === 'verify.finished')?.['result']).toMatchObject({ found: true });
    expect(login()).toMatchObject({ plain: FROM_STDIN, collector: FROM_STDIN });
    expect(verifyHash(login().htpasswd, 'loki', FROM_STDIN)).toBe(true);
    expect([...seen].some((one) => one.includes('install --yes'))).toBe(true);
    expect([...seen].filter((one) => one.includes(FROM_STDIN))).toEqual([]);
    expectSecret(terminal, FROM_STDIN, [ran.stdout, ran.stderr]);
  });

  it('without being told, a later run keeps the password that is in force', async () => {
    const ran = await terminal.cli(['install', '--yes', '--retention-days', '30', '--no-verify']);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(login()).toMatchObject({ plain: FROM_STDIN, collector: FROM_STDIN });
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });

  it('a generated password is long, and stays when the installation is run again or repaired', async () => {
    expect((await terminal.cli(['install', '--yes', '--no-verify'])).exit).toBe(0);
    const made = login();
    expect(made.plain).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(verifyHash(made.htpasswd, 'loki', made.plain)).toBe(true);
    await terminal.shell('kubectl -n loki delete secret loki-gateway-htpasswd');
    expect((await terminal.cli(['install', '--yes', '--no-verify', '--retention-days', '31'])).exit).toBe(0);
    expect(login().plain).toBe(made.plain);
    expect(verifyHash(login().htpasswd, 'loki', made.plain)).toBe(true);
    await takeAway(terminal);
    expect(terminal.snapshot()).toBe(pristine);
  });
});

/** Not in what was said, not on disk but for the user's own file, not in the cluster but for the login's Secrets. */
function expectSecret(terminal: Terminal, secret: string, said: readonly string[]): void {
  for (const text of said) expect(text).not.toContain(secret);
  const files = [...filesBelow(terminal.folder)].filter(([path]) => path !== join(terminal.folder, 'password'));
  expect(files.some(([path]) => path.endsWith('.jsonl'))).toBe(true);
  expect(files.filter(([, text]) => holds(text, secret)).map(([path]) => path)).toEqual([]);
  const { store } = terminal.sandbox.world;
  const kinds = ['Secret', 'ConfigMap', 'Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'Event'];
  const places = kinds.flatMap((kind) =>
    store
      .list(kind)
      .filter((object) => holds(JSON.stringify(object), secret))
      .map(({ metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
  );
  expect(places.sort()).toEqual(['Secret alloy/loki-gateway-login', 'Secret loki/loki-gateway-login']);
}

const holds = (text: string, secret: string) => text.includes(secret) || text.includes(Buffer.from(secret).toString('base64'));
