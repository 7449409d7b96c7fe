import { expect, it } from 'vitest';
import type { Json } from '../engine/types.ts';
import { fixedPart } from './recreate-statefulsets.ts';

const claim = (more: Json = {}, labels: Json = {}): Json => ({
  metadata: { name: 'data', ...(Object.keys(labels as object).length > 0 && { labels }) },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } }, ...(more as object) },
});
const set = (spec: object): Json =>
  ({ kind: 'StatefulSet', metadata: { name: 'loki-ingester' }, spec: { selector: { matchLabels: { a: 'b' } }, ...spec } }) as Json;
const same = (a: object, b: object) => fixedPart(set(a)) === fixedPart(set(b));

it('what a server fills in is no difference', () => {
  const live = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...(claim({ volumeMode: 'Filesystem' }) as object), status: { phase: 'Pending' } };
  expect(same({ volumeClaimTemplates: [live], podManagementPolicy: 'OrderedReady' }, { volumeClaimTemplates: [claim()] })).toBe(true);
  expect(same({ replicas: 3, minReadySeconds: 5, updateStrategy: {} }, {})).toBe(true);
});

it.each([
  ['a service', { serviceName: 'loki-ruler-headless' }],
  ['a volume', { volumeClaimTemplates: [claim()] }],
  ['the order of its pods', { podManagementPolicy: 'Parallel' }],
])('%s that comes or goes is one', (_, spec) => {
  expect(same(spec, {})).toBe(false);
});

it('so is a label of a claim, its size or its class: a server compares all of it', () => {
  const all = [
    claim(),
    claim({}, { 'app.kubernetes.io/name': 'loki' }),
    claim({ storageClassName: 'gp3' }),
    claim({ resources: { requests: { storage: '20Gi' } } }),
  ];
  expect(new Set(all.map((one) => fixedPart(set({ volumeClaimTemplates: [one] })))).size).toBe(4);
});
