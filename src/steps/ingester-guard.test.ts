/** A claim is marked as flushed only as long as the operation that stops its ingester may still succeed. */
import { expect, it } from 'vitest';
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';
import type { Releases } from '../ports/releases.ts';
import { guardReleases, wronglyFlushed } from './ingester-guard.ts';
import { FLUSHED, isFlushed } from './ingesters.ts';

const labels = { 'app.kubernetes.io/instance': 'loki', 'app.kubernetes.io/component': 'ingester' };
const metadata = (name: string) => ({ name, namespace: 'loki', labels });
const setOf = (replicas: number) => ({
  kind: 'StatefulSet',
  metadata: { name: 'loki-ingester' },
  spec: { replicas, volumeClaimTemplates: [{ metadata: { name: 'data' } }] },
});

/** Three ingesters with a volume each. `failing`: the n-th mark that is not set, or the helm command that fails. */
function world(failing: number | 'helm' | undefined) {
  const claims = [0, 1, 2].map((n): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadata(`data-loki-ingester-${n}`),
    status: { phase: 'Bound' },
  }));
  const pods = [0, 1, 2].map((n): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadata(`loki-ingester-${n}`),
    spec: { volumes: [{ persistentVolumeClaim: { claimName: `data-loki-ingester-${n}` } }] },
    status: { containerStatuses: [{ name: 'loki', state: { running: {} } }] },
  }));
  let set: object = setOf(3);
  const prepared = new Set<string>();
  let marks = 0;
  const kubernetes = {
    list: async ({ kind }: { readonly kind: string }) => (kind === 'Pod' ? pods : kind === 'StatefulSet' ? [set] : claims),
    patch: async ({ name }: { readonly name: string }, change: { readonly metadata: { readonly annotations: Record<string, string | null> } }) => {
      const mark = change.metadata.annotations[FLUSHED];
      if (typeof mark === 'string' && ++marks === failing) throw new Error('not marked');
      // The one that fails is not the last to respond.
      await new Promise((resolve) => setTimeout(resolve, 5));
      const claim = claims.find((one) => one.metadata.name === name)!;
      Object.assign(claim.metadata, { annotations: typeof mark === 'string' ? { [FLUSHED]: mark } : {} });
    },
    forward: async ({ pod }: { readonly pod: string }, { method, path }: { readonly method: string; readonly path: string }) => {
      if (path === '/ingester/prepare_shutdown') prepared[method === 'POST' ? 'add' : 'delete'](pod);
      return { status: 200, headers: {}, body: 'loki_ingester_memory_chunks 0\n' };
    },
  } as unknown as Kubernetes;
  const become = (replicas: number) => async () => {
    if (failing === 'helm') throw new Error('helm failed');
    // Its pods stop first.
    set = replicas === 0 ? { ...setOf(3), metadata: { name: 'loki-ingester', deletionTimestamp: '2026-01-01T00:00:00Z' } } : setOf(replicas);
  };
  const manifest = async () => JSON.stringify(setOf(1));
  const releases = { render: manifest, manifest, uninstall: become(0), upgrade: become(1), rollback: become(1) } as unknown as Releases;
  const ctx = { kubernetes, releases, clock: { now: () => new Date(), sleep: async () => {} }, timeoutMs: 1000 };
  const flushed = () => claims.filter(isFlushed).map(({ metadata: { name } }) => name.slice(-1));
  return { ctx, flushed, prepared, releases: guardReleases(ctx) };
}

const { signal } = new AbortController();
const task = { name: 'loki', namespace: 'loki', signal, say: () => {}, timeoutMs: 1000, revision: 1 } as never;

it.each([
  ['uninstall', undefined, ['0', '1', '2']],
  ['upgrade', undefined, ['1', '2']],
  ['rollback', undefined, ['1', '2']],
] as const)('%s to its end: those that end are marked', async (verb, failing, left) => {
  const { ctx, releases, flushed } = world(failing);
  await releases[verb](task);
  expect(flushed()).toEqual(left);
  expect(await wronglyFlushed(ctx, { name: 'loki', namespace: 'loki' })).toEqual([]);
});

it.each((['uninstall', 'upgrade', 'rollback'] as const).flatMap((verb) => ([1, 2, 'helm'] as const).map((failing) => [verb, failing] as const)))(
  '%s that fails (%s): all go on, and no claim says otherwise',
  async (verb, failing) => {
    const { ctx, releases, flushed, prepared } = world(failing);
    await expect(releases[verb](task)).rejects.toThrow(failing === 'helm' ? 'helm failed' : 'not marked');
    expect(flushed()).toEqual([]);
    expect([...prepared]).toEqual([]);
    expect(await wronglyFlushed(ctx, { name: 'loki', namespace: 'loki' })).toEqual([]);
  },
);
