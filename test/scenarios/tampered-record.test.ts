/** Whoever may write the record in the cluster moves nothing with it: no file is read, no program run, no other host called, no chart taken from elsewhere. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingSpecs } from '../../src/design/setting-specs.ts';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { codesOf, quick, secretText, takeAway } from './story.ts';

const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');
const SECRET_LINE = 'file-content-that-nobody-may-read';

let terminal: Terminal;
let evil: Server;
let url: string;
const calls: string[] = [];
const ran = () => join(terminal.folder, 'ran');

beforeAll(async () => {
  evil = createServer((request, response) => {
    calls.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`);
    response.end('{}');
  });
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
  terminal = await openTerminal(quick);
  writeFileSync(join(terminal.folder, 'file'), `${SECRET_LINE}\n`);
  writeFileSync(join(terminal.folder, 'program'), `#!/bin/sh\necho ran >> ${ran()}\n`);
  chmodSync(join(terminal.folder, 'program'), 0o755);
  const { exit, stderr } = await terminal.cli(['install', '--yes']);
  expect(exit, stderr).toBe(0);
});
afterAll(async () => {
  await terminal.close();
  await new Promise((resolve) => evil.close(resolve));
});

type Data = Readonly<Record<string, string>>;
const record = () => terminal.sandbox.world.store.get('Secret', 'loki', 'loki-eks') as KubeObject & { readonly data: Data };
const original = () => structuredClone(record());

/** What the record says, changed as whoever may write Secrets in that namespace could change it. */
async function tampered(change: (secret: ReturnType<typeof record>) => object): Promise<() => Promise<void>> {
  const before = original();
  const put = async (object: object) => {
    const file = join(terminal.folder, 'record.json');
    writeFileSync(file, JSON.stringify(object));
    const { stderr } = await terminal.shell(`kubectl delete secret -n loki loki-eks >/dev/null; kubectl create -f ${file}`);
    expect(stderr).toBe('');
  };
  const bare = (secret: KubeObject) => {
    const { name, namespace, labels, annotations } = secret.metadata;
    return { ...secret, metadata: { name, namespace, labels, annotations } };
  };
  await put(bare(change(structuredClone(before)) as KubeObject));
  return () => put(bare(before));
}

const settingsIn = ({ data }: { readonly data: Data }) => JSON.parse(Buffer.from(data['settings.json'] ?? '', 'base64').toString()) as Record<string, unknown>;
const warningsOf = ({ events }: Ran) =>
  events.filter(({ type }) => type === 'warning.raised').map(({ problem }) => problem as { readonly code: string; readonly message: string });

/** For each setting what would do most harm. */
function hostile(): Readonly<Record<string, unknown>> {
  const file = join(terminal.folder, 'file');
  const program = join(terminal.folder, 'program');
  const by: Readonly<Record<string, unknown>> = {
    cluster: 'other',
    region: 'us-east-1',
    namespace: 'kube-system',
    profile: 'other',
    kubeconfig: file,
    context: 'other',
    passwordFile: file,
    grafanaTokenFile: file,
    grafanaUrl: url,
    gatewayUrl: url,
    grafanaAdmin: true,
    helm: program,
    lokiChart: `oci://${url.slice(7)}/evil/loki`,
    alloyChart: `oci://${url.slice(7)}/evil/alloy`,
    chartRepo: url,
    lokiValues: [file],
    alloyValues: [file],
    existingBuckets: 'recreate',
    confirmRecreate: [...terminal.sandbox.world.account.state.s3.buckets.keys()],
    createOidcProvider: true,
    timeoutSeconds: 1,
    onFailure: 'keep',
    onUnfinished: 'undo',
    verify: false,
    output: 'plain',
  };
  const never = settingSpecs.filter(({ record: kind }) => kind !== 'believed').map(({ field }) => field as string);
  expect(Object.keys(by).toSorted()).toEqual(never.toSorted());
  return by;
}

const commands: readonly (readonly string[])[] = [
  ['status'],
  ['plan'],
  ['verify', '--sample', '1'],
  ['doctor'],
  ['orphan', '--dry-run'],
  ['doctor', '--fix', '--yes'],
];

it.each(commands)('%s %s %s takes none of it, and says what it leaves out', async (...words) => {
  const wanted = hostile();
  const back = await tampered((secret) => ({
    ...secret,
    data: {
      ...secret.data,
      'settings.json': encode({ ...settingsIn(secret), ...wanted }),
      'adopted.json': encode({ settings: wanted, file: 'x' }),
    },
  }));
  const done = await terminal.cli([...words.filter(Boolean), '--output', 'json']);
  await back();
  // A record that was changed is itself a difference from what was installed.
  expect(done.exit, done.stdout + done.stderr).toBe(words[0] === 'status' ? 6 : 0);
  expect(calls).toEqual([]);
  expect(existsSync(ran())).toBe(false);
  expect(done.stdout + done.stderr).not.toContain(SECRET_LINE);
  const told = warningsOf(done);
  expect(told.filter(({ code }) => code !== 'RECORD_VALUE_IGNORED')).toEqual([]);
  const said = (document: string) =>
    told.flatMap(({ message }) => new RegExp(`^Secret loki/loki-eks: (\\w+) in ${document} is ignored`).exec(message)?.[1] ?? []);
  const silent = ['cluster', 'region', 'namespace', 'createOidcProvider'];
  if (words[0] === 'status')
    expect(said('settings.json').toSorted()).toEqual(
      Object.keys(wanted)
        .filter((key) => !silent.includes(key))
        .toSorted(),
    );
  if (words[0] === 'plan') expect(said('adopted.json').toSorted()).toEqual([...Object.keys(wanted), 'file'].toSorted());
});

