/** What others write into our workloads is seen, taken back by the next upgrade, and never in the way of going back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';
import { codesOf, quick } from './story.ts';

let terminal: Terminal;
beforeAll(async () => {
  terminal = await openTerminal(quick);
  expect((await terminal.cli(['install', '--yes', '--no-verify'])).exit).toBe(0);
});
afterAll(() => terminal.close());

const replicas = () =>
  (terminal.sandbox.world.store.get('Deployment', 'loki', 'loki-query-frontend') as KubeObject & { spec: { replicas: number } }).spec.replicas;
const warned = ({ events }: Ran) =>
  events.flatMap(({ type, verdict }) => (type === 'check.finished' && verdict.is === 'warn' ? [String(verdict.problem.message)] : []));
const scale = async (to: number) => expect((await terminal.shell(`kubectl -n loki scale deployment loki-query-frontend --replicas=${to}`)).exit).toBe(0);

it('a scaled part is seen in plan and status, and the upgrade takes it back', async () => {
  const before = replicas();
  await scale(before + 1);
  expect(warned(await terminal.cli(['plan', '--output', 'json'])).join()).toMatch(
    /Deployment loki\/loki-query-frontend was changed behind helm's back by kubectl: spec\.replicas/,
  );
  expect(codesOf(await terminal.cli(['status', '--output', 'json']))).toContain('RELEASE_CHANGED');
  const upgraded = await terminal.cli(['install', '--yes', '--no-verify', '--retention-days', '14', '--output', 'json']);
  expect(upgraded.exit, upgraded.stdout.slice(-2000)).toBe(0);
  expect(upgraded.stdout).toContain('taking back what others changed: Deployment loki/loki-query-frontend: kubectl: spec.replicas');
  expect(replicas()).toBe(before);
  expect(codesOf(await terminal.cli(['status', '--output', 'json']))).toEqual([]);
}, 120_000);

it('it is not in the way of a rollback', async () => {
  const before = replicas();
  await scale(before + 1);
  terminal.sandbox.world.addFault({ call: 'kube:patch:statefulsets', how: 'before', times: 1 });
  const failed = await terminal.cli(['install', '--yes', '--no-verify', '--retention-days', '21', '--output', 'json']);
  expect(failed.exit, failed.stdout.slice(-2000)).toBe(4);
  expect(codesOf(failed)).not.toContain('HELM_FIELD_CONFLICT');
  const { stdout } = await terminal.shell('helm status loki -n loki -o json');
  expect((JSON.parse(stdout) as { info: { status: string } }).info.status).toBe('deployed');
}, 120_000);

it('a variable that was set by hand is seen', async () => {
  expect((await terminal.shell('kubectl -n loki set env deployment/loki-querier FOO=bar')).exit).toBe(0);
  expect(warned(await terminal.cli(['plan', '--output', 'json'])).join()).toMatch(/loki-querier was changed .* by kubectl-set: .*env\[FOO\]/);
});
