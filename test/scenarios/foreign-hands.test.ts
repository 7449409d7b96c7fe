/** What others write into a release's objects is seen, reverted by the next install, and never in the way of a rollback. */
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
/** What a plan changes, as `Deployment loki/loki-querier changed by kubectl-set - …`. */
const planned = ({ events }: Ran) =>
  events
    .flatMap(({ type, steps }) => (type === 'plan.finished' ? (steps as readonly { readonly finding: { readonly changes?: readonly Planned[] } }[]) : []))
    .flatMap(({ finding: { changes = [] } }) => changes.map(({ target, detail = '', diff = [] }) => [target, detail, ...diff].join(' ')));
interface Planned {
  readonly target: string;
  readonly detail?: string;
  readonly diff?: readonly string[];
}
const scale = async (to: number) => expect((await terminal.shell(`kubectl -n loki scale deployment loki-query-frontend --replicas=${to}`)).exit).toBe(0);

it('a scaled part is seen in plan and status, and the upgrade reverts it', async () => {
  const before = replicas();
  await scale(before + 1);
  expect(planned(await terminal.cli(['plan', '--output', 'json']))).toEqual([
    `Deployment loki/loki-query-frontend changed by kubectl - spec.replicas: ${before + 1} + spec.replicas: ${before}`,
  ]);
  expect(codesOf(await terminal.cli(['status', '--output', 'json']))).toContain('RELEASE_CHANGED');
  const upgraded = await terminal.cli(['install', '--yes', '--no-verify', '--retention-days', '14', '--output', 'json']);
  expect(upgraded.exit, upgraded.stdout.slice(-2000)).toBe(0);
  expect(upgraded.stdout).toContain('reverting Deployment loki/loki-query-frontend: kubectl: spec.replicas');
  expect(replicas()).toBe(before);
  expect(codesOf(await terminal.cli(['status', '--output', 'json']))).toEqual([]);
}, 120_000);

it('it is not in the way of a rollback, which leaves it as it was', async () => {
  const before = replicas();
  await scale(before + 1);
  terminal.sandbox.world.addFault({ call: 'kube:patch:statefulsets', how: 'before', times: 1 });
  const failed = await terminal.cli(['install', '--yes', '--no-verify', '--retention-days', '21', '--output', 'json']);
  expect(failed.exit, failed.stdout.slice(-2000)).toBe(4);
  expect(codesOf(failed)).not.toContain('HELM_FIELD_CONFLICT');
  const { stdout } = await terminal.shell('helm status loki -n loki -o json');
  expect((JSON.parse(stdout) as { info: { status: string } }).info.status).toBe('deployed');
  expect(replicas()).toBe(before + 1);
}, 120_000);

it('a variable that was set by hand is seen, and removed by the next install', async () => {
  const env = () =>
    (
      terminal.sandbox.world.store.get('Deployment', 'loki', 'loki-querier') as KubeObject & {
        spec: { template: { spec: { containers: { env?: object[] }[] } } };
      }
    ).spec.template.spec.containers[0]!.env;
  const before = env();
  expect((await terminal.shell('kubectl -n loki set env deployment/loki-querier FOO=bar')).exit).toBe(0);
  expect(planned(await terminal.cli(['plan', '--retention-days', '14', '--output', 'json'])).join()).toMatch(/loki-querier changed by kubectl-set .*env/);
  const installed = await terminal.cli(['install', '--yes', '--no-verify', '--retention-days', '14']);
  expect(installed.exit, installed.stderr).toBe(0);
  expect(env()).toEqual(before);
  expect((await terminal.cli(['plan', '--detailed-exitcode', '--retention-days', '14'])).exit).toBe(0);
}, 120_000);