it('install takes none of it either, and the record is as it was', async () => {
  const password = secretText(terminal, { namespace: 'loki', name: 'loki-gateway-login', key: 'password' });
  const before = original().data;
  await tampered((secret) => ({ ...secret, data: { ...secret.data, 'adopted.json': encode({ settings: hostile() }), more: encode('x') } }));
  const done = await terminal.cli(['install', '--yes', '--no-verify', '--output', 'json']);
  expect(done.exit, done.stdout).toBe(0);
  expect(calls).toEqual([]);
  expect(existsSync(ran())).toBe(false);
  expect(secretText(terminal, { namespace: 'loki', name: 'loki-gateway-login', key: 'password' })).toBe(password);
  expect(settingsIn(record())).toEqual(settingsIn({ data: before }));
  expect(Object.keys(record().data)).not.toContain('more');
});

describe('a record that nobody could have written', () => {
  const broken: readonly (readonly [string, Data])[] = [
    ['no JSON', { 'settings.json': encode('{') }],
    ['null', { 'settings.json': encode('null'), 'adopted.json': encode('null') }],
    ['a list', { 'settings.json': encode('[]') }],
    ['no base64', { 'settings.json': '####' }],
    ['empty', { 'settings.json': '' }],
    ['very deep', { 'settings.json': encode(`{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`) }],
    ['values that are a list', { 'loki-values.json': encode('[1]') }],
    ['values of JavaScript', { 'loki-values.json': encode('{"__proto__":{"a":1}}') }],
    ['adopted: no JSON', { 'adopted.json': encode('x') }],
    ['adopted: a name that can not be one', { 'adopted.json': encode({ settings: { chunksBucket: '*' } }) }],
    ['adopted: a template', { 'adopted.json': encode({ settings: {}, schema: [{ from: '2024-01-01', schema: 'v13', store: '{{ lookup }}' }] }) }],
  ];

  it.each(broken)(
    '%s: one clear problem, or a warning, and never a defect',
    async (_, data) => {
      const back = await tampered((secret) => ({ ...secret, data: { ...secret.data, ...data } }));
      for (const words of [['status'], ['plan'], ['uninstall', '--yes', '--delete-data']]) {
        const done = await terminal.cli([...words, '--output', 'json']);
        expect([0, 3, 6], `${words.join(' ')}: ${done.stdout}`).toContain(done.exit);
        expect(codesOf(done)).not.toContain('INTERNAL_ERROR');
        if (words[0] === 'uninstall') expect(done.exit).toBe(3);
      }
      await back();
    },
    60_000,
  );
});

it.each([
  ['without our label', (secret: KubeObject) => ({ ...secret, metadata: { ...secret.metadata, labels: {} } })],
  [
    'of another cluster',
    (secret: KubeObject) => ({ ...secret, metadata: { ...secret.metadata, annotations: { 'loki-eks.dev/cluster-arn': 'arn:aws:eks:x:1:cluster/y' } } }),
  ],
  [
    'of another installation',
    (secret: KubeObject) => ({ ...secret, metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, 'loki-eks.dev/install-id': '00000000' } } }),
  ],
  ['of another type', (secret: KubeObject) => ({ ...secret, type: 'Opaque' })],
])('a Secret %s is not read at all', async (_, change) => {
  const back = await tampered(change);
  const done = await terminal.cli(['status', '--output', 'json']);
  await back();
  expect(done.exit).toBe(6);
  expect(codesOf(done)).toEqual(['NOT_INSTALLED']);
  expect(warningsOf(done).map(({ code }) => code)).toEqual(['RECORD_NOT_OURS']);
});

it('values that reach out of the namespace, or are a template, are not acted with', async () => {
  const objects = [
    {
      extraObjects: [
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: 'pwn' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
          subjects: [],
        },
      ],
    },
    { gateway: { podAnnotations: { leak: '{{ (lookup "v1" "Secret" "kube-system" "x").data }}' } } },
  ];
  for (const values of objects) {
    const back = await tampered((secret) => ({ ...secret, data: { ...secret.data, 'loki-values.json': encode(values) } }));
    await terminal.shell('kubectl -n loki delete deployment loki-gateway');
    const done = await terminal.cli(['doctor', '--fix', '--yes', '--output', 'json']);
    await back();
    expect(
      warningsOf(done).map(({ code }) => code),
      done.stdout,
    ).toContain('RECORDED_VALUES_UNUSED');
    expect((await terminal.shell('kubectl get clusterrolebinding pwn')).exit).not.toBe(0);
    expect((await terminal.cli(['doctor', '--fix', '--yes'])).exit).toBe(0);
  }
}, 120_000);

it('values of the collector that its release does not have are not believed', async () => {
  const back = await tampered((secret) => ({ ...secret, data: { ...secret.data, 'alloy-values.json': encode({ image: { registry: url.slice(7) } }) } }));
  const done = await terminal.cli(['verify', '--sample', '1', '--output', 'json']);
  await back();
  expect(done.exit, done.stdout).toBe(0);
  expect(warningsOf(done).map(({ message }) => message)).toEqual([expect.stringContaining('Helm release alloy/alloy does not have these values')]);
});

it('and what was installed can still be taken away', async () => {
  await tampered((secret) => ({ ...secret, data: { ...secret.data, 'settings.json': encode({ ...settingsIn(secret), ...hostile() }) } }));
  await takeAway(terminal);
  expect(calls).toEqual([]);
});
