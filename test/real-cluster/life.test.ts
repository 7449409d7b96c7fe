/** The whole life of an installation on a real API server, with real controllers, a real scheduler and the real helm. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayForward } from '../support/gateway-forward.ts';
import { codesOf } from '../scenarios/story.ts';
import { until } from './cluster.ts';
import { openRealTerminal, type RealTerminal } from './terminal.ts';

const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));
let terminal: RealTerminal;
let pristine: string;

beforeAll(async () => {
  terminal = await openRealTerminal();
  pristine = await terminal.world();
  await terminal.writes();
});
afterAll(async () => {
  expect(terminal?.cluster.complaints ?? []).toEqual([]);
  await terminal?.close();
});

const buckets = (): readonly string[] => [...terminal.cluster.account.state.s3.buckets.keys()];
const resultOf = (ran: Awaited<ReturnType<RealTerminal['run']>>, type: string) => ran.events.find((event) => event.type === type)?.['result'];
const timed = async (act: () => Promise<unknown>): Promise<number> => {
  const start = Date.now();
  await act();
  return (Date.now() - start) / 1000;
};

/** Starts the program, and sends it a signal once a request that fits has been audited, or so many milliseconds later. */
async function signalled(
  words: string,
  { signal, at, later = 0 }: { readonly signal: NodeJS.Signals; readonly at: RegExp; readonly later?: number },
): Promise<number | NodeJS.Signals> {
  await terminal.cluster.audited();
  const child = spawn(process.execPath, [script, ...words.split(' '), '--output', 'json'], { env: terminal.env, cwd: terminal.folder, stdio: 'ignore' });
  const ended = new Promise<number | NodeJS.Signals>((resolve) => child.on('exit', (code, killed) => resolve(killed ?? code ?? -1)));
  await until(async () => child.exitCode !== null || (await terminal.cluster.audited()).some(({ verb, uri }) => at.test(`${verb} ${uri}`)), 120_000);
  await new Promise((resolve) => setTimeout(resolve, later));
  expect(child.exitCode, `${words} ended before ${at}`).toBeNull();
  child.kill(signal);
  return ended;
}

const APPLIES_STATEFULSET = /^(create|patch|update) .*\/statefulsets/;

async function deleteAll(): Promise<void> {
  const named = buckets().map((name) => `--confirm-delete-data ${name}`);
  await terminal.run(`uninstall --yes --delete-data ${named.join(' ')}`);
  await until(async () => (await terminal.world()) === pristine, 30_000).catch(() => undefined);
  expect(await terminal.world()).toBe(pristine);
}

