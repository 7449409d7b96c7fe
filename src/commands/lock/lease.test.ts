import { expect, it } from 'vitest';
import type { KubeObject } from '../../ports/kubernetes.ts';
import { holderIn, holderNow, leaseOf } from './lease.ts';

const lease = (spec: unknown, annotations: Readonly<Record<string, string>> = {}) =>
  ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'x', annotations }, spec }) as unknown as KubeObject;

it.each<readonly [string, KubeObject]>([
  ['nothing', lease(undefined)],
  ['null', lease(null)],
  ['a list', lease([])],
  ['times that are none', lease({ holderIdentity: 'a', acquireTime: 'soon', renewTime: 'later' })],
  ['times of another kind', lease({ holderIdentity: 'a', acquireTime: 5, renewTime: {} })],
  ['a time at the end of days', lease({ holderIdentity: 'a', renewTime: '9999-12-31T23:59:59.000000Z', leaseDurationSeconds: 2_147_483_647 })],
  ['a duration below zero', lease({ holderIdentity: 'a', leaseDurationSeconds: -5 })],
  ['a duration that is none', lease({ holderIdentity: 'a', leaseDurationSeconds: 'x' })],
  ['a holder that is no text', lease({ holderIdentity: 7 })],
  ['a process that is none', lease({ holderIdentity: 'a' }, { 'loki-eks.dev/lock-pid': 'x' })],
])('a Lease with %s can be told of, waited for and written over', (_, object) => {
  const holder = holderIn(object);
  expect(holder.since.toISOString()).toMatch(/Z$/);
  expect(holder.renewed.toISOString()).toMatch(/Z$/);
  expect(typeof holder.identity).toBe('string');
  expect(holder.seconds).toBeGreaterThanOrEqual(1);
  expect(holder.seconds).toBeLessThanOrEqual(120);
  expect(Number.isInteger(holder.pid)).toBe(true);
  const self = { user: 'u', host: 'h', pid: 1, alive: () => true };
  const mine = holderNow(self, { command: 'install', run: 'r', now: new Date(0) });
  expect(leaseOf(mine, { installId: 'i', tags: {}, labels: {}, annotations: {} }, object)['spec']).toMatchObject({ holderIdentity: mine.identity });
});
