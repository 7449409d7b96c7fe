/** A new password while pods print: every line comes back, the former password is gone, and nothing of either is said or written down. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { filesBelow, secretText, takeAway } from '../scenarios/story.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';

let terminal: Terminal;
let pristine: string;
beforeAll(async () => {
  terminal = await openTerminal({ speed: 20 });
  pristine = terminal.snapshot();
  const { exit, stderr } = await terminal.cli(['install', '--yes', '--no-verify']);
  expect(exit, stderr).toBe(0);
  const printing = 'i=0; while true; do i=$((i+1)); echo "printed $i"; sleep 1; done';
  await terminal.shell(`kubectl run printer --image busybox --restart Never -- sh -c '${printing}'`);
  const ready = await terminal.shell('kubectl wait --for=condition=Ready pod/printer --timeout=30s');
  expect(ready.exit, ready.stderr).toBe(0);
});
afterAll(() => terminal.close());

const password = (namespace = 'loki') => secretText(terminal, { namespace, name: 'loki-gateway-login', key: 'password' });
const file = () => secretText(terminal, { namespace: 'loki', name: 'loki-gateway-htpasswd', key: '.htpasswd' });
const rotate = () => terminal.cli(['install', '--yes', '--no-verify', '--rotate-login', '--output', 'json']);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Through a gateway pod, as Grafana would. */
async function gateway(login: string, query: string): Promise<{ readonly status: number; readonly lines: readonly string[] }> {
  const { store, runtime } = terminal.sandbox.world;
  const pod = store.list('Pod', { namespace: 'loki', selector: 'app.kubernetes.io/component=gateway' }).find(({ metadata }) => !metadata.deletionTimestamp);
  if (!pod) throw new Error('no gateway pod');
  const day = 86_400_000;
  const search = new URLSearchParams({ query, limit: '5000', start: `${Date.now() - day}000000`, end: `${Date.now() + day}000000` });
  const headers = { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  const path = `/loki/api/v1/query_range?${search}`;
  const answer = await runtime.request(pod, 8080, { method: 'GET', path, headers, body: new Uint8Array() });
  const text = answer.body.toString();
  if (answer.status !== 200) return { status: answer.status, lines: [] };
  const { data } = JSON.parse(text) as { data: { result: readonly { values: readonly (readonly [string, string])[] }[] } };
  return { status: 200, lines: data.result.flatMap(({ values }) => values.map(([, line]) => line)) };
}

const printed = async () => (await terminal.shell('kubectl logs printer')).stdout.trim().split('\n');

/** The lines that a pod printed before now, of which Loki has none; asked until there are none, or for half a minute. */
async function missing(): Promise<readonly string[]> {
  const all = await printed();
  let lost: readonly string[] = all;
  for (let waited = 0; waited < 30_000 && lost.length > 0; waited += 500) {
    const { lines } = await gateway(`loki:${password()}`, '{namespace="default"}');
    const back = new Set(lines);
    lost = all.filter((line) => !back.has(line));
    if (lost.length > 0) await pause(500);
  }
  if (lost.length > 0) {
    const said = await terminal.shell(
      'kubectl -n loki logs -l app.kubernetes.io/component=gateway --tail 20; kubectl -n alloy logs -l app.kubernetes.io/name=alloy --tail 20',
    );
    throw new Error(`${lost.join(', ')} lost\n${said.stdout}`);
  }
  return lost;
}

it('loses no line, and ends with one password that was never said', async () => {
  const former = password();
  expect(await missing()).toEqual([]);
  const before = (await printed()).length;
  const ran = await rotate();
  expect(ran.exit, ran.stdout).toBe(0);
  const fresh = password();
  expect(fresh).toHaveLength(32);
  expect(fresh).not.toBe(former);
  expect(password('alloy')).toBe(fresh);
  expect((await printed()).length).toBeGreaterThan(before + 20);
  expect(await missing()).toEqual([]);
  expect((await gateway(`loki:${former}`, '{namespace="default"}')).status).toBe(401);
  expect((await gateway(`loki-rotating:${fresh}`, '{namespace="default"}')).status).toBe(401);
  expect(file().trim().split('\n')).toHaveLength(1);
  expect(secretText(terminal, { namespace: 'alloy', name: 'loki-gateway-login', key: 'rotating' })).toBe('');
  const told = [ran.stdout, ran.stderr, ...filesBelow(terminal.folder).values()].join('\n');
  for (const secret of [former, fresh]) {
    expect(told).not.toContain(secret);
    expect(told).not.toContain(Buffer.from(secret).toString('base64'));
  }
  expect((await terminal.cli(['plan', '--detailed-exitcode'])).exit).toBe(0);
});

it('is taken back without losing a line when it fails in the middle', async () => {
  const former = password();
  // Helm writes a Secret for each revision: the second rollout, back to the first user with its new password, is refused.
  terminal.sandbox.world.addFault({ call: 'kube:create:secrets', how: 'deny', from: 2, times: 1 });
  const ran = await rotate();
  terminal.sandbox.world.faults.clear();
  expect(ran.exit, ran.stdout).toBe(4);
  expect(password()).toBe(former);
  expect(password('alloy')).toBe(former);
  expect(file().trim().split('\n')).toHaveLength(1);
  expect(await missing()).toEqual([]);
  expect((await terminal.cli(['plan', '--detailed-exitcode'])).exit).toBe(0);
});

it('and a given password exclude each other; a new installation is rotated already', async () => {
  const both = await terminal.cli(['install', '--yes', '--rotate-login', '--password-file', 'x']);
  expect(both.exit).toBe(2);
  expect(both.stderr).toContain('ROTATION_AND_PASSWORD');
  await terminal.shell('kubectl delete pod printer --wait=true');
  await takeAway(terminal);
  expect(terminal.snapshot()).toBe(pristine);
  const ran = await rotate();
  expect(ran.exit, ran.stdout).toBe(0);
  expect(ran.events.some(({ type, text }) => type === 'step.said' && /collectors move/.test(text))).toBe(false);
});
