/** Secrets of others, in whatever they are written down, and passwords that are given by file. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { redactDocuments } from '../../src/commands/redacted-documents.ts';
import { blanking } from '../../src/commands/doctor/bundle/redaction.ts';
import { diffLines } from '../../src/design/diff.ts';
import { loginLine } from '../../src/design/htpasswd.ts';
import { hidden, redactText, withoutSecrets } from '../../src/design/secrets.ts';
import { redaction } from '../../src/engine/redaction.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { secretText } from '../scenarios/story.ts';
import { everyRow, tally } from './tally.ts';

/** Documents of users that hold a secret; each is also tried as YAML and as JSON in a text. */
const DOCUMENTS: Readonly<Record<string, (secret: string) => unknown>> = {
  'a password': (secret) => ({ db: { password: secret } }),
  'a password in capitals': (secret) => ({ DB_PASSWORD: secret }),
  'a short name': (secret) => ({ smtp: { user: 'a', pass: secret } }),
  'a secret access key': (secret) => ({ loki: { storage: { s3: { secretAccessKey: secret } } } }),
  'a key of an API': (secret) => ({ 'api-key': secret }),
  'a token': (secret) => ({ auth: { bearer_token: secret } }),
  'a list below a name': (secret) => ({ passwords: [secret, 'x'] }),
  'a map below a name': (secret) => ({ credentials: { user: 'x', inner: secret } }),
  'an environment variable': (secret) => ({
    extraEnv: [
      { name: 'HOME', value: '/' },
      { name: 'DB_PASSWORD', value: secret },
    ],
  }),
  'a header by name and value': (secret) => ({ headers: [{ key: 'X-Api-Key', value: secret }] }),
  'a login in an address': (secret) => ({ url: `https://user:${secret}@host.example/path` }),
  'a login in an address, without a user': (secret) => ({ url: `redis://:${secret}@cache:6379/0` }),
  'a flag in a list': (secret) => ({ args: ['--verbose', '--db-password', secret, '--other'] }),
  'a flag with its value': (secret) => ({ args: [`--auth.token=${secret}`] }),
  'a text of several lines': (secret) => ({ config: `a: 1\nserver:\n  password: ${secret}\n  b: 2\n` }),
  'an Alloy configuration': (secret) => ({ content: `basic_auth {\n  username = "u"\n  password = "${secret}"\n}\n` }),
  'environment variables in a text': (secret) => ({ text: `env:\n  - name: A_TOKEN\n    value: ${secret}\n  - name: B\n    value: c\n` }),
};

const SINKS: Readonly<Record<string, (document: unknown) => string>> = {
  difference: (document) => diffLines({}, document).join('\n'),
  'difference the other way': (document) => diffLines(document, {}).join('\n'),
  shown: (document) => redactDocuments(stringify(document, { lineWidth: 0 }), hidden),
  'shown as JSON': (document) => redactText(JSON.stringify(document)),
  'shown as indented JSON': (document) => redactText(JSON.stringify(document, null, 2)),
  'JSON in JSON': (document) => redactText(JSON.stringify({ line: JSON.stringify(document) })),
  document: (document) => JSON.stringify(withoutSecrets(document)),
  bundle: (document) => blanking().text(stringify(blanking().document(document))).text,
  'bundle, of a text': (document) => blanking().text(stringify(document, { lineWidth: 0 })).text,
};

