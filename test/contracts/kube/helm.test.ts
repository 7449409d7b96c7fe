/** Real helm, 4 and (where there is one) 3, living a release's whole life against the sandbox's API. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/ports/kubernetes.ts';
import { binary, openBench } from './binaries.ts';
import type { Bench, Ran } from './binaries.ts';
import type { Doc } from './call.ts';
import { startServer } from './server.ts';
import type { TestServer } from './server.ts';
import { writeTinyChart } from './tiny-chart.ts';

const GENERATIONS = ['LOKI_EKS_HELM', ...(process.env.TOOLS_HELM3 ? (['TOOLS_HELM3'] as const) : [])] as const;

const SERVICE_MONITORS: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'servicemonitors.monitoring.coreos.com' },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: { kind: 'ServiceMonitor', plural: 'servicemonitors' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }],
  },
};

describe.each(GENERATIONS)('the helm of %s', (variable) => {
  let server: TestServer;
  let api: Bench;
  let chart = '';
  let before: unknown;
  const helm = (...args: readonly string[]): Promise<Ran> => api.run(binary(variable), [...args, '--namespace', 'home']);
  const done = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await helm(...args);
    expect(code, `helm ${args.join(' ')}\n${err}`).toBe(0);
    return out;
  };
  const env = async (): Promise<readonly Doc[]> => ((await server.get('Deployment', 'home', 'r')) as Doc).spec.template.spec.containers[0].env;

  beforeAll(async () => {
    server = await startServer({ readyAfterMs: 30 });
    api = openBench(server);
    chart = writeTinyChart(api.home);
    before = await server.world();
  });
  afterAll(async () => {
    await server.close();
    api.remove();
  });

  test('installs and waits', async () => {
    expect(await done('install', 'r', chart, '--create-namespace', '--wait', '--timeout', '60s')).toContain('STATUS: deployed');
    expect(await server.get('StatefulSet', 'home', 'r-store')).toBeDefined();
    expect(await server.get('Job', 'home', 'r-hook')).toBeUndefined();
    expect(await server.list('Secret', { namespace: 'home', selector: 'owner=helm,status=deployed' })).toHaveLength(1);
  });

  test('upgrades, also to no change at all', async () => {
    await done('upgrade', 'r', chart, '--wait', '--set', 'text=two,extra=more,replicas=2', '--timeout', '60s');
    expect(await env()).toEqual([
      { name: 'TEXT', value: 'two' },
      { name: 'EXTRA', value: 'more' },
    ]);
    const { generation } = (await server.get('Deployment', 'home', 'r'))?.metadata ?? {};
    await done('upgrade', 'r', chart, '--reuse-values');
    expect((await server.get('Deployment', 'home', 'r'))?.metadata.generation).toBe(generation);
  });

  test('rolls back, and takes away what the newer revision had added', async () => {
    await done('rollback', 'r', '1', '--wait', '--timeout', '60s');
    expect(await env()).toEqual([{ name: 'TEXT', value: 'one' }]);
    expect(((await server.get('ConfigMap', 'home', 'r-config')) as Doc).data).toEqual({ text: 'one' });
    const history = JSON.parse(await done('history', 'r', '-o', 'json')) as Doc[];
    expect(history.map((entry) => entry.status)).toEqual(['superseded', 'superseded', 'superseded', 'deployed']);
  });

  test('lists and tells the status', async () => {
    expect(JSON.parse(await done('list', '-o', 'json'))).toMatchObject([{ name: 'r', status: 'deployed', revision: '4' }]);
    expect(JSON.parse(await done('status', 'r', '-o', 'json'))).toMatchObject({ name: 'r', info: { status: 'deployed' } });
  });

  test('hears of an immutable field in the real words', async () => {
    const { code, err } = await helm('upgrade', 'r', chart, '--set', 'serviceName=other');
    expect(code).toBe(1);
    expect(err).toContain("updates to statefulset spec for fields other than 'replicas'");
    expect(JSON.parse(await done('list', '-o', 'json'))).toMatchObject([{ status: 'failed' }]);
  });

  test('hears of a kind whose CRD is missing, and installs it once it is there', async () => {
    const refused = await helm('upgrade', 'r', chart, '--set', 'monitor=true');
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/no matches for kind "ServiceMonitor" in version "monitoring.coreos.com\/v1"\s+ensure CRDs are installed first/);
    await server.put(SERVICE_MONITORS);
    await done('upgrade', 'r', chart, '--set', 'monitor=true');
    expect(await server.get('ServiceMonitor', 'home', 'r')).toMatchObject({ spec: { endpoints: [{ port: 'http' }] } });
    await done('rollback', 'r', '1');
    expect(await server.get('ServiceMonitor', 'home', 'r')).toBeUndefined();
    await server.remove('CustomResourceDefinition', undefined, SERVICE_MONITORS.metadata.name);
  });

  test('uninstalls without a trace', async () => {
    await done('uninstall', 'r', '--wait', '--timeout', '60s');
    await server.remove('Namespace', undefined, 'home');
    await expect.poll(() => server.get('Namespace', undefined, 'home'), { timeout: 30_000 }).toBeUndefined();
    await expect.poll(() => server.world(), { timeout: 10_000 }).toEqual(before);
  });

  test('gives up when nothing becomes ready', async () => {
    const stuck = await startServer({ stuck: true });
    const other = openBench(stuck);
    const ran = await other.run(binary(variable), ['install', 'r', chart, '--wait', '--timeout', '3s']);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('context deadline exceeded');
    await stuck.close();
    other.remove();
  });
});
