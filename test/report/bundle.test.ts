/** What goes into a support bundle, what never does, and what becomes of a source that does not answer. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { archive } from '../../src/commands/doctor/bundle/archive.ts';
import { blanking } from '../../src/commands/doctor/bundle/redaction.ts';
import { gather } from '../../src/commands/doctor/bundle/bundle.ts';
import { deadline } from '../../src/commands/deadline.ts';
import type { RunContext } from '../../src/deps.ts';
import { collected, collectErrors } from '../../src/commands/doctor/collect/objects.ts';
import { stop } from '../../src/problems/problem.ts';

const bcrypt = '$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';
const apr = '$apr1$abcdefgh$0123456789abcdefghijkl';
const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJsb2tpIn0.c2lnbmF0dXJlLW9mLWl0';
const awsSecret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

describe('what is blanked', () => {
  it.each<readonly [string, string, string]>([
    ['a hash of nginx', `loki:${bcrypt}`, bcrypt],
    ['a hash of htpasswd', `loki:${apr}`, apr],
    ['a plain entry', 'loki:{PLAIN}hunter2', 'hunter2'],
    ['a key of AWS', 'aws_access_key_id = AKIAIOSFODNN7EXAMPLE', 'AKIAIOSFODNN7EXAMPLE'],
    ['a secret key of AWS', `aws_secret_access_key = ${awsSecret}`, awsSecret],
    ['the same in JSON', `{"SecretAccessKey": "${awsSecret}", "x": 1}`, awsSecret],
    ['the same in JSON in JSON', JSON.stringify({ text: JSON.stringify({ secretAccessKey: awsSecret }) }), awsSecret],
    ['a secret key of AWS without a name', `ASIAIOSFODNN7EXAMPLE ${awsSecret}`, awsSecret],
    ['one without a slash, in quotes', 'key "kJ8sPq2LmN4vXz9RtY6wBc3HdF7gQe5UaVi1oKjM"', 'kJ8sPq2LmN4v'],
    ['a token of Hugging Face', 'login with hf_aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH ok', 'hf_aBcDeF'],
    ['a key of NVIDIA', 'NGC: nvapi-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789', 'nvapi-AbCd'],
    ['a signed address', 'GET https://b.s3.amazonaws.com/x?X-Amz-Credential=ASIA/1&X-Amz-Signature=deadbeefdeadbeef', 'deadbeefdeadbeef'],
    ['a token of a service account', `token: ${jwt}`, jwt],
    ['a token of EKS', 'using k8s-aws-v1.aHR0cHM6Ly9zdHMuZXg to ask', 'aHR0cHM6Ly9zdHMuZXg'],
    ['a header', 'Authorization: Basic bG9raTpsb2tpbG9raQ==', 'bG9raTpsb2tpbG9raQ'],
    ['a bearer', 'level=info header="Bearer abcdef0123456789"', 'abcdef0123456789'],
    ['a token of Grafana', 'glsa_AbCdEfGhIjKlMnOpQrStUvWx_12345678', 'AbCdEfGhIjKlMnOp'],
    ['a login in an address', 'proxy http://user:hunter2@proxy:3128', 'hunter2'],
    ['a password in Alloy', '    password = "loki"', '"loki"'],
    ['a password of a data source', 'secureJsonData: {basicAuthPassword: loki, httpHeaderValue1: secret-tenant}', 'secret-tenant'],
    ['a password with quotes in it', String.raw`password: "lo\"ki hunter2"`, 'hunter2'],
    ['a password of several lines', 'a:\n  password: |\n    hunter2\n    more\n  b: 1', 'more'],
    ['a variable', 'GF_SECURITY_ADMIN_PASSWORD=hunter2', 'hunter2'],
    ['a private key', '-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----', 'MIIEow'],
  ])('%s', (_, text, secret) => {
    const blanked = blanking().text(text);
    expect(blanked.text).not.toContain(secret);
    expect(blanked.text).toContain('[removed: ');
    expect(blanked.removed.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(0);
  });

  it.each([
    'password_file = "/etc/loki-eks/password"',
    'secretName: loki-gateway-login',
    'arn:aws:iam::111122223333:role/loki-eks-demo',
    'password = env("GATEWAY_PASSWORD")',
    'password: ${GATEWAY_PASSWORD}',
    'ring tokens=128 state=ACTIVE',
    '401 Authorization Required',
    'loki_source_file_files_active_total 0',
    'automountServiceAccountToken: true',
    'commit 5d41402abc4b2a76b9719d911017c5920aa11b22',
    '/var/lib/containerd/io/containerd/runtime',
    'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'loki-ingester-0 chunks/training/1a2b3c4d5e6f7a8b:18f2c1d2e3f:18f2c2d3e4f:9a8b7c6d',
  ])('but not: %s', (text) => {
    expect(blanking().text(text)).toEqual({ text, removed: [] });
  });

  it('what is known to be secret, in all its forms, and counts it', () => {
    const blank = blanking();
    blank.learn('correct horse+battery\n');
    blank.learn('short');
    const text = `a correct horse+battery b ${Buffer.from('correct horse+battery').toString('base64')} c correct%20horse%2Bbattery short`;
    expect(blank.text(text)).toEqual({
      text: 'a [removed: known-secret] b [removed: known-secret] c [removed: known-secret] short',
      removed: [{ rule: 'known-secret', count: 3 }],
    });
  });

  it('in documents, by the name of a field or of a variable', () => {
    const given = {
      login: { password: 'loki', user: 'loki' },
      env: [
        { name: 'DB_PASSWORD', value: 'x' },
        { name: 'HOME', value: '/' },
      ],
      secretName: 'login',
      volumes: [{ secret: { secretName: 'a' } }],
    };
    expect(blanking().document(given)).toEqual({
      ...given,
      login: { password: '[removed: named-secret]', user: 'loki' },
      env: [
        { name: 'DB_PASSWORD', value: '[removed: named-secret]' },
        { name: 'HOME', value: '/' },
      ],
    });
  });

  it('a long log in no time', () => {
    const line = `ts=2026-01-02T03:04:05Z level=info msg="${'abc-def.'.repeat(40)}" path=/${'x'.repeat(300)} password=hunter22\n`;
    const began = performance.now();
    expect(blanking().text(line.repeat(2000)).removed).toEqual([{ rule: 'named-secret', count: 2000 }]);
    expect(performance.now() - began).toBeLessThan(4000);
  });
});

describe('the archive', () => {
  it('is one that tar reads, with long names and everything in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'loki-eks-archive-'));
    const long = `logs/${'n'.repeat(60)}/${'p'.repeat(80)}/container.log`;
    const files = [
      { path: 'manifest.json', content: Buffer.from('{}') },
      { path: long, content: Buffer.from('é'.repeat(700)) },
      { path: 'empty', content: Buffer.alloc(0) },
    ];
    await writeFile(join(folder, 'x.tar.gz'), archive(files, new Date('2026-01-02T03:04:05Z')));
    const listed = execFileSync('tar', ['-tvzf', 'x.tar.gz'], { cwd: folder, encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
    expect(listed.match(/-rw------- \S+ +\d+ 2026-01-02 03:04 \S+/g)).toHaveLength(3);
    execFileSync('tar', ['-xzf', 'x.tar.gz'], { cwd: folder });
    for (const { path, content } of files) expect(await readFile(join(folder, path))).toEqual(content);
    await rm(folder, { recursive: true });
  });
});

describe('gathering', () => {
  const sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
    });
  const clock = { now: () => new Date(), sleep };

  it('keeps what has come by the deadline, and says what has not, or was refused', async () => {
    const texts = new Map<string, string>();
    const missing: { what: string; why: string }[] = [];
    let late: (() => void) | undefined;
    const all = [
      { what: 'nodes', fill: async ({ put }: any) => put('nodes.yaml', 'a: 1') },
      { what: 'logs', fill: ({ put }: any) => (put('logs/first', '1'), new Promise<void>((resolve) => (late = () => resolve(put('logs/second', '2'))))) },
      { what: 'Secrets', fill: async () => Promise.reject(stop('KUBE_FORBIDDEN', { message: 'you may not list Secrets' })) },
    ];
    await gather(all, { texts, missing, clock, signal: new AbortController().signal, deadlineMs: 60 });
    late?.();
    expect(Object.fromEntries(texts)).toEqual({ 'nodes.yaml': 'a: 1', 'logs/first': '1' });
    expect(missing.toSorted((a, b) => (a.what < b.what ? -1 : 1))).toEqual([
      { what: 'Secrets', why: 'you may not list Secrets' },
      { what: 'logs', why: 'timed out after 0 s; includes what was collected by then' },
    ]);
  });

  it("leaves out what has not answered when the walk's time is over, and goes on without a deadline once it is lifted", async () => {
    let answer: ((found: string) => void) | undefined;
    const asked = { there: async () => 'nodes', slow: () => new Promise<string>((resolve) => (answer = resolve)) };
    const aws = { region: 'eu-west-1', roles: asked, buckets: () => asked };
    const limit = deadline({ deps: { clock, aws: async () => aws }, signal: new AbortController().signal } as unknown as RunContext, 60);
    const { roles, buckets, region } = (await limit.run.deps.aws({})) as unknown as typeof aws;
    expect([region, await roles.there(), await buckets().there(), limit.passed()]).toEqual(['eu-west-1', 'nodes', 'nodes', false]);
    const notCollected: { what: string; why: string }[] = [];
    expect(
      await Promise.all([collected(collectErrors(notCollected), 'a role', roles.slow()), collected(collectErrors(notCollected), 'a bucket', buckets().slow())]),
    ).toEqual([undefined, undefined]);
    expect(notCollected.map(({ what, why }) => `${what}: ${why}`)).toContain('a role: No response within 0 s, the time limit of a support bundle');
    expect(limit.passed()).toBe(true);
    await expect(roles.there()).rejects.toMatchObject({ problem: { code: 'COLLECT_TIMED_OUT' } });
    limit.lift();
    const slow = roles.slow();
    answer?.('at last');
    expect([await roles.there(), await slow]).toEqual(['nodes', 'at last']);
  });

  it('ends at once when the run is interrupted', async () => {
    const interrupted = new AbortController();
    const gathering = gather([{ what: 'logs', fill: () => new Promise(() => {}) }], {
      texts: new Map(),
      missing: [],
      clock,
      signal: interrupted.signal,
      deadlineMs: 60_000,
    });
    interrupted.abort(stop('INTERRUPTED'));
    await expect(gathering).rejects.toMatchObject({ problem: { code: 'INTERRUPTED' } });
  });
});
