import { expect, it } from 'vitest';
import type { Release } from '../../ports/releases.ts';
import { PENDING_GRACE_MS, recovery } from './pending.ts';

const now = new Date('2030-01-01T12:00:00Z');
const release = (of: Partial<Release>): Release => ({
  name: 'loki',
  namespace: 'loki',
  revision: 1,
  status: 'deployed',
  chart: 'loki',
  chartVersion: '1',
  appVersion: '1',
  values: {},
  labels: {},
  updated: new Date(now.getTime() - PENDING_GRACE_MS),
  ...of,
});

it.each([
  ['no release', undefined, { is: 'nothing' }],
  ['a deployed one', release({}), { is: 'nothing' }],
  ['a failed one: helm goes on from there', release({ status: 'failed' }), { is: 'nothing' }],
  ['a first revision that never ended', release({ status: 'pending-install' }), { is: 'uninstall' }],
  ['an upgrade that never ended', release({ status: 'pending-upgrade', revision: 3, lastGood: 2 }), { is: 'rollback', revision: 2 }],
  ['a rollback that never ended', release({ status: 'pending-rollback', revision: 4, lastGood: 2 }), { is: 'rollback', revision: 2 }],
  ['an upgrade with nothing good before it', release({ status: 'pending-upgrade', revision: 2 }), { is: 'uninstall' }],
  ['an uninstall that never ended', release({ status: 'uninstalling', revision: 2, lastGood: 1 }), { is: 'uninstall' }],
  ['a time that can not be read', release({ status: 'pending-install', updated: undefined }), { is: 'uninstall' }],
])('%s', (_, found, expected) => expect(recovery(found, now)).toEqual(expected));

it('leaves a young pending release to whoever works on it', () => {
  const young = release({ status: 'pending-upgrade', revision: 2, lastGood: 1, updated: new Date(now.getTime() - 10_000) });
  expect(recovery(young, now)).toMatchObject({ is: 'busy', problem: { code: 'HELM_BUSY', message: expect.stringContaining('for 10 s') } });
});
