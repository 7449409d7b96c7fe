/** The guide's installation, with lines in its buckets, is taken over, let go, and taken over again: nothing that is stored is touched. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settled } from '../fault-injection/compare.ts';
import { installGuide } from '../doctor/guide-installation.ts';
import { does } from '../doctor/patient.ts';
import { gatewayForward } from '../support/gateway-forward.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { codesOf, worldOf } from '../scenarios/story.ts';

const LINE = 'a line from before';
let terminal: Terminal;
let pristine: string;
/** Keys and ETags of everything that the guide's Loki had stored. */
let stored: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

beforeAll(async () => {
  terminal = await openTerminal({ nodes: 4, speed: 20 });
  await installGuide(terminal);
  await does(terminal, 'helm upgrade alloy grafana/alloy -n alloy -f alloy-values.yaml --set alloy.mounts.varlog=true --wait');
  await does(terminal, `kubectl run before --image=busybox --restart=Never -- sh -c 'echo "${LINE}"; sleep 3600'`);
  await does(terminal, 'kubectl rollout status daemonset/alloy -n alloy --timeout=60s');
  await until(async () => (await found(LINE)) > 0);
  await until(() => Object.keys(bucket(chunks()).objects).length > 0);
  pristine = world();
  stored = Object.fromEntries([chunks(), ruler()].map((name) => [name, bucket(name).objects]));
}, 300_000);
afterAll(() => terminal?.close());

const world = () => settled(terminal.sandbox.world);
const chunks = () => `loki-aws-dev-chunks-${terminal.sandbox.world.account.id}`;
const ruler = () => chunks().replace('chunks', 'ruler');
const bucket = (name: string) => worldOf(terminal).account.s3[name]!;
const marksOf = (name: string) => Object.keys(bucket(name).tags).filter((key) => key.startsWith('loki-eks/'));

/** How often the guide's own login finds it, as the guide's tenant. */
async function found(line: string): Promise<number> {
  const query = encodeURIComponent(`{namespace="default"} |= "${line}"`);
  const text = await does(
    terminal,
    `${gatewayForward}
     curl --silent --fail --user loki:loki --header 'X-Scope-OrgID: foo' "http://127.0.0.1:$port/loki/api/v1/query_range?limit=100&query=${query}"`,
  );
  return text.split(line).length - 1;
}

