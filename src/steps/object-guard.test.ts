/** No change to the cluster stops an ingester that holds lines, whichever object is changed. */
import { expect, it } from 'vitest';
import type { KubeObject, Kubernetes } from '../ports/kubernetes.ts';
import { stop } from '../problems/problem.ts';
import type { Consent } from './consent.ts';
import { FLUSHED, isFlushed } from './ingesters.ts';
import { guardObjects } from './object-guard.ts';

const labels = { 'app.kubernetes.io/instance': 'loki', 'app.kubernetes.io/component': 'ingester' };

interface Wanted {
  readonly volumes: boolean;
  readonly s3: 'takes' | 'fails';
  readonly consent?: Consent;
}

/** Three ingesters of a StatefulSet, each holding chunks. */
function world({ volumes, s3, consent }: Wanted) {
  const held = new Map([0, 1, 2].map((n) => [`loki-ingester-${n}`, 7]));
  const prepared = new Set<string>();
  const changes: string[] = [];
  const object = (kind: string, name: string, more: object): KubeObject => ({ apiVersion: 'v1', kind, metadata: { name, namespace: 'loki', labels }, ...more });
  const claims = volumes ? [0, 1, 2].map((n) => object('PersistentVolumeClaim', `data-loki-ingester-${n}`, { status: { phase: 'Bound' } })) : [];
  const pods = [0, 1, 2].map((n) =>
    object('Pod', `loki-ingester-${n}`, {
      spec: { volumes: volumes ? [{ persistentVolumeClaim: { claimName: `data-loki-ingester-${n}` } }] : [] },
      status: { conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [{ name: 'loki', state: { running: {} } }] },
    }),
  );
  let replicas = 3;
  const set = () =>
    object('StatefulSet', 'loki-ingester', {
      spec: { replicas, template: { metadata: { labels } }, volumeClaimTemplates: volumes ? [{ metadata: { name: 'data' } }] : [] },
    });
  const ofKind = (kind: string): readonly KubeObject[] =>
    kind === 'Pod' ? pods : kind === 'StatefulSet' ? [set()] : kind === 'PersistentVolumeClaim' ? claims : [];
  const kubernetes = {
    list: async ({ kind }: { readonly kind: string }) => ofKind(kind),
    get: async ({ kind, name }: { readonly kind: string; readonly name: string }) => ofKind(kind).find(({ metadata }) => metadata.name === name),
    delete: async ({ kind, name }: { readonly kind: string; readonly name: string }) => void changes.push(`delete ${kind} ${name}`),
    replace: async (given: KubeObject) => (changes.push(`replace ${given.metadata.name}`), given),
    patch: async ({ kind, name }: { readonly kind: string; readonly name: string }, change: object) => {
      const { metadata, spec } = change as { readonly metadata?: object; readonly spec?: { readonly replicas?: number | null } };
      const found = ofKind(kind).find((one) => one.metadata.name === name)!;
      if (metadata && kind === 'PersistentVolumeClaim') Object.assign(found.metadata, metadata);
      else changes.push(`patch ${kind} ${name}`);
      if (spec?.replicas !== undefined) replicas = spec.replicas ?? 1;
      return found;
    },
    logs: async () => [],
    forward: async ({ pod }: { readonly pod: string }, { method, path }: { readonly method: string; readonly path: string }) => {
      if (path === '/ingester/prepare_shutdown') prepared[method === 'POST' ? 'add' : 'delete'](pod);
      if (path === '/flush' && s3 === 'fails') throw stop('KUBE_FORWARD_FAILED', { message: 'the connection broke off' });
      if (path === '/flush') held.set(pod, 0);
      return { status: 200, headers: {}, body: `loki_ingester_memory_chunks ${held.get(pod)}\nloki_ingester_flush_queue_length 0\n` };
    },
  } as unknown as Kubernetes;
  const guarded = guardObjects({ kubernetes, clock: { now: () => new Date(), sleep: async () => {} }, timeoutMs: 1000, ...(consent && { consent }) });
  const holding = () => [...held].filter(([, chunks]) => chunks > 0).map(([name]) => Number(name.slice(-1)));
  return { guarded, changes, holding, prepared, flushed: () => claims.filter(isFlushed).map(({ metadata: { name } }) => Number(name.slice(-1))) };
}

