/** Defaults of the API server that clients rely on. */
import { expect, it } from 'vitest';
import { applyDefaults } from './defaults.ts';

const around = { clusterIp: () => '10.100.0.1', nodePort: () => 30_000, defaultStorageClass: () => undefined };

it('makes an update strategy without a type a rolling one, or kubectl rollout status refuses the set', () => {
  const cases = [
    ['StatefulSet', 'updateStrategy', { partition: 1 }, { partition: 1 }],
    ['DaemonSet', 'updateStrategy', { maxUnavailable: 2 }, { maxUnavailable: 2, maxSurge: 0 }],
    ['Deployment', 'strategy', { maxSurge: 0 }, { maxSurge: 0, maxUnavailable: '25%' }],
  ] as const;
  for (const [kind, field, rollingUpdate, filled] of cases) {
    const object = { kind, metadata: { name: 'a' }, spec: { [field]: { rollingUpdate: { ...rollingUpdate } }, template: { spec: { containers: [] } } } };
    applyDefaults(object, around);
    expect(object.spec[field], kind).toEqual({ type: 'RollingUpdate', rollingUpdate: filled });
  }
});

it('fills nothing into a strategy that is not a rolling one', () => {
  const object = { kind: 'StatefulSet', metadata: { name: 'a' }, spec: { updateStrategy: { type: 'OnDelete' }, template: { spec: { containers: [] } } } };
  applyDefaults(object, around);
  expect(object.spec.updateStrategy).toEqual({ type: 'OnDelete' });
});