describe('secrets in what is shown', () => {
  const rows = Object.entries(DOCUMENTS).flatMap(([what, make]) =>
    Object.entries(SINKS).map(([where, sink]) => [`${what}, ${where}`, { make, sink }] as const),
  );

  it('are hidden in every form', (context) =>
    everyRow(context, rows, ({ make, sink }) => {
      for (const secret of ['hunter2', 'wJalrXUtnFEMI', 'p4', 'correct-horse-battery-staple'])
        expect(sink(make(secret)), `with ${secret}`).not.toContain(secret);
    }));

  it('are hidden whatever characters they have', async (context) => {
    const one = tally(context);
    const secret = fc.stringMatching(/^[A-Za-z0-9!#$%&*+;<=>?^_|~-]{6,24}$/).map((text) => `Q${text}Q`);
    const kind = fc.constantFrom('a password', 'a secret access key', 'an environment variable', 'a map below a name', 'a flag in a list');
    const sink = fc.constantFrom('difference', 'shown as JSON', 'document', 'bundle');
    await fc.assert(
      fc.asyncProperty(secret, kind, sink, async (text, of, where) => {
        await one(() => expect(SINKS[where]!(DOCUMENTS[of]!(text))).not.toContain(text));
      }),
      { numRuns: 500, seed: 20_261 },
    );
  });

  it('are hidden in an object of kind Secret, whatever its keys are', () => {
    const text =
      '---\n# loki.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  config.yaml: aHVudGVyMg==\nstringData:\n  a: hunter2\n---\nkind: ConfigMap\n';
    const safe = redactDocuments(text, hidden);
    expect(safe).not.toMatch(/aHVudGVyMg|hunter2/);
    expect(safe).toContain('kind: ConfigMap');
  });

  it.each([
    'password_file = "/etc/loki-eks/password"',
    'existingSecret: loki-gateway-login',
    'secretKeyRef:\n  name: login\n  key: password',
    'imagePullSecrets:\n  - name: registry',
    'serviceAccountToken:\n  path: token\n  expirationSeconds: 86400',
    'num_tokens: 128',
    'password = env("GATEWAY_PASSWORD")',
    'proxy_pass http://loki:3100;',
    'arn:aws:secretsmanager:eu-west-1:1:secret:name-AbCdEf',
    'https://example.com/a@b',
  ])('and what says where they lie is not: %s', (text) => {
    expect(redactText(text)).toBe(text);
  });

  it('of any length are kept out of events, and the words of events are not', (context) =>
    everyRow(
      context,
      ['1', '42', '1234', 'loki', 'pass', 'step', 'finished', 'note.given', 'hunter2', 'with "quotes"', 'a-long-password-of-somebody'].map(
        (secret) => [secret, secret] as const,
      ),
      (secret) => {
        const said: unknown[] = [];
        const redacted = redaction();
        redacted.hide(secret);
        const text = `it is ${secret}, in base64 ${Buffer.from(secret).toString('base64')}`;
        redacted.guard((event) => void said.push(event))({ type: 'note.given', text });
        redacted.guard((event) => void said.push(event))({ type: 'check.finished', check: 'a', title: 'b', verdict: { is: 'pass', detail: text } });
        const [note, check] = said as [{ type: string; text: string }, { verdict: { is: string; detail: string } }];
        expect([note.type, check.verdict.is]).toEqual(['note.given', 'pass']);
        for (const shown of [note.text, check.verdict.detail]) expect(shown).toBe('it is [secret], in base64 [secret]');
      },
    ));
});

describe('passwords by file', () => {
  let terminal: Terminal;
  let pristine: string;
  beforeAll(async () => {
    terminal = await openTerminal({ speed: 100 });
    pristine = terminal.snapshot();
  });
  afterAll(() => terminal.close());

  const file = (text: string | Uint8Array, mode = 0o600) => {
    const path = join(terminal.folder, 'password');
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const codes = (ran: Ran) => ran.events.filter(({ type }) => type === 'warning.raised').map(({ problem }) => problem.code as string);

  it('that can not be used are refused before anything is asked', { timeout: 120_000 }, (context) =>
    everyRow(
      context,
      Object.entries({
        empty: '',
        'a line end': '\n',
        'an empty first line': '\nsecret-on-the-second-line\n',
        blanks: '   \n',
        'a byte order mark': '\ufeff\n',
        'a control character': 'abc\u0000defghijklmnopqr',
        long: 'x'.repeat(300),
      }),
      async (text) => {
        terminal.writes();
        const ran = await terminal.cli(['install', '--yes', '--output', 'json', '--password-file', file(text)]);
        expect(ran.exit, ran.stdout + ran.stderr).toBe(2);
        expect(ran.events.at(-1)?.['problems']).toMatchObject([{ code: 'PASSWORD_UNUSABLE' }]);
        expect(terminal.writes()).toEqual([]);
        expect(terminal.snapshot()).toBe(pristine);
      },
    ),
  );

  it('that others may guess, read or change are warned of', { timeout: 120_000 }, (context) =>
    everyRow(
      context,
      Object.entries({
        'a short one': { text: '1234\n', mode: 0o600, warns: ['PASSWORD_SHORT'] },
        'one that everybody may write': { text: 'a-password-that-is-long', mode: 0o606, warns: ['PASSWORD_FILE_PERMISSIONS'] },
        'one that the group may write': { text: 'a-password-that-is-long', mode: 0o620, warns: ['PASSWORD_FILE_PERMISSIONS'] },
        'one that everybody may read': { text: 'a-password-that-is-long', mode: 0o644, warns: ['PASSWORD_FILE_PERMISSIONS'] },
        'a good one': { text: 'a-password-that-is-long', mode: 0o640, warns: [] },
      }),
      async ({ text, mode, warns }) => {
        const ran = await terminal.cli(['plan', '--output', 'json', '--password-file', file(text, mode)]);
        expect(ran.exit, ran.stdout + ran.stderr).toBe(0);
        expect(codes(ran).filter((code) => code.startsWith('PASSWORD_'))).toEqual(warns);
        expect(
          ran.events
            .filter(({ type }) => type !== 'run.started')
            .map((event) => JSON.stringify({ ...event, time: '', seq: 0, seconds: 0 }))
            .join(''),
        ).not.toMatch(/\b1234\b|a-password-that-is-long/);
      },
    ),
  );

  it('are hashed so that a guess is dear, and stay as they are the next time', { timeout: 240_000 }, async () => {
    const words = ['install', '--yes', '--no-verify', '--output', 'json', '--password-file', file('correct horse battery staple')];
    expect((await terminal.cli(words)).exit).toBe(0);
    expect(secretText(terminal, { namespace: 'loki', name: 'loki-gateway-htpasswd', key: '.htpasswd' })).toMatch(/^loki:\$6\$rounds=1000\$/);
    expect((await terminal.cli(words)).events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
    expect((await terminal.cli(['verify'])).exit).toBe(0);
  });

  it("the user's secrets are not in what is shown, unless asked for", { timeout: 120_000 }, async () => {
    const values = join(terminal.folder, 'values.yaml');
    writeFileSync(
      values,
      stringify({
        loki: { storage: { s3: { secretAccessKey: 'hunter2-key' } } },
        querier: {
          extraEnv: [
            { name: 'DB_PASSWORD', value: 'hunter2-env' },
            { name: 'PROXY', value: 'http://me:hunter2-url@proxy:3128' },
          ],
        },
      }),
    );
    const run = (...words: string[]) => terminal.cli(['plan', '--loki-values', values, ...words]);
    for (const what of ['values', 'manifests']) {
      const shown = await run('--show', what);
      expect(shown.exit, shown.stderr).toBe(0);
      expect(shown.stdout + shown.stderr).not.toContain('hunter2');
      expect(shown.stdout).toContain('(hidden)');
      expect(shown.stderr).toContain('--reveal');
    }
    expect((await run('--show', 'values', '--reveal')).stdout).toMatch(/hunter2-key[\s\S]*hunter2-env[\s\S]*hunter2-url/);
    const plan = await run();
    expect(plan.stdout).toContain('DB_PASSWORD');
    expect(plan.stdout + plan.stderr).not.toContain('hunter2');
  });

  it('what we render ourselves is shown whole', { timeout: 120_000 }, async () => {
    for (const what of ['values', 'alloy', 'manifests']) {
      const [safe, whole] = await Promise.all([terminal.cli(['plan', '--show', what]), terminal.cli(['plan', '--show', what, '--reveal'])]);
      expect(safe.stdout).toBe(whole.stdout);
    }
  });

  it.runIf(spawnSync('nginx', ['-v']).status === 0)('nginx takes the hash', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'www'));
    writeFileSync(join(folder, 'www', 'index.html'), 'ok');
    const login = { user: 'loki', password: 'correct horse battery staple' };
    writeFileSync(join(folder, 'htpasswd'), `${loginLine(login, { salt: Buffer.from('123456789'), rounds: 1000, chosen: true })}\n`);
    const port = await freePort();
    const server = `server { listen 127.0.0.1:${port}; auth_basic x; auth_basic_user_file ${folder}/htpasswd; root ${folder}/www; }`;
    writeFileSync(join(folder, 'nginx.conf'), `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {} http { access_log off; ${server} }`);
    const nginx = spawn('nginx', ['-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
    const ask = async (password: string) => {
      const authorization = `Basic ${Buffer.from(`loki:${password}`).toString('base64')}`;
      return (await fetch(`http://127.0.0.1:${port}/index.html`, { headers: { authorization } }).catch(() => undefined))?.status;
    };
    try {
      await expect.poll(() => ask(login.password), { timeout: 20_000 }).toBe(200);
      expect(await ask('another')).toBe(401);
    } finally {
      nginx.kill();
      await new Promise((resolve) => nginx.once('close', resolve));
      await rm(folder, { recursive: true });
    }
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