const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: 'loki', name: 'loki-ingester' };
const whole = (replicas?: number) => ({
  ...set,
  metadata: { name: set.name, namespace: 'loki' },
  spec: { template: { metadata: { labels } }, ...(replicas !== undefined && { replicas }) },
});

interface Change {
  readonly what: string;
  readonly by: (kubernetes: Kubernetes) => Promise<unknown>;
  /** Ingesters that stop. */
  readonly ending: readonly number[];
}

const fewer: readonly Change[] = [
  { what: 'a patch to two replicas', by: (kubernetes) => kubernetes.patch(set, { spec: { replicas: 2 } }), ending: [2] },
  { what: 'a patch to none', by: (kubernetes) => kubernetes.patch(set, { spec: { replicas: 0 } }), ending: [0, 1, 2] },
  { what: 'a patch that takes the number away', by: (kubernetes) => kubernetes.patch(set, { spec: { replicas: null } }), ending: [1, 2] },
  { what: 'an object in its place with one replica', by: (kubernetes) => kubernetes.replace(whole(1)), ending: [1, 2] },
  { what: 'an object in its place that says no number', by: (kubernetes) => kubernetes.replace(whole()), ending: [1, 2] },
];
const gone: readonly Change[] = [
  { what: 'the StatefulSet is deleted', by: (kubernetes) => kubernetes.delete(set), ending: [0, 1, 2] },
  {
    what: 'a pod is deleted',
    by: (kubernetes) => kubernetes.delete({ apiVersion: 'v1', kind: 'Pod', namespace: 'loki', name: 'loki-ingester-1' }),
    ending: [1],
  },
  { what: 'the namespace is deleted', by: (kubernetes) => kubernetes.delete({ apiVersion: 'v1', kind: 'Namespace', name: 'loki' }), ending: [0, 1, 2] },
];
const both = fewer.flatMap((change) => [true, false].map((volumes) => ({ ...change, volumes })));
const without = gone.map((change) => ({ ...change, volumes: false }));

it.each([...both, ...without])('$what (volumes: $volumes): those that end are in S3 first', async ({ by, ending, volumes }) => {
  const { guarded, changes, holding, flushed } = world({ volumes, s3: 'takes' });
  await by(guarded);
  expect(changes).toHaveLength(1);
  expect(holding()).toEqual([0, 1, 2].filter((n) => !ending.includes(n)));
  if (volumes && changes[0]?.startsWith('patch')) expect(flushed()).toEqual(ending);
});

it.each([...both, ...without])('$what (volumes: $volumes): not where S3 takes nothing, and all go on', async ({ by, volumes }) => {
  const { guarded, changes, flushed, prepared } = world({ volumes, s3: 'fails' });
  await expect(by(guarded)).rejects.toMatchObject({ problem: { code: 'INGESTERS_UNFLUSHED' } });
  expect(changes).toEqual([]);
  expect(flushed()).toEqual([]);
  expect([...prepared]).toEqual([]);
});

it.each([...both, ...without])('$what (volumes: $volumes): where their lines were given up in this run', async ({ by, volumes }) => {
  const { guarded, changes } = world({ volumes, s3: 'fails', consent: { unflushed: true } });
  await by(guarded);
  expect(changes).toHaveLength(1);
});

it.each(gone.filter(({ what }) => !what.includes('pod')))('$what: not with volumes that were not flushed', async ({ by }) => {
  const { guarded, changes } = world({ volumes: true, s3: 'takes' });
  await expect(by(guarded)).rejects.toMatchObject({ problem: { code: 'INGESTERS_UNFLUSHED' } });
  expect(changes).toEqual([]);
});

it.each([
  ['more replicas', (kubernetes: Kubernetes) => kubernetes.patch(set, { spec: { replicas: 5 } })],
  ['another field', (kubernetes: Kubernetes) => kubernetes.patch(set, { metadata: { annotations: { [FLUSHED]: null } } })],
  ['pods that go on without it', (kubernetes: Kubernetes) => kubernetes.delete(set, { propagation: 'Orphan' as const })],
  ['a pod with a volume', (kubernetes: Kubernetes) => kubernetes.delete({ apiVersion: 'v1', kind: 'Pod', namespace: 'loki', name: 'loki-ingester-1' })],
] as const)('%s: nothing is flushed for it', async (_, by) => {
  const { guarded, changes, holding } = world({ volumes: true, s3: 'fails' });
  await by(guarded);
  expect(changes).toHaveLength(1);
  expect(holding()).toEqual([0, 1, 2]);
});
