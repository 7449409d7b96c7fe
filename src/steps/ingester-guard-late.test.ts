/** Ingesters that start while an uninstall is running. */
import { expect, it } from 'vitest';
import type { Kubernetes, KubeObject } from '../ports/kubernetes.ts';
import type { Releases } from '../ports/releases.ts';
import { stop } from '../problems/problem.ts';
import { guardIngesters } from './data-guard.ts';
import { FLUSHED } from './ingesters.ts';

const labels = { 'app.kubernetes.io/instance': 'loki', 'app.kubernetes.io/component': 'ingester' };
const time = '2026-01-07T10:00:00Z';
type State = 'creating' | 'ready' | 'ready and silent';

/** A release whose StatefulSet keeps creating ingesters while it is uninstalled. */
function world() {
  const pods = new Map<string, KubeObject>();
  const claims = new Map<string, KubeObject>();
  const silent = new Set<string>();
  const happened: string[] = [];
  let now = Date.parse(time);
  const at = new Map<string, () => void>();
  const happen = (what: string): void => {
    happened.push(what);
    at.get(what)?.();
    at.delete(what);
  };
  const ingester = (ordinal: number, state: State): void => {
    const [name, claim] = [`loki-ingester-${ordinal}`, `data-loki-ingester-${ordinal}`];
    const ready = state !== 'creating';
    if (state === 'ready and silent') silent.add(name);
    const metadata = { namespace: 'loki', labels, creationTimestamp: time };
    claims.set(
      claim,
      claims.get(claim) ?? { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { ...metadata, name: claim }, status: { phase: 'Bound' } },
    );
    pods.set(name, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name, uid: name },
      spec: { volumes: [{ persistentVolumeClaim: { claimName: claim } }] },
      status: {
        startTime: time,
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: time }],
        containerStatuses: [{ name: 'loki', state: ready ? { running: {} } : { waiting: { reason: 'ContainerCreating' } } }],
      },
    });
  };
  const shelves: Readonly<Record<string, () => readonly KubeObject[]>> = {
    Pod: () => [...pods.values()],
    PersistentVolumeClaim: () => [...claims.values()],
    StatefulSet: () => [],
  };
  const kubernetes = {
    list: async ({ kind }: { readonly kind: string }) => {
      const listed = shelves[kind]?.() ?? [];
      happen(`list ${kind}`);
      return listed;
    },
    get: async ({ name }: { readonly name: string }) => claims.get(name),
    patch: async ({ name }: { readonly name: string }, { metadata }: { readonly metadata: object }) => {
      const claim = claims.get(name) as KubeObject;
      claims.set(name, { ...claim, metadata: { ...claim.metadata, ...metadata } });
      return claim;
    },
    delete: async ({ kind, name }: { readonly kind: string; readonly name: string }) => happen(`delete ${kind} ${name}`),
    logs: async () => [],
    forward: async ({ pod }: { readonly pod: string }, { method, path }: { readonly method: string; readonly path: string }) => {
      happen(`${method} ${path} of ${pod}`);
      if (silent.has(pod)) throw stop('KUBE_FORWARD_FAILED', { message: 'the connection broke off' });
      return { status: 200, headers: {}, body: 'loki_ingester_memory_chunks 0\n' };
    },
  } as unknown as Kubernetes;
  const releases = { uninstall: async () => happen('helm uninstall') } as unknown as Releases;
  const ctx = guardIngesters({ kubernetes, releases, clock: { now: () => new Date(now), sleep: async () => undefined }, timeoutMs: 60_000 });
  const task = { name: 'loki', namespace: 'loki', timeoutMs: 60_000, signal: new AbortController().signal, say: () => undefined };
  return {
    ingester,
    ends: (ordinal: number) => void pods.delete(`loki-ingester-${ordinal}`),
    later: (seconds: number) => void (now += seconds * 1000),
    happened,
    when: (what: string, act: () => void) => at.set(what, act),
    uninstall: () => ctx.releases.uninstall(task),
    removeClaims: () =>
      Promise.all([...claims.keys()].map((name) => ctx.kubernetes.delete({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'loki', name }))),
    flushedClaims: () => [...claims.values()].flatMap(({ metadata }) => (metadata.annotations?.[FLUSHED] === undefined ? [] : [metadata.name])),
  };
}

const MOMENTS = ['list PersistentVolumeClaim', 'list Pod', 'POST /flush of loki-ingester-0', 'helm uninstall'];

it.each(MOMENTS)('an ingester that is created at "%s" is in no way of an uninstall', async (moment) => {
  const { ingester, when, uninstall, removeClaims, flushedClaims } = world();
  ingester(0, 'ready');
  when(moment, () => ingester(1, 'creating'));
  await uninstall();
  expect(flushedClaims()).toEqual(['data-loki-ingester-0', 'data-loki-ingester-1']);
  await removeClaims();
});

it.each(MOMENTS.slice(1, 3))('an ingester that starts to take lines at "%s" is flushed, though it had none when it was looked at first', async (moment) => {
  const { ingester, when, uninstall, happened } = world();
  ingester(0, 'ready');
  ingester(1, 'creating');
  when(moment, () => ingester(1, 'ready'));
  await uninstall();
  expect(happened.indexOf('POST /flush of loki-ingester-1')).toBeGreaterThan(0);
  expect(happened.indexOf('POST /flush of loki-ingester-1')).toBeLessThan(happened.indexOf('helm uninstall'));
});

it('one that starts while others are flushed, and can not be flushed, keeps the release', async () => {
  const { ingester, when, uninstall, removeClaims, happened } = world();
  ingester(0, 'ready');
  when('POST /flush of loki-ingester-0', () => ingester(1, 'ready and silent'));
  await expect(uninstall()).rejects.toMatchObject({ problem: { code: 'INGESTERS_UNFLUSHED' } });
  expect(happened.filter((what) => /^delete|^helm/.test(what))).toEqual([]);
  await expect(removeClaims()).rejects.toMatchObject({ problem: { code: 'INGESTERS_UNFLUSHED' } });
});

it.each([
  [1, ['data-loki-ingester-0', 'data-loki-ingester-1']],
  [60, ['data-loki-ingester-0']],
])('one that came and went within %i s of helm', async (seconds, flushed) => {
  const { ingester, ends, later, when, uninstall, flushedClaims } = world();
  ingester(0, 'ready');
  when('helm uninstall', () => (ingester(1, 'creating'), ends(0), ends(1), later(seconds)));
  await uninstall();
  expect(flushedClaims()).toEqual(flushed);
});