async function until(true_: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !(await true_());) {
    if (Date.now() > end) throw new Error('it did not come about in 20 seconds');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Nothing of what was stored is gone or has changed; a running Loki may add. */
function expectStored(): void {
  for (const [name, before] of Object.entries(stored)) expect(bucket(name).objects).toMatchObject(before);
}

const cli = async (words: string, exit = 0): Promise<Ran> => {
  const ran = await terminal.cli([...words.split(' '), '--output', 'json']);
  expect(ran.exit, `${words}\n${JSON.stringify(ran.events.filter(({ type }) => type.endsWith('.failed')))}`).toBe(exit);
  return ran;
};

describe("the guide's installation", () => {
  it('is not touched by install, which names adopt', async () => {
    const ran = await cli('install --yes', 3);
    expect(codesOf(ran)).toContain('RELEASE_NOT_OURS');
    expect(ran.stdout).toContain('loki-eks adopt');
    expect(world()).toBe(pristine);
  });

  it('is as it was when its adoption fails at the last release', async () => {
    terminal.sandbox.world.addFault({ call: 'kube:patch:daemonsets', how: 'deny', times: 1 });
    const ran = await cli('adopt --yes', 4);
    expect(codesOf(ran)).toEqual(['KUBE_FORBIDDEN']);
    // Pods of the former revision come up in their own time.
    await until(() => world() === pristine).catch(() => {});
    expect(world()).toBe(pristine);
    expectStored();
  }, 120_000);

  it('refuses what belongs to another installation', async () => {
    const tags = { ...bucket(chunks()).tags, 'loki-eks/install-id': '00000000' };
    terminal.sandbox.world.account.state.s3.buckets.get(chunks())!.tags = tags;
    const ran = await cli('adopt --yes', 3);
    expect(codesOf(ran)).toEqual(['OWNED_BY_ANOTHER_INSTALLATION']);
    terminal.sandbox.world.account.state.s3.buckets.get(chunks())!.tags = {};
    expect(world()).toBe(pristine);
  });

  it('is adopted with its names, its tenant, its login and everything that is stored', async () => {
    const shown = await cli('adopt --yes --dry-run');
    expect(world()).toBe(pristine);
    expect(shown.stdout).not.toMatch(/password = \\"loki/);
    const ran = await cli('adopt --yes');
    expect(ran.events.find(({ type }) => type === 'verify.finished')?.['result']).toMatchObject({ found: true });
    expect([marksOf(chunks()), marksOf(ruler())]).toEqual([expect.arrayContaining(['loki-eks/install-id']), expect.arrayContaining(['loki-eks/install-id'])]);
    expectStored();
    expect(await found(LINE)).toBeGreaterThan(0);
  }, 120_000);

  it('is then an installation like any other', async () => {
    terminal.writes();
    const status = await cli('status');
    const { buckets, drift, healthy } = status.events.find(({ type }) => type === 'status.finished')!['result'];
    expect({ drift, healthy, names: buckets.map(({ name }: { name: string }) => name) }).toEqual({ drift: [], healthy: true, names: [chunks(), ruler()] });
    expect((await cli('plan --detailed-exitcode')).exit).toBe(0);
    expect((await cli('install --yes')).events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
    expect(terminal.writes().filter((call) => !/SelfSubjectAccessReview|selfsubjectaccess/i.test(call))).toEqual([]);
  });

  it('refuses a change that would put its lines out of reach', async () => {
    const schema = [
      'loki:',
      '  schemaConfig:',
      '    configs: [{from: "2024-04-01", store: tsdb, object_store: s3, schema: v12, index: {prefix: loki_index_, period: 24h}}]',
    ];
    await writeFile(join(terminal.folder, 'other.yaml'), schema.join('\n'));
    expect(codesOf(await cli('install --yes --loki-values other.yaml', 3))).toEqual(['SCHEMA_CHANGED']);
    expect(codesOf(await cli(`install --yes --chunks-bucket ${ruler()}`, 3))).toEqual(['STORAGE_MOVED']);
  });

  it('is let go without a pod noticing, and adopted again', async () => {
    const pods = () => terminal.sandbox.world.store.list('Pod', { namespace: 'loki' }).map(({ metadata }) => metadata.uid);
    const before = pods();
    await cli('orphan --yes');
    expect(terminal.snapshot()).not.toMatch(/loki-eks\/install-id|loki-eks\.dev\/cluster-arn/);
    expect((await cli('status', 6)).events.at(-1)?.['problems']).toMatchObject([{ code: 'NOT_INSTALLED' }]);
    expect(codesOf(await cli('orphan --yes', 3))).toEqual(['NOT_INSTALLED']);
    expect(await found(LINE)).toBeGreaterThan(0);
    await cli('adopt --yes --no-verify');
    expect(pods()).toEqual(before);
    expect((await cli('plan --detailed-exitcode')).exit).toBe(0);
    expectStored();
  }, 120_000);

  it('leaves its buckets and their objects, its role and what was made by hand when it is uninstalled', async () => {
    await cli('uninstall --yes');
    expectStored();
    expect(worldOf(terminal).account.iam).toEqual((JSON.parse(pristine) as ReturnType<typeof worldOf>).account.iam);
    const { stdout } = await terminal.shell('kubectl get secret loki-basic-auth -n loki -o json');
    expect(stdout).not.toMatch(/install-id|cluster-arn|loki-eks/);
    await does(terminal, 'kubectl get namespace loki alloy');
  }, 60_000);
});
