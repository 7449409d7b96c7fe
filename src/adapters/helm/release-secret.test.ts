import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { clusterOf } from '../../../test/support/cluster-objects.ts';
import type { ProblemError } from '../../problems/problem.ts';
import { readRelease } from './release-secret.ts';

const packed = (content: object, pack: (bytes: string) => Buffer = gzipSync) =>
  Buffer.from(pack(JSON.stringify(content)).toString('base64')).toString('base64');
const secret = (version: number, status: string, release: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: `sh.helm.release.v1.loki.v${version}`,
    namespace: 'loki',
    labels: { owner: 'helm', name: 'loki', version: String(version), status, modifiedAt: '1', createdAt: '1', 'loki-eks/id': 'a' },
  },
  data: { release },
});
const stored = (version: number, status: string) => ({
  name: 'loki',
  namespace: 'loki',
  version,
  info: { status, last_deployed: '2030-01-02T03:04:05.678901234+09:00' },
  config: { a: 1 },
  chart: { metadata: { name: 'loki', version: '18.11.0', appVersion: '3.6.3' } },
});
const of = { name: 'loki', namespace: 'loki' };

it('reads only the newest revision whole, by number and not by name', async () => {
  const { kubernetes, calls } = clusterOf([
    secret(9, 'superseded', packed(stored(9, 'superseded'))),
    secret(10, 'failed', packed(stored(10, 'failed'))),
    secret(8, 'superseded', 'not checked'),
  ]);
  expect(await readRelease(kubernetes, of)).toEqual({
    ...of,
    revision: 10,
    status: 'failed',
    chart: 'loki',
    chartVersion: '18.11.0',
    appVersion: '3.6.3',
    values: { a: 1 },
    labels: { 'loki-eks/id': 'a' },
    updated: new Date('2030-01-01T18:04:05.678Z'),
    lastGood: 9,
  });
  expect(calls).toEqual(['list Secret', 'get Secret']);
});

it('knows neither a release that is not there nor a good revision where none is', async () => {
  expect(await readRelease(clusterOf([]).kubernetes, of)).toBeUndefined();
  const first = clusterOf([secret(1, 'pending-install', packed({ ...stored(1, 'pending-install'), config: null }))]);
  const found = await readRelease(first.kubernetes, of);
  expect(found).toMatchObject({ revision: 1, values: {} });
  expect(found).not.toHaveProperty('lastGood');
});

it('reads releases that were stored without compression', async () => {
  const { kubernetes } = clusterOf([secret(1, 'deployed', packed(stored(1, 'deployed'), Buffer.from))]);
  expect(await readRelease(kubernetes, of)).toMatchObject({ status: 'deployed', lastGood: 1 });
});

it('takes the next one when the newest has gone meanwhile', async () => {
  const objects = [secret(1, 'superseded', packed(stored(1, 'superseded'))), secret(2, 'deployed', '')];
  const { kubernetes } = clusterOf(objects, { get: async ({ name }) => (name.endsWith('v2') ? undefined : (objects[0] as never)) });
  expect(await readRelease(kubernetes, of)).toMatchObject({ revision: 1 });
});

it('names a Secret that holds no release', async () => {
  const error = await readRelease(clusterOf([secret(1, 'deployed', 'rubbish')]).kubernetes, of).catch((thrown: unknown) => thrown);
  expect((error as ProblemError).problem).toMatchObject({ code: 'RELEASE_UNREADABLE', message: expect.stringContaining('sh.helm.release.v1.loki.v1') });
});
