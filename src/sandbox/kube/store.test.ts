import { beforeEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../ports/kubernetes.ts';
import type { StoreEvent } from '../types.ts';
import type { Doc } from './document.ts';
import { createStore } from './store.ts';
import type { KubeStore } from './store.ts';

let store: KubeStore;
let later: (() => void)[] = [];
const clock = {
  now: () => new Date('2026-01-07T10:00:00Z'),
  after: (_ms: number, act: () => void) => {
    later.push(act);
    return () => undefined;
  },
};
const runLater = (): void => later.splice(0).forEach((act) => act());
const config = (name: string, more: Doc = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  ...more,
  metadata: { name, namespace: 'home', ...more.metadata },
});

beforeEach(() => {
  later = [];
  store = createStore({ clock, rootCa: 'PEM' });
  store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'home' } });
});

test('a namespace is furnished', () => {
  expect(store.get('ServiceAccount', 'home', 'default')).toBeDefined();
  expect(store.get('ConfigMap', 'home', 'kube-root-ca.crt')).toMatchObject({ data: { 'ca.crt': 'PEM' } });
});

test('what goes in is not shared with what comes out', () => {
  const given = config('a', { data: { x: '1' } });
  store.create(given);
  (given.data as Doc).x = '2';
  expect(store.get('ConfigMap', 'home', 'a')).toMatchObject({ data: { x: '1' } });
});

test('update keeps identity and counts generations; setStatus does neither', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'i' }] } };
  const made = store.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'home' },
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  });
  const next = store.update({ ...made, metadata: { name: 'd', namespace: 'home' }, spec: { ...(made.spec as Doc), replicas: 3 } });
  expect([next.metadata.uid, next.metadata.generation]).toEqual([made.metadata.uid, 2]);
  const events: StoreEvent[] = [];
  store.subscribe((event) => events.push(event));
  store.setStatus('Deployment', 'home', 'd', { replicas: 3 });
  store.setStatus('Deployment', 'home', 'd', { replicas: 3 });
  expect(events.map(({ type, object }) => [type, object.metadata.generation])).toEqual([['MODIFIED', 2]]);
});

test('metadata shows no empty map and no empty list', () => {
  const made = store.create(config('a', { metadata: { labels: {}, annotations: { x: '1' }, finalizers: [] } }));
  expect(Object.keys(made.metadata)).toEqual(expect.not.arrayContaining(['labels', 'finalizers']));
  const next = store.update({ ...made, metadata: { ...made.metadata, annotations: {} } });
  expect(next.metadata).not.toHaveProperty('annotations');
});

test('a field that is null is not there', () => {
  const made = store.create(config('a', { data: { x: '1', y: null } }));
  expect(made['data']).toEqual({ x: '1' });
});

test('listeners that write are heard in order by everyone', () => {
  const heard: string[] = [];
  store.subscribe(({ type, object }) => {
    if (type === 'ADDED' && object.metadata.name === 'first') store.create(config('second'));
  });
  store.subscribe(({ object }) => heard.push(object.metadata.name));
  store.create(config('first'));
  expect(heard).toEqual(['first', 'second']);
});

describe('deleting', () => {
  const owned = (name: string, ...owners: KubeObject[]): KubeObject =>
    store.create(
      config(name, {
        metadata: { ownerReferences: owners.map((owner) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: owner.metadata.name, uid: owner.metadata.uid })) },
      }),
    );

  test('takes dependents along, level by level, but not those with another owner', () => {
    const [one, two] = [store.create(config('one')), store.create(config('two'))];
    const child = owned('child', one);
    owned('grandchild', child);
    owned('shared', one, two);
    store.delete('ConfigMap', 'home', 'one');
    expect(store.list('ConfigMap', { namespace: 'home' }).map((object) => object.metadata.name)).toEqual(['kube-root-ca.crt', 'shared', 'two']);
    expect(store.get('ConfigMap', 'home', 'shared')?.metadata.ownerReferences?.map((owner) => owner.name)).toEqual(['two']);
  });

  test('waits for finalizers', () => {
    store.create(config('held', { metadata: { finalizers: ['example.com/x'] } }));
    store.delete('ConfigMap', 'home', 'held');
    const marked = store.get('ConfigMap', 'home', 'held');
    expect(marked?.metadata.deletionTimestamp).toBe('2026-01-07T10:00:00Z');
    store.update({ ...(marked as KubeObject), metadata: { name: 'held', namespace: 'home', finalizers: [] } });
    expect(store.get('ConfigMap', 'home', 'held')).toBeUndefined();
  });

  test('a foreground deletion ends when the last dependent has gone', () => {
    const owner = store.create(config('owner'));
    owned('free', owner);
    store.create(
      config('stubborn', {
        metadata: { finalizers: ['example.com/x'], ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid }] },
      }),
    );
    store.erase(store.registry.ofKind('ConfigMap'), owner, 'Foreground');
    expect(store.get('ConfigMap', 'home', 'free')).toBeUndefined();
    expect(store.get('ConfigMap', 'home', 'owner')?.metadata.finalizers).toEqual(['foregroundDeletion']);
    store.update({ ...(store.get('ConfigMap', 'home', 'stubborn') as KubeObject), metadata: { name: 'stubborn', namespace: 'home' } });
    expect(store.get('ConfigMap', 'home', 'owner')).toBeUndefined();
  });

  test('a namespace is Terminating first, then gone with all it held', () => {
    store.create(config('a'));
    store.delete('Namespace', undefined, 'home');
    expect(store.get('Namespace', undefined, 'home')).toMatchObject({ status: { phase: 'Terminating' } });
    expect(() => store.create(config('b'))).toThrow(
      'configmaps "b" is forbidden: unable to create new content in namespace home because it is being terminated',
    );
    runLater();
    expect([store.get('Namespace', undefined, 'home'), store.list('ConfigMap', { namespace: 'home' })]).toEqual([undefined, []]);
  });
});

describe('the snapshot', () => {
  test('is the same after everything was undone, however often', () => {
    const before = store.snapshot();
    store.create(config('a', { data: { x: '1' } }));
    expect(store.snapshot()).not.toEqual(before);
    store.delete('ConfigMap', 'home', 'a');
    const service = store.create({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'home' }, spec: { ports: [{ port: 80 }] } });
    store.delete('Service', 'home', service.metadata.name);
    expect(store.snapshot()).toEqual(before);
  });

  test('holds no times, identities, versions or events, and is sorted', () => {
    store.create({ apiVersion: 'v1', kind: 'Event', metadata: { name: 'e', namespace: 'home' }, involvedObject: { namespace: 'home' } });
    store.create(config('z', { metadata: { labels: { b: '1', a: '2' } } }));
    const text = JSON.stringify(store.snapshot());
    expect(text).not.toMatch(/uid|resourceVersion|Timestamp|managedFields/);
    expect(Object.keys(store.snapshot() as Doc)).not.toContain('events.');
    expect(text).toContain('"labels":{"a":"2","b":"1"}');
  });
});
