/** Fields that others own on a real API server: by hand through kubectl, and by an autoscaler. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './cluster.ts';
import { openRealTerminal, type RealTerminal } from './terminal.ts';

let terminal: RealTerminal;

beforeAll(async () => {
  terminal = await openRealTerminal();
  await terminal.run('install --yes --no-verify');
});
afterAll(() => terminal?.close());

describe('fields of others', () => {
  const replicas = (of: string) => terminal.does(`kubectl get -n loki deploy/${of} -o jsonpath='{.spec.replicas}'`);

  it('a variable set by hand is seen', async () => {
    await terminal.does('kubectl set env -n loki deploy/loki-querier FOO=bar');
    await terminal.does('kubectl rollout status -n loki deploy/loki-querier --timeout=60s');
    const seen = await terminal.cli(['status', '--output', 'plain']);
    expect(seen.exit, seen.stdout + seen.stderr).toBe(6);
    expect(seen.stdout + seen.stderr).toContain('RELEASE_CHANGED');
    await terminal.does('kubectl set env -n loki deploy/loki-querier FOO-');
  });

  it('an autoscaler keeps its replicas over an upgrade', async () => {
    await terminal.does('kubectl autoscale -n loki deploy/loki-querier --min=3 --max=4');
    await until(async () => (await replicas('loki-querier')) === '3');
    await terminal.run('install --yes --retention-days 21');
    await until(async () => (await replicas('loki-querier')) === '3');
    await terminal.does('kubectl delete hpa -n loki loki-querier');
  });
});