describe('a life on the real API server', () => {
  it('plan changes nothing and exits 7', async () => {
    const ran = await terminal.run('plan --detailed-exitcode', 7);
    expect(ran.events.at(-1)).toMatchObject({ type: 'run.finished' });
    expect(await terminal.writes()).toEqual([]);
    expect(await terminal.world()).toBe(pristine);
  });

  it('install proves a line', async () => {
    const ran = await terminal.run('install --yes');
    expect(resultOf(ran, 'verify.finished')).toMatchObject({ found: true, labels: { cluster: 'training-on-eks' } });
    // The control plane is no sandbox, and nothing may call it one.
    expect(ran.events.at(-1)).toMatchObject({ outcome: 'ok', exit: 0 });
  });

  it('doctor within seconds of the install finds nothing', async () => {
    await terminal.run('doctor');
  });

  it('a second install writes nothing, says the audit log', async () => {
    await terminal.writes();
    const ran = await terminal.run('install --yes');
    expect(ran.events.at(-1)).toMatchObject({ outcome: 'nothing-to-do', writes: 0 });
    expect(await terminal.writes()).toEqual([]);
  });

  it('plan exits 0 now', async () => {
    await terminal.run('plan --detailed-exitcode');
  });

  it('status is healthy, on every Linux node, within a second', async () => {
    const result = resultOf(await terminal.run('status'), 'status.finished');
    expect(result).toMatchObject({ healthy: true, drift: [], nodes: { without: [] } });
    expect(result.nodes.withCollector).toBe(result.nodes.linux);
    const seconds = [];
    for (let round = 0; round < 3; round++) seconds.push(await timed(() => terminal.run('status')));
    // One second on a machine that does nothing else; what is far off fails anywhere.
    expect(Math.min(...seconds)).toBeLessThan(5);
  });

  it('verify proves it again and leaves no pod', async () => {
    await terminal.run('verify');
    expect(await terminal.does('kubectl get pods -A -o name')).not.toContain('verify');
  });

  it('the logs of a pod come back, printed by a real Job', async () => {
    await terminal.does(`kubectl create job printer --image=busybox -- sh -c 'for i in 1 2 3; do echo "printed $i"; sleep 1; done'`);
    await terminal.does('kubectl wait --for=condition=complete job/printer --timeout=60s');
    const query = encodeURIComponent('{namespace="default", container="printer"}');
    const found = () =>
      terminal.does(
        `password=$(kubectl get secret -n loki loki-gateway-login -o jsonpath='{.data.password}' | base64 -d)
         ${gatewayForward}
         curl --silent --fail --user "loki:$password" --header 'X-Scope-OrgID: training-on-eks' "http://127.0.0.1:$port/loki/api/v1/query_range?limit=10&query=${query}"`,
      );
    await until(async () => (await found()).match(/printed \d/g)?.length === 3);
    await terminal.does('kubectl delete job printer');
  });

  it('an upgrade changes what was asked', async () => {
    await terminal.run('install --yes --retention-days 14');
    const config = await terminal.does('kubectl get configmap -n loki loki -o jsonpath={.data}');
    expect(config).toContain('retention_period: 336h');
    await terminal.run('doctor');
  });

  it('the login is rotated', async () => {
    const password = () => terminal.does(`kubectl get secret -n loki loki-gateway-login -o jsonpath='{.data.password}'`);
    const former = await password();
    await terminal.run('install --yes --rotate-login');
    expect(await password()).not.toBe(former);
    await terminal.run('verify');
  });

  it('SIGINT in an upgrade is rolled back', async () => {
    const before = await terminal.does('kubectl get configmap -n loki loki -o jsonpath={.data}');
    expect(await signalled('install --yes --retention-days 21', { signal: 'SIGINT', at: APPLIES_STATEFULSET })).toBe(130);
    expect(await terminal.does('kubectl get configmap -n loki loki -o jsonpath={.data}')).toBe(before);
    // The former pods come back in their own time.
    await until(async () => (await terminal.cli(['plan', '--detailed-exitcode'])).exit === 0);
    await terminal.run('status');
  });

  it('of two installs at once one works, the other stops', async () => {
    const rans = await Promise.all([1, 2].map(() => terminal.cli(['install', '--yes', '--retention-days', '10', '--output', 'json'])));
    expect(rans.map(({ exit }) => exit).sort(), rans.map(({ stderr }) => stderr).join('\n')).toEqual([0, 3]);
    expect(codesOf(rans.find(({ exit }) => exit === 3)!)).toEqual(['RUN_LOCKED']);
  });

  it('uninstall keeps the logs and takes the rest', async () => {
    await terminal.run('uninstall --yes');
    expect(buckets()).toHaveLength(2);
    expect(await terminal.does('kubectl get namespaces -o name')).not.toMatch(/namespace\/(loki|alloy)\b/);
  });

  it('killed with -9 while helm works, the same command finishes it, with the former logs', async () => {
    expect(await signalled('install --yes', { signal: 'SIGKILL', at: APPLIES_STATEFULSET })).toBe('SIGKILL');
    await terminal.run('install --yes --on-unfinished continue');
    await terminal.run('status');
  });

  it('uninstall with the buckets named leaves the world as it was', deleteAll);

  // The controllers create pods and volumes at these moments, one by one.
  it.each([0, 500, 1500])('SIGINT in a first install, %i ms after helm begins, is rolled back whole', async (later) => {
    expect(await signalled('install --yes', { signal: 'SIGINT', at: APPLIES_STATEFULSET, later })).toBe(130);
    await until(async () => (await terminal.world()) === pristine, 30_000).catch(() => undefined);
    expect(await terminal.world()).toBe(pristine);
  });
});
